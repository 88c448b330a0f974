// What speaks against a benchmark's labels.
import AssayReward
import AssayText
import Foundation

/// Estimates how many labels are wrong.
package enum LabelNoise {
  /// What the scores, and the pairs themselves, say of the labels.
  ///
  /// - Parameters:
  ///   - items: A benchmark's items.
  ///   - records: One for each.
  /// - Returns: The estimate of wrong labels, and how many pairs contradict or repeat another.
  package static func figures(
    _ items: [BenchmarkItem],
    _ records: [BenchmarkRecord]
  ) -> ResultsFile.Labels {
    let margins = zip(items, records).compactMap { item, record -> Double? in
      guard case .scores(let scores) = record.content, scores.chosen.count == 1,
        scores.rejected.count == 1, !item.isTie
      else { return nil }
      return scores.chosen[0] - scores.rejected[0]
    }
    var seen: Set<[String]> = []
    var (repeated, contradicting) = (0, 0)
    for item in items where item.chosen.count == 1 && item.rejected.count == 1 && !item.isTie {
      let prompt = item.prompt.flatMap { [$0.role, $0.content] }
      if seen.contains(prompt + [item.rejected[0], item.chosen[0]]) { contradicting += 1 }
      if !seen.insert(prompt + [item.chosen[0], item.rejected[0]]).inserted { repeated += 1 }
    }
    return ResultsFile.Labels(
      noise: estimate(margins).map { ResultsFile.Share($0) },
      contradicting: contradicting,
      repeated: repeated
    )
  }

  /// The share of labels that are flipped, where sure scores are right.
  ///
  /// A margin `m` agrees with its label with probability `(1 - e) s + e (1 - s)`, where
  /// `s = 1 / (1 + exp(-a |m|))`: however sure the scores, a share `e` disagrees. Both are those of the
  /// largest likelihood, and the interval of `e` holds what is less likely by at most
  /// `exp(-1.92)`. Sure errors of the model count as well, so that it is an upper bound.
  ///
  /// - Parameter margins: The chosen score minus the rejected one; equal scores say nothing.
  /// - Returns: `e`, in [0, 0.5); `nil` for fewer than 50 margins.
  ///
  /// Source: the noise model of Angluin and Laird 1988, "Learning from noisy examples", and the likelihood
  /// ratio of Wilks 1938.
  package static func estimate(_ margins: [Double]) -> Estimate? {
    let own = margins.filter { $0 != 0 }
    guard own.count >= 50 else { return nil }
    let scale = own.map(abs).sorted()[own.count / 2]
    // Likelihoods by noise, each at the steepness that suits it best.
    var best = [Double](repeating: -.infinity, count: gridCount)
    for power in stride(from: -4.0, through: 6.0, by: 0.125) {
      let steepness = exp2(power) / scale
      let sure = own.map { (isRight: $0 > 0, chance: 1 / (1 + exp(-steepness * abs($0)))) }
      for place in 0..<gridCount {
        let noise = 0.5 * Double(place) / Double(gridCount)
        var likelihood = 0.0
        for (isRight, chance) in sure {
          let agrees = (1 - noise) * chance + noise * (1 - chance)
          likelihood += log(max(1e-300, isRight ? agrees : 1 - agrees))
        }
        best[place] = max(best[place], likelihood)
      }
    }
    let top = best.max() ?? 0
    let within = best.indices.filter { best[$0] >= top - 1.9207 }
    func noise(_ place: Int) -> Double { 0.5 * Double(place) / Double(gridCount) }
    guard let middle = best.firstIndex(of: top), let first = within.first, let last = within.last
    else { return nil }
    return Estimate(
      value: noise(middle),
      // The ends lie between two noises: the outer ones.
      lower: noise(max(0, first - 1)),
      upper: noise(last + 1),
      count: own.count
    )
  }

  private static let gridCount = 100
}
