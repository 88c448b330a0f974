// How well texts alone tell which side is right.
import AssayBase
import Foundation

/// Words to one of two answers, learnt from other prompts' texts.
package enum TextPredictor {
  /// Texts with their answer.
  package struct Example: Sendable {
    /// A text.
    package let first: String
    /// The text it is compared with; `nil` where it stands alone.
    package let second: String?
    /// Whether the first text is about the better response or, alone, says that A is better.
    package let isFirst: Bool
    /// Its prompt's number: one prompt's examples are learnt from, or held out, together.
    package let cluster: Int

    /// Makes an example.
    package init(first: String, second: String? = nil, isFirst: Bool, cluster: Int) {
      (self.first, self.second, self.isFirst, self.cluster) = (first, second, isFirst, cluster)
    }
  }

  /// What is said of an example by what was learnt without its prompt.
  package struct Prediction: Sendable {
    /// Above 0 for the first text, or A; the log-odds.
    package let margin: Double
    /// The sentence of the first text that moves it most, and of the second.
    package let deciding: [Range<String.Index>?]
  }

  /// Fewer prompts than this teach nothing.
  package static let smallestClusterCount = 20
  private static let foldCount = 5
  private static let epochs = 8
  private static let rate = 0.3
  private static let decay = 1e-3

  /// Predicts each example from words and pairs of words, by logistic regression without an intercept
  /// that learnt from other folds' prompts.
  ///
  /// `p = 1 / (1 + exp(-w (x1 - x2)))`, where `x` is 1 for a word that is there, over the root of their
  /// number; words of a single example are left out. Steps are AdaGrad's, in a fixed order.
  ///
  /// - Parameter examples: Texts with their answers.
  /// - Returns: One prediction each, or none for fewer prompts than `smallestClusterCount`.
  ///
  /// Source: Duchi, Hazan and Singer 2011, "Adaptive subgradient methods", for the steps.
  package static func heldOut(_ examples: [Example]) -> [Prediction] {
    guard Set(examples.map(\.cluster)).count >= smallestClusterCount else { return [] }
    let features = Features(examples)
    var predictions = [Prediction?](repeating: nil, count: examples.count)
    for fold in 0..<foldCount {
      let isHeld = { (index: Int) in examples[index].cluster % foldCount == fold }
      let weights = learn(features, examples, from: examples.indices.filter { !isHeld($0) })
      for index in examples.indices where isHeld(index) {
        let own = examples[index]
        predictions[index] = Prediction(
          margin: features.margin(index, weights),
          deciding: [own.first, own.second].map { text in
            text.flatMap { features.deciding($0, weights) }
          }
        )
      }
    }
    return predictions.compactMap(\.self)
  }

  private static func learn(
    _ features: Features,
    _ examples: [Example],
    from indices: [Int]
  ) -> [Double] {
    var weights = [Double](repeating: 0, count: features.count)
    var squares = [Double](repeating: 1e-8, count: features.count)
    var random = SeededRandom(0)
    for _ in 0..<epochs {
      for index in random.shuffled(indices) {
        let margin = features.margin(index, weights)
        let error = 1 / (1 + exp(-margin)) - (examples[index].isFirst ? 1 : 0)
        for (feature, value) in features.rows[index] {
          let slope = error * value + decay * weights[feature]
          squares[feature] += slope * slope
          weights[feature] -= rate * slope / squares[feature].squareRoot()
        }
      }
    }
    return weights
  }

  /// The features of examples, by number.
  private struct Features {
    private var numbers: [String: Int] = [:]
    private(set) var rows: [[(Int, Double)]] = []
    var count: Int { numbers.count }

    init(_ examples: [Example]) {
      let sets = examples.map { own in
        [own.first, own.second].map { text in
          Set(TextWords.features(TextWords.words(text ?? "")))
        }
      }
      var uses: [String: Int] = [:]
      for own in sets { for word in own[0].union(own[1]) { uses[word, default: 0] += 1 } }
      // Numbered in the order of the alphabet, so that runs agree.
      for (number, word) in uses.filter({ $0.value > 1 }).keys.sorted().enumerated() {
        numbers[word] = number
      }
      for own in sets {
        var row: [Int: Double] = [:]
        for (set, sign) in zip(own, [1.0, -1.0]) {
          let known = set.compactMap { numbers[$0] }
          let scale = sign / Double(max(1, known.count)).squareRoot()
          for feature in known { row[feature, default: 0] += scale }
        }
        rows.append(row.filter { $0.value != 0 }.sorted { $0.key < $1.key }.map { ($0, $1) })
      }
    }

    func margin(_ index: Int, _ weights: [Double]) -> Double {
      rows[index].reduce(0) { $0 + $1.1 * weights[$1.0] }
    }

    /// The sentence whose words have the largest sum of weights, whatever its sign.
    func deciding(_ text: String, _ weights: [Double]) -> Range<String.Index>? {
      let sums = Sentences.ranges(of: text).map { range in
        let words = Set(TextWords.features(TextWords.words(text[range])))
        return (
          range, abs(words.compactMap { numbers[$0] }.sorted().reduce(0) { $0 + weights[$1] })
        )
      }
      // Of equal sentences the last: critiques end with what they come to.
      return sums.enumerated().max { ($0.element.1, $0.offset) < ($1.element.1, $1.offset) }?
        .element.0
    }
  }
}
