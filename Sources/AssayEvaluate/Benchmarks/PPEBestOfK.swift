// PPE's correctness sets, with all responses to each prompt.
import AssayBase
import AssayText

/// PPE's correctness sets as best-of-k curves: all responses to a prompt are scored.
///
/// Columns `prompt`, `response_1` to `response_N`, `scores` (a list of N: whether a response is right), and
/// `sampled_conflict_pairs` where there are some; the subset is `subset` or `domain`, or else the file's name.
/// Right responses are `chosen`, wrong ones `rejected`, each in the file's order.
///
/// An item counts how often the response with the highest score is right, of equal scores the share of right
/// ones: the curve's end. `overall` is the mean of the subsets. With `f(k)` the expected correctness of the
/// response with the highest score among `k` drawn of a prompt's N (of equal ones any), averaged over prompts,
/// and `g(k)` that of the best choice, named figures of each subset are
/// ```
/// end score  f(N)          max score  max over k of f(k)          loss  mean over k of (g(k) - f(k))^2
/// AUC        of right against wrong responses, scores being scaled from 0 to 1 over each prompt's responses
/// pairs      mean over prompts of how many conflict pairs are right, equal scores being wrong
/// ```
/// The authors draw 100 orders of the responses in place of the expectations, so that theirs vary a little.
///
/// Source: Frick et al. 2024 (arXiv:2410.14872), section 4; their code could not be read, and the scaling
/// behind the AUC and the place of the square in the loss are as others describe it.
package struct PPEBestOfK: Benchmark {
  package static let name = "ppe-best-of-k"
  package static let summary = "PPE: best of k on the correctness sets, all responses scored"
  package let items: [BenchmarkItem]
  /// Of each item, its conflict pairs by the candidates' places: the right one, then the wrong one.
  private let conflicts: [String: [(right: Int, wrong: Int)]]

  /// Verdicts of pairs cannot tell: hundreds of pairs an item.
  package static let takesVerdicts = false

  package init(_ source: BenchmarkSource) throws {
    var conflicts: [String: [(right: Int, wrong: Int)]] = [:]
    items = try source.items { row in
      let scores = try PPE.correctness(row)
      let responses = try scores.indices.map { try row.response("response_\($0 + 1)") }
      let (right, wrong) = (
        scores.indices.filter { scores[$0] > 0 }, scores.indices.filter { scores[$0] <= 0 }
      )
      guard scores.count > 1 else { throw row.failure("a row needs two responses at least") }
      let places = Dictionary(uniqueKeysWithValues: (right + wrong).enumerated().map { ($1, $0) })
      if row.optional("sampled_conflict_pairs") != nil {
        conflicts[row.id] = try PPE.conflictPairs(row, scores).compactMap { pair in
          places[pair.right].flatMap { first in places[pair.wrong].map { (first, $0) } }
        }
      }
      return BenchmarkItem(
        id: row.id,
        subset: try row.optionalText("subset") ?? row.optionalText("domain") ?? row.stem,
        prompt: try row.prompt("prompt"),
        chosen: right.map { responses[$0] },
        rejected: wrong.map { responses[$0] }
      )
    }
    self.conflicts = conflicts
  }

  package func outcome(of item: BenchmarkItem, scores: BenchmarkScores) -> Double {
    BestOfK(scores).chosen.last ?? 0
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    let groups = tally.groups(\.subset)
    var sections: ResultsFile.Sections = [:]
    var named: [String: [String: Double]] = [:]
    for group in groups {
      sections[group.name] = try tally.figure(group.indices)
      named[group.name] = figures(tally, group.indices)
    }
    sections["overall"] = try tally.figure(weighted: groups.map { ($0.indices, 1) })
    var results = try tally.results(of: Self.name, sections)
    results.named = named
    return results
  }

  private func figures(_ tally: BenchmarkTally, _ indices: [Int]) -> [String: Double] {
    let own = indices.compactMap { index -> (id: String, scores: BenchmarkScores)? in
      guard case .scores(let scores) = tally.records[index].content else { return nil }
      return (tally.items[index].id, scores)
    }
    let curves = own.map { BestOfK($0.scores) }
    // Where prompts have unequal numbers of responses, as far as all reach.
    let length = curves.map(\.chosen.count).min() ?? 0
    guard length > 0 else { return [:] }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    let chosen = (0..<length).map { place in mean(curves.map { $0.chosen[place] }) }
    let best = (0..<length).map { place in mean(curves.map { $0.best[place] }) }
    var figures = [
      "end score": mean(curves.compactMap(\.chosen.last)), "max score": chosen.max() ?? 0,
      "loss": mean(zip(best, chosen).map { ($0 - $1) * ($0 - $1) }),
    ]
    figures["AUC"] = Self.area(own.map(\.scores))
    let pairs = own.compactMap { id, scores -> Double? in
      let values = scores.chosen + scores.rejected
      guard let pairs = conflicts[id], !pairs.isEmpty else { return nil }
      return mean(pairs.map { values[$0.right] > values[$0.wrong] ? 1 : 0 })
    }
    if !pairs.isEmpty { figures["pairs"] = mean(pairs) }
    return figures
  }

  /// The area under the curve of right against wrong responses, scaled within each prompt; `nil` where there
  /// are none of one kind.
  private static func area(_ all: [BenchmarkScores]) -> Double? {
    var (values, isRight): ([Double], [Bool]) = ([], [])
    for scores in all {
      let own = scores.chosen + scores.rejected
      guard let low = own.min(), let high = own.max() else { continue }
      values += own.map { high > low ? ($0 - low) / (high - low) : 0.5 }
      isRight += scores.chosen.map { _ in true } + scores.rejected.map { _ in false }
    }
    let right = Double(isRight.count(where: \.self))
    let wrong = Double(isRight.count) - right
    guard right > 0, wrong > 0 else { return nil }
    let sum = zip(Correlation.ranks(values), isRight).reduce(0) { $0 + ($1.1 ? $1.0 : 0) }
    return (sum - right * (right + 1) / 2) / (right * wrong)
  }
}

/// Best-of-k curves of one prompt's responses, from one response on.
struct BestOfK {
  /// The expected correctness of the response with the highest score among k drawn ones.
  let chosen: [Double]
  /// That of the best choice: the probability that a right one is among them.
  let best: [Double]

  /// Makes the curves; without responses they are empty.
  ///
  /// The highest of k drawn ones has the score of a group of equal ones where none above is drawn and one of
  /// the group is: `C(n - above, k) - C(n - above - size, k)` of `C(n, k)` draws.
  init(_ scores: BenchmarkScores) {
    let right = scores.chosen.map { (score: $0, credit: 1.0) }
    let all = (right + scores.rejected.map { (score: $0, credit: 0.0) })
      .sorted { $0.score > $1.score }
    var groups: [(above: Int, size: Int, credit: Double)] = []
    for place in all.indices {
      if let last = groups.indices.last, place > 0, all[place - 1].score == all[place].score {
        groups[last].size += 1
        groups[last].credit += all[place].credit
      } else {
        groups.append((place, 1, all[place].credit))
      }
    }
    let count = all.count
    chosen = (0..<count).map { place in
      groups.reduce(0) { sum, group in
        let drawn =
          Self.share(without: group.above, of: count, draws: place + 1)
          - Self.share(without: group.above + group.size, of: count, draws: place + 1)
        return sum + drawn * group.credit / Double(group.size)
      }
    }
    best = (0..<count).map { 1 - Self.share(without: right.count, of: count, draws: $0 + 1) }
  }

  /// The probability that none of some responses is among those drawn.
  private static func share(without some: Int, of count: Int, draws: Int) -> Double {
    guard count - some >= draws else { return 0 }
    return (0..<draws).reduce(1.0) { $0 * Double(count - some - $1) / Double(count - $1) }
  }
}
