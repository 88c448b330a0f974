import AssayText

/// How a judge reads and writes.
package struct JudgeSettings: Sendable, Equatable {
  /// Judgements of each pair, half of them in each order; an odd number is rounded up.
  package var votes = 2
  /// How sure a pair's votes must be for no more to be drawn, from 0.5 to 1, as `VoteConfidence` measures
  /// it; `nil` draws all that `votes` says, which is the most otherwise.
  package var confidence: Double?
  /// Temperature of judgements; `nil` is greedy for two votes, and 1 for more.
  package var temperature: Float?
  /// The most likely tokens that together have this probability are drawn from.
  package var topP: Float = 0.95
  /// Tokens that a judgement may have; `nil` is what the model was trained for, or 1024.
  package var tokens: Int?
  /// Seed of the draws.
  package var seed: UInt64 = 0
  /// What the judge is to write; `nil` is what the model was trained for, or a rationale.
  package var task: RolePrompts.JudgeTask?
  /// How it is asked; `nil` is what the model was trained for, or English.
  package var prompts: RolePrompts?
  /// How judgements with rationales become one probability.
  package var aggregation = VerdictAggregation.votes

  /// The least probability of both letters together at which a letter is a verdict, or decides behind a
  /// judgement that was cut; below, the model would have written something else, and nothing is read.
  ///
  /// `nil` is 0 for a model that was trained to write a letter, and 0.25 for any other.
  ///
  /// Default: 0.
  package var letterMass: Double? = 0

  /// Whether what the prompts of letters have in common is read once, as where many responses to a prompt
  /// are compared; by itself each prompt is read as a whole, which suits pairs that share nothing.
  ///
  /// Default: false.
  package var sharesPrefixes = false

  /// Whether judgements are free, or held to reasons and a verdict behind them.
  ///
  /// Default: free, as judges were always asked; results are those of earlier versions.
  package var verdicts = VerdictForm.free

  /// Judgements of each pair: half in each order, an odd number of votes rounded up.
  package var judgementCount: Int { 2 * ((votes + 1) / 2) }

  /// Makes settings of defaults.
  package init() {}
}

/// What a judgement may be.
package enum VerdictForm: String, Codable, Hashable, Sendable, CaseIterable {
  /// Any text; a verdict is read where there is one.
  case free
  /// Reasons and a verdict, by a grammar: none is unparseable.
  case enforced
}
