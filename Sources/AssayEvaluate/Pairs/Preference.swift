import AssayText

/// How a model gives a preference between two responses.
package enum Preference: Equatable, Sendable {
  /// By a score of each, in one pass.
  case scores
  /// By a score of each, behind critiques that it writes.
  case critiqueScores
  /// By verdicts: with reasons, or by a letter alone.
  case verdicts(RolePrompts.JudgeTask, RolePrompts)
  /// By the mean of the scores that critiques of each state: of all, or of the half that the model rates
  /// better.
  case statedScores(RolePrompts, keepsBetterHalf: Bool)
  /// By one logit of both responses.
  case pairLogit

  /// Whether it writes critiques of one response.
  package var writesCritiques: Bool { self == .critiqueScores }

  /// Whether it scores single responses.
  package var scores: Bool { self == .scores || self == .critiqueScores }

  /// Whether it writes reasons before a verdict or a stated score, so that samples differ.
  package var reasons: Bool {
    switch self {
    case .verdicts(.chain, _), .statedScores: true
    default: false
    }
  }

  /// Whether it draws samples even where one of each would do: the better half of one is none.
  package var drawsAlways: Bool {
    if case .statedScores(_, keepsBetterHalf: true) = self { true } else { false }
  }

  /// What fingerprints call it.
  package var name: String {
    switch self {
    case .scores: "scores"
    case .critiqueScores: "critique-scores"
    case .verdicts(let task, let prompts): "verdicts-\(task.rawValue)-\(prompts.name)"
    case .statedScores(let prompts, let keepsBetterHalf):
      "stated-scores-\(prompts.name)" + (keepsBetterHalf ? "-better-half" : "")
    case .pairLogit: "pair-logit"
    }
  }
}
