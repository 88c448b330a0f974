import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayText

extension JudgementOrder {
  /// A fair coin for each item, the same in every process.
  static func drawn(seed: Int, round: Int, item: Int) -> JudgementOrder {
    var random = SeededRandom(UInt64(seed) ^ 0x4F52_4445_52, UInt64(round), UInt64(item))
    return random.next() & (1 << 40) == 0 ? .chosenFirst : .rejectedFirst
  }
}

/// Makes the tokens that judges read and learn.
struct JudgeSequences {
  let renderer: SequenceRenderer
  let prompts: RolePrompts

  /// The conversation in which a pair is shown.
  func conversation(
    _ pair: PreferencePair,
    _ order: JudgementOrder,
    _ task: RolePrompts.JudgeTask
  ) -> [Message] { prompts.judge(pair, order, task: task) }

  /// A judgement to learn: its own tokens and the end of turn are targets.
  ///
  /// - Parameters:
  ///   - conversation: What was asked.
  ///   - text: What is answered.
  ///   - isCut: Whether its length cut it: then its end is not learnt.
  /// - Returns: The sequence.
  /// - Throws: `TextError` where the template does not fit.
  func answer(_ conversation: [Message], _ text: String, isCut: Bool) throws -> TrainingSequence {
    var sequence = TrainingSequence(
      try renderer.renderForLanguageModel(
        conversation + [.assistant(text)],
        targets: .assistant
      )
    )
    if isCut, !sequence.targets.isEmpty { sequence.targets.removeLast() }
    return sequence
  }

  /// A letter to learn, and nothing behind it.
  func letter(_ conversation: [Message], _ verdict: Verdict) throws -> TrainingSequence {
    var sequence = try answer(conversation, verdict.rawValue, isCut: false)
    sequence.targets = Array(sequence.targets.prefix(1))
    return sequence
  }

  /// A conversation that a pair head reads at the end of its last turn.
  func scored(_ conversation: [Message]) throws -> TrainingSequence {
    var sequence = TrainingSequence(
      try renderer.renderForLanguageModel(conversation, targets: .assistant)
    )
    sequence.targets = []
    sequence.scoredIndex = sequence.tokens.lastIndex(of: renderer.endOfTurnID)
    return sequence
  }
}
