// What a training reads in a step, and what is written before, as far as memory and time depend on it.

import AssayData
import AssayText

/// What one training of a method reads.
package struct TrainingShape: Sendable {
  /// What an item of a batch is.
  package enum Reading: Sendable {
    /// Both responses of a pair, scored.
    case pairs
    /// Both with critiques of at most so many tokens, learnt and scored behind.
    case critiquedPairs(tokens: Int)
    /// One response with a critique, learnt.
    case critiques(tokens: Int)
    /// One response, scored.
    case ratings
    /// Both responses of a pair in one text, scored or answered by a letter.
    case verdicts(RolePrompts, bothOrders: Bool, isScored: Bool)
    /// Judgements of a pair as long as they may be, so many of each item; each beside another one where they are
    /// contrasted.
    case judgements(JudgedPart, each: Int, isContrasted: Bool)
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
  /// How moments are kept.
  package let moments: MomentForm
  /// Which part of the method's steps it has, where these are set.
  package var share = 1.0
  /// What the model writes before.
  package var writes: [WritingShape] = []
}

/// What a model writes in a stage of a method.
package struct WritingShape: Sendable {
  /// What it is asked.
  package enum Asking: Sendable {
    /// To criticize each response.
    case critiques
    /// To judge pairs.
    case judgements(JudgedPart)
    /// What to make of so many critiques of each response, each of so many tokens.
    case opinions(critiques: Int, tokens: Int)
  }

  /// The stage's name.
  package let stage: String
  /// What it is asked.
  package let asks: Asking
  /// Tokens of a text at most.
  package let tokens: Int
  /// Texts of each question.
  package let draws: Int
}

/// The pairs that are judged in one iteration.
package struct JudgedPart: Sendable {
  /// The iteration, from 1.
  let iteration: Int
  /// Judgements of each pair in each order that it is shown in.
  let samples: Int
  /// Tokens that a judgement may have.
  let tokens: Int
  /// What the judge is asked about the iteration's part of all pairs, by the run's seed.
  let conversations: @Sendable (_ pairs: [PreferencePair], _ seed: Int) -> [[Message]]

  /// The stage that writes judgements.
  var writing: WritingShape {
    WritingShape(
      stage: "judgements-\(iteration)",
      asks: .judgements(self),
      tokens: tokens,
      draws: samples
    )
  }
}
