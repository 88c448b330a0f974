// What comes out: scores, critiques, verdicts, texts.
import AssayReward
import AssayText

/// A critique that a model wrote of a response.
public struct Critique: Hashable, Sendable {
  /// What it says.
  public let text: String
  /// The reward read where it closes: a logit.
  public let score: Double
  /// Whether it was cut at the most tokens that it may have, rather than ended by the model.
  public let isCut: Bool

  init(_ critique: ScoredCritique) {
    text = critique.text
    score = critique.score
    isCut = critique.finishReason.isCut
  }
}

/// The reward of a response.
public struct Score: Hashable, Sendable {
  /// The reward, usually a logit: differences of two are log-odds of preference.
  ///
  /// Of several critiques it is the mean, of several steps the lowest.
  public let value: Double
  /// The critiques that it was read from; empty for a model that scores in one pass.
  public let critiques: [Critique]
  /// The spelling of the token whose hidden state was read.
  public let scoredToken: String
  /// Its index in the sequence that the model read.
  public let scoredIndex: Int
  /// What a head with attributes says of each; empty of another.
  public let attributes: [String: Double]
  /// The standard deviation over several heads or critiques; `nil` where there is one number.
  public let deviation: Double?
  /// The score of each step; empty of a model that knows no steps.
  public let steps: [Double]

  init(_ score: AssayReward.Score) {
    value = score.value
    critiques = (score.critiques ?? []).map(Critique.init)
    scoredToken = score.scoredToken.text
    scoredIndex = score.scoredToken.index
    attributes = score.attributes ?? [:]
    deviation = score.deviation
    steps = score.steps ?? []
  }
}

/// What a judge says of a pair, over both orders and all votes.
public struct Verdict: Hashable, Sendable {
  /// The pair's id.
  public let id: String
  /// The probability that chosen (or the first response) is better; `nil` where nothing can be read.
  public let probability: Double?
  /// How many judgements prefer chosen, prefer rejected, or cannot be read.
  public let votes: Votes
  /// Whether the two orders contradict each other.
  public let isFlipped: Bool
  /// What the judge wrote, in the order of judging; empty for judges that write no reasons.
  public let reasons: [String]

  /// How judgements voted.
  public struct Votes: Hashable, Sendable {
    /// For chosen.
    public let chosen: Int
    /// For rejected.
    public let rejected: Int
    /// Without a verdict that can be read.
    public let unparseable: Int
  }

  init(_ verdict: PairVerdict) {
    id = verdict.id
    probability = verdict.probability
    votes = Votes(
      chosen: verdict.votes.chosen,
      rejected: verdict.votes.rejected,
      unparseable: verdict.votes.unparseable
    )
    isFlipped = verdict.flipped
    reasons = verdict.judgements.compactMap(\.text)
  }
}

/// A text that a model wrote.
public struct Completion: Hashable, Sendable {
  /// The text, without special tokens.
  public let text: String
  /// Whether it was cut at the most tokens that it may have.
  public let isCut: Bool
}
