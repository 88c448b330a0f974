// What a training reads in a step, as far as memory and time depend on it.

/// What one training of a method reads.
package struct TrainingShape: Sendable {
  /// What an item of a batch is.
  package enum Reading: Equatable, Sendable {
    /// Both responses of a pair, scored.
    case pairs
    /// Both with critiques of at most so many tokens, learnt and scored behind.
    case critiquedPairs(tokens: Int)
    /// One response with a critique, learnt.
    case critiques(tokens: Int)
    /// One response, scored.
    case ratings
  }

  /// The stage's name.
  package let stage: String
  /// The settings that its batches are in, as recipes spell it.
  package let key: String
  /// What an item is.
  package let reads: Reading
  /// The head that is made; `nil` makes none.
  package let head: HeadKind?
  /// Items in a step.
  package let batch: Int
  /// Parts that a step is computed in.
  package var accumulation: Int
  /// Times that the items are read.
  package let epochs: Int
  /// Which part of the method's steps it has, where these are set.
  package var share = 1.0
  /// Whether the model writes texts before, which keeps keys and values.
  package var writesBefore = false
}
