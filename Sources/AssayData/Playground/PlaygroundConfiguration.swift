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
  /// Whether kinds of task, contents and wordings are held out.
  ///
  /// Training, test and longer tasks have some, the split `unseen` the others, as long as training's; some
  /// contents are the test's alone. The corpus and the tutor have all.
  package var holdsOut = false
  /// The share of training and test pairs of which both responses are right, and the label is that of an
  /// annotator with a taste: whole sentences, short answers, politeness.
  package var taste = 0.0

  /// Makes a configuration.
  ///
  /// - Parameter seed: Where the draws start.
  package init(seed: UInt64 = 0) { self.seed = seed }
}
