/// What the Playground's items are drawn from.
package struct PlaygroundConfiguration: Codable, Hashable, Sendable {
  /// Where the draws start; the same seed gives the same items on every machine.
  package var seed: UInt64 = 0
  /// The fewest steps of a quantity or of a moving object, at least 1.
  package var minimumSteps = 1
  /// The most steps in training and test; more of them make longer critiques.
  package var maximumSteps = 6
  /// The steps out of distribution, beyond `maximumSteps` to be so.
  package var oodSteps = 7...8

  /// Makes a configuration.
  ///
  /// - Parameter seed: Where the draws start.
  package init(seed: UInt64 = 0) { self.seed = seed }
}

/// The parts of the Playground; no prompt is in two of them.
package enum PlaygroundSplit: String, Codable, Hashable, Sendable, CaseIterable {
  /// Worked solutions to pretrain on.
  case corpus
  /// Pairs to train on.
  case train
  /// Pairs to test on, drawn as those of training.
  case test
  /// Pairs to test on that are longer, or ask for two things at once.
  case ood

  private static let shareCount: UInt64 = 16

  /// The share of all prompts that may be in the split, in sixteenths.
  private var share: Range<UInt64> {
    switch self {
    case .corpus: 0..<7
    case .train: 7..<12
    case .test: 12..<14
    case .ood: 14..<Self.shareCount
    }
  }

  /// Whether a prompt belongs to the split.
  func owns(_ prompt: String) -> Bool {
    share.contains(PlaygroundRandom.hash(prompt) % Self.shareCount)
  }
}
