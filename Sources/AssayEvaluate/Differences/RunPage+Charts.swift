// What a run's confidence is worth: reliability, and how often the surest answers are right.
import AssayReward
import AssayText
import Foundation

extension RunPage {
  private static let chartPoints = 20
  /// How often what is kept shall be right.
  private static let wanted = 0.9

  /// Reliability of scores, and coverage of whatever has a confidence.
  var confidenceCharts: [HTMLReport.Chart] {
    let items = tallies[0].items
    let pairs = items.indices.filter {
      !items[$0].isTie && items[$0].chosen.count == 1 && items[$0].rejected.count == 1
    }
    // Ratings from 1 to 10 are no logits: their differences say nothing of a probability.
    let scored = pairs.filter { tallies[0].records[$0].texts.allSatisfy { $0.answer == nil } }
    let margins = scored.compactMap { Self.margin(tallies[0].records[$0].content) }
    let reliability = reliability(margins.map { 1 / (1 + exp(-$0)) })
    return [reliability, coverage(pairs)].compactMap(\.self)
  }

  private func reliability(_ probabilities: [Double]) -> HTMLReport.Chart? {
    guard probabilities.count > Self.chartPoints,
      let calibration = try? Calibration(preferences: probabilities)
    else { return nil }
    return HTMLReport.Chart(
      title: "Reliability: off by \(percent(calibration.expectedError)) points (ECE)",
      xLabel: "probability of the preferred response",
      yLabel: "how often it is the better one",
      isShare: true,
      series: [
        .init(
          method: runs[0],
          points: calibration.bins.filter { $0.count > 0 }
            .map { .init(x: $0.meanProbability, y: $0.frequency) }
        ), .init(method: "perfect", points: [.init(x: 0.5, y: 0.5), .init(x: 1, y: 1)]),
      ]
    )
  }

  /// How often the surest answers are right, by the share that is answered.
  private func coverage(_ pairs: [Int]) -> HTMLReport.Chart? {
    let numbers = tallies[0].items.promptNumbers
    guard pairs.count > Self.chartPoints,
      let found = try? CardThreshold(
        pairs.map { Self.preference(tallies[0].records[$0].content) },
        clusters: pairs.map { numbers[$0] },
        wanted: Self.wanted
      ), found.curve.count > 1
    else { return nil }
    let wanted = "\(Int(100 * Self.wanted)) %"
    let kept = percent(found.coverage.value)
    let title =
      found.precision.map {
        "\(wanted) right: on the surest \(kept) % (\(percent($0.value)) held out)"
      }
      ?? "\(wanted) right: at no confidence"
    return HTMLReport.Chart(
      title: title,
      xLabel: "share answered, the surest first",
      yLabel: "how often that is right",
      isShare: true,
      series: [
        .init(method: runs[0], points: found.curve.map { .init(x: $0.coverage, y: $0.precision) })
      ]
    )
  }

  /// The probability of the better response: by the scores' difference, or over the orders of verdicts.
  private static func preference(_ content: BenchmarkRecord.Content) -> Double {
    if let margin = margin(content) { return 1 / (1 + exp(-margin)) }
    guard case .verdicts(let verdicts) = content, !verdicts.isEmpty else { return 0.5 }
    let credits = verdicts.map { verdict -> Double in
      switch verdict {
      case .chosen: 1
      case .rejected: 0
      case .tie, .unparseable: 0.5
      }
    }
    return credits.reduce(0, +) / Double(credits.count)
  }
}
