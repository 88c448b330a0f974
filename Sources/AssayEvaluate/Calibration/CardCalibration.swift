// Whether a rater's probabilities mean what they say, and what would mend them.
import AssayBase
import AssayReward
import Foundation

/// How well probabilities agree with the gold labels, as they are and mended.
package struct CardCalibration: Codable, Equatable, Sendable {
  /// Distances between probabilities and outcomes.
  package struct Errors: Codable, Equatable, Sendable {
    /// The expected calibration error, over ten bins from 0.5 to 1.
    package let ece: Double
    /// The mean squared distance.
    package let brier: Double
    /// The mean negative logarithm of the probability of what is right, nats.
    package let logLoss: Double

    enum CodingKeys: String, CodingKey {
      case ece, brier
      case logLoss = "log_loss"
    }
  }

  /// Items of similar probability.
  package struct Bin: Codable, Equatable, Sendable {
    /// The mean probability of the response that the rater prefers.
    package let probability: Double
    /// How often it is the better one.
    package let frequency: Double
    /// Items.
    package let n: Int
  }

  /// Items with a probability.
  package let n: Int
  /// As the rater gives them.
  package let raw: Errors
  /// The reliability of the preferred response's probability; empty bins are left out.
  package let bins: [Bin]
  /// By what logits are to be divided, fitted on all items; `nil` of too few items to hold some out.
  package let temperature: Double?
  /// With a temperature fitted on other items.
  package let withTemperature: Errors?
  /// The steps of the isotonic fit on all items: from which confidence on, and which probability.
  package let isotonic: [[Double]]?
  /// With an isotonic fit on other items.
  package let withIsotonic: Errors?

  enum CodingKeys: String, CodingKey {
    case n, raw, bins, temperature, isotonic
    case withTemperature = "with_temperature"
    case withIsotonic = "with_isotonic"
  }

  /// Probabilities nearer to 0 or 1 than this count as this, so that one sure mistake is not infinite.
  static let margin = 1e-6
  /// Items that are held out at a time are one of so many parts.
  static let foldCount = 5
  private static let fewestItems = 20

  /// Measures items that have a probability; `nil` where there are none.
  ///
  /// - Throws: `StatisticsError`.
  init?(_ items: [CardItem]) throws {
    let rated = items.compactMap { item in
      item.judgement.probability.map { (probability: $0, cluster: item.cluster) }
    }
    guard !rated.isEmpty else { return nil }
    let probabilities = rated.map(\.probability)
    let calibration = try Calibration(preferences: probabilities)
    n = probabilities.count
    raw = try Self.errors(probabilities)
    bins = calibration.bins.filter { $0.count > 0 }.map {
      Bin(probability: $0.meanProbability, frequency: $0.frequency, n: $0.count)
    }
    let folds = CardFolds(rated.map(\.cluster), count: Self.foldCount)
    guard n >= Self.fewestItems, folds.isWhole else {
      (temperature, withTemperature, isotonic, withIsotonic) = (nil, nil, nil, nil)
      return
    }
    temperature = TemperatureFit(probabilities).temperature
    withTemperature = try Self.errors(
      folds.heldOut(probabilities, fit: { TemperatureFit($0) }) { $0.mended($1) }
    )
    isotonic = IsotonicFit(probabilities).steps.map { [$0.from, $0.probability] }
    withIsotonic = try Self.errors(
      folds.heldOut(probabilities, fit: { IsotonicFit($0) }) { $0.mended($1) }
    )
  }

  private static func errors(_ probabilities: [Double]) throws -> Errors {
    let calibration = try Calibration(preferences: probabilities)
    let losses = probabilities.map { -log(min(1 - margin, max(margin, $0))) }
    return Errors(
      ece: calibration.expectedError,
      brier: probabilities.map { (1 - $0) * (1 - $0) }.reduce(0, +) / Double(losses.count),
      logLoss: losses.reduce(0, +) / Double(losses.count)
    )
  }
}

/// Parts that are held out in turn; items of one prompt are in one part.
struct CardFolds {
  private let folds: [Int]
  private let count: Int

  /// Draws parts of as many prompts each.
  init(_ clusters: [Int], count: Int) {
    var random = SeededRandom(0)
    let shuffled = random.shuffled(Set(clusters).sorted())
    let parts = Dictionary(
      uniqueKeysWithValues: shuffled.enumerated().map { ($1, $0 % count) }
    )
    folds = clusters.map { parts[$0] ?? 0 }
    self.count = count
  }

  /// Whether every part has an item.
  var isWhole: Bool { Set(folds).count == count }

  /// Values made of each item by what is fitted on the parts without it.
  func heldOut<Fit, Value>(
    _ values: [Double],
    fit: ([Double]) -> Fit,
    apply: (Fit, Double) -> Value
  ) -> [Value] {
    let fits = (0..<count).map { fold in
      fit(zip(values, folds).filter { $0.1 != fold }.map(\.0))
    }
    return zip(values, folds).map { apply(fits[$1], $0) }
  }
}

/// A temperature that logits are divided by.
///
/// Source: Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of Modern Neural Networks", 4.2.
package struct TemperatureFit: Equatable, Sendable {
  /// From 0.05 to 100.
  package let temperature: Double

  /// Fits the temperature of the least log loss.
  ///
  /// - Parameter probabilities: Of what is right.
  package init(_ probabilities: [Double]) {
    let logits = probabilities.map(Self.logit)
    func loss(_ sharpness: Double) -> Double {
      logits.map { log1p(exp(-abs($0 * sharpness))) + max(0, -$0 * sharpness) }.reduce(0, +)
    }
    // The loss is convex in the sharpness: thirds close in on its least place.
    var (low, high) = (0.01, 20.0)
    for _ in 0..<100 {
      let third = (high - low) / 3
      if loss(low + third) < loss(high - third) { high -= third } else { low += third }
    }
    temperature = 2 / (low + high)
  }

  /// A probability at this temperature.
  package func mended(_ probability: Double) -> Double {
    1 / (1 + exp(-Self.logit(probability) / temperature))
  }

  private static func logit(_ probability: Double) -> Double {
    let inside = min(1 - CardCalibration.margin, max(CardCalibration.margin, probability))
    return log(inside / (1 - inside))
  }
}

/// How often the preferred response is the better one, never falling with the confidence.
///
/// Source: Zadrozny and Elkan 2002; pools adjacent violators as Ayer et al. 1955.
package struct IsotonicFit: Equatable, Sendable {
  /// A step of the fit.
  package struct Step: Equatable, Sendable {
    /// The confidence from which on it counts.
    package let from: Double
    /// How often the preferred response is right: at least 0.5, and never certain.
    package let probability: Double
  }

  /// The steps, rising.
  package let steps: [Step]

  /// Fits steps.
  ///
  /// - Parameter probabilities: Of what is right.
  package init(_ probabilities: [Double]) {
    let points = probabilities.map { (confidence: max($0, 1 - $0), credit: Self.credit($0)) }
      .sorted { ($0.confidence, $0.credit) < ($1.confidence, $1.credit) }
    var blocks: [(from: Double, sum: Double, count: Double)] = []
    for point in points {
      if let last = blocks.last, last.from == point.confidence, last.count > 0 {
        blocks[blocks.count - 1].sum += point.credit
        blocks[blocks.count - 1].count += 1
      } else {
        blocks.append((point.confidence, point.credit, 1))
      }
    }
    var pooled: [(from: Double, sum: Double, count: Double)] = []
    for block in blocks {
      pooled.append(block)
      while pooled.count > 1 {
        let (own, before) = (pooled[pooled.count - 1], pooled[pooled.count - 2])
        guard before.sum / before.count >= own.sum / own.count else { break }
        pooled.removeLast()
        pooled[pooled.count - 1] = (before.from, before.sum + own.sum, before.count + own.count)
      }
    }
    // No more certain than one mistake more would be.
    let most = 1 - 1 / Double(points.count + 2)
    steps = pooled.map { Step(from: $0.from, probability: min(most, max(0.5, $0.sum / $0.count))) }
  }

  /// A probability as the fit has it, on the same side of a half.
  package func mended(_ probability: Double) -> Double {
    guard probability != 0.5 else { return 0.5 }
    let confidence = max(probability, 1 - probability)
    let own = steps.last { $0.from <= confidence }?.probability ?? 0.5
    return probability > 0.5 ? own : 1 - own
  }

  private static func credit(_ probability: Double) -> Double {
    probability > 0.5 ? 1 : probability == 0.5 ? 0.5 : 0
  }
}
