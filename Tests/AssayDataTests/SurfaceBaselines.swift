import AssayData
import Foundation

/// Baselines that see only the surface of two responses, to diagnose pair data.
///
/// Where they do much better than chance, the data give the label away without being understood.
enum SurfaceBaselines {
  /// How often each baseline prefers the right response; ties count half.
  struct Report: Codable, Hashable, Sendable {
    /// By the difference of lengths, in characters and words.
    var length: Double
    /// By the words of the responses.
    var bagOfWords: Double
  }

  /// Fits both baselines on pairs and returns their accuracies on others.
  ///
  /// Logistic regression on the difference of the two responses' features, without the prompt.
  ///
  /// - Parameters:
  ///   - training: The pairs to fit on.
  ///   - test: The pairs to measure on.
  ///   - seed: The order of the steps.
  /// - Returns: The accuracies on `test`.
  /// - Precondition: Neither list is empty.
  static func measure(
    training: [PreferencePair],
    test: [PreferencePair],
    seed: UInt64 = 0
  ) -> Report {
    precondition(!training.isEmpty && !test.isEmpty, "no pairs to fit on or to measure on")
    return Report(
      length: accuracy(training, test, seed, features: lengths),
      bagOfWords: accuracy(training, test, seed, features: words)
    )
  }

  private static let epochs = 10
  private static let learningRate = 0.1
  private static let decay = 1e-4
  private static let charactersPerUnit = 10.0

  private static func accuracy(
    _ training: [PreferencePair],
    _ test: [PreferencePair],
    _ seed: UInt64,
    features: (String) -> [String: Double]
  ) -> Double {
    func difference(_ pair: PreferencePair) -> [String: Double] {
      features(pair.chosen).merging(features(pair.rejected).mapValues { -$0 }, uniquingKeysWith: +)
        .filter { $0.value != 0 }
    }
    let rows = training.map(difference)
    var weights: [String: Double] = [:]
    var random = PlaygroundRandom(seed: seed)
    for epoch in 0..<epochs {
      let rate = learningRate / Double(epoch + 1)
      for index in random.shuffled(Array(rows.indices)) {
        let pull = rate / (1 + exp(score(rows[index], weights)))
        for (name, value) in rows[index] {
          let weight = weights[name, default: 0]
          weights[name] = weight + pull * value - rate * decay * weight
        }
      }
    }
    let points = test.map { pair in
      let score = score(difference(pair), weights)
      return score > 0 ? 1 : score < 0 ? 0 : 0.5
    }
    return points.reduce(0, +) / Double(points.count)
  }

  /// Summed in the order of the names, so that rounding is the same in every process.
  private static func score(_ row: [String: Double], _ weights: [String: Double]) -> Double {
    row.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value * weights[$1.key, default: 0] }
  }

  private static func lengths(_ text: String) -> [String: Double] {
    [
      "characters": Double(text.count) / charactersPerUnit,
      "words": Double(text.split(separator: " ").count),
    ]
  }

  private static func words(_ text: String) -> [String: Double] {
    let words = text.lowercased().split { !$0.isLetter && !$0.isNumber }
    return Dictionary(words.map { (String($0), 1) }, uniquingKeysWith: +)
  }
}
