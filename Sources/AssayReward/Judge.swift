import AssayData
import AssayText

/// Which response of a pair a judge is shown first.
package enum JudgementOrder: String, Codable, Hashable, Sendable, CaseIterable {
  /// The response called chosen is A.
  case chosenFirst = "chosen-first"
  /// The response called chosen is B.
  case rejectedFirst = "rejected-first"

  /// The verdict that prefers chosen.
  package var right: Verdict { self == .chosenFirst ? .a : .b }
}

extension RolePrompts {
  /// The conversation that shows a judge both responses of a pair.
  package func judge(
    _ pair: PreferencePair,
    _ order: JudgementOrder,
    task: JudgeTask
  ) -> [Message] {
    let isFirst = order == .chosenFirst
    return judge(
      prompt: pair.prompt,
      a: isFirst ? pair.chosen : pair.rejected,
      b: isFirst ? pair.rejected : pair.chosen,
      task: task
    )
  }
}

/// What a judge's model gave the letters where it wrote its verdict.
package struct LetterReading: Codable, Equatable, Sendable {
  /// Probability of A among the two letters.
  package var probability: Double
  /// Probability of both letters together among all that could have been written there.
  package var mass: Double

  /// Makes one of the probability of A among both.
  package init(probability: Double, mass: Double) {
    self.probability = probability
    self.mass = mass
  }

  /// Makes one of the probabilities of both letters.
  ///
  /// Gives `nil` where neither has any.
  package init?(a: Double, b: Double) {
    guard a + b > 0, (a + b).isFinite else { return nil }
    probability = a / (a + b)
    mass = min(1, a + b)
  }
}

/// A text that compares two responses, or the probability that stands for it.
package struct Judgement: Codable, Equatable, Sendable {
  /// Which response was A.
  package var order: JudgementOrder
  /// What the judge wrote; `nil` where it only gave a probability.
  package var text: String?
  /// What it comes to; `nil` where no verdict can be read.
  package var verdict: Verdict?
  /// Probability of A, of judges that give one.
  package var probability: Double?
  /// Why the text ended; `nil` without text.
  package var finishReason: FinishReason?
  /// What the model gave the two letters where it wrote one, where that is known.
  package var letters: LetterReading?
  /// True where the text was cut short, and the verdict is the letter that the model gave more
  /// probability behind it; else `nil`.
  package var isForced: Bool?

  /// Makes a judgement.
  package init(
    order: JudgementOrder,
    text: String? = nil,
    verdict: Verdict?,
    probability: Double? = nil,
    finishReason: FinishReason? = nil,
    letters: LetterReading? = nil
  ) {
    self.order = order
    self.text = text
    self.verdict = verdict
    self.probability = probability
    self.finishReason = finishReason
    self.letters = letters
  }

  /// Whether it prefers the response called chosen; `nil` where it has no verdict.
  package var prefersChosen: Bool? { verdict.map { $0 == order.right } }

  enum CodingKeys: String, CodingKey {
    case order, text, verdict, probability, letters
    case isForced = "forced"
    case finishReason = "finish_reason"
  }
}

/// What a judge says of a pair, over both orders and all votes.
package struct PairVerdict: Codable, Equatable, Sendable {
  /// How judgements voted.
  package struct Votes: Codable, Equatable, Sendable {
    /// For the response called chosen.
    package var chosen = 0
    /// For the other one.
    package var rejected = 0
    /// For none.
    package var unparseable = 0

    /// Makes a count of nothing.
    package init() {}
  }

  /// The pair's id.
  package var id: String
  /// Probability that the response called chosen is better; `nil` where nothing can be read.
  package var probability: Double?
  /// How the judgements voted.
  package var votes: Votes
  /// Whether the two orders contradict each other.
  package var flipped: Bool
  /// All judgements, those with chosen first before the others.
  package var judgements: [Judgement]
  /// Tokens read and written.
  package var tokens: TokenCount

  /// Counts judgements.
  ///
  /// The probability is the mean over the orders that were asked, so that it does not depend on how many
  /// judgements of each can be read; an order of which none can be counts one half. That of an order is
  /// the mean of those that its judgements give; without any, its share of verdicts for chosen.
  ///
  /// - Parameters:
  ///   - id: The pair's id.
  ///   - judgements: At least one.
  ///   - tokens: Tokens read and written.
  package init(id: String, judgements: [Judgement], tokens: TokenCount) {
    self.id = id
    self.judgements = judgements
    self.tokens = tokens
    votes = Votes()
    var margins: [JudgementOrder: Double] = [:]
    for judgement in judgements {
      switch judgement.prefersChosen {
      case true?: votes.chosen += 1
      case false?: votes.rejected += 1
      case nil: votes.unparseable += 1
      }
      let vote = judgement.prefersChosen.map { $0 ? 1.0 : -1.0 } ?? 0
      margins[judgement.order, default: 0] += vote
    }
    let givesProbabilities = judgements.contains { $0.probability != nil }
    let orders = JudgementOrder.allCases.filter { margins[$0] != nil }
    let shares = orders.map { order -> Double? in
      let read = judgements.filter { $0.order == order }.compactMap { judgement -> Double? in
        guard givesProbabilities else { return judgement.prefersChosen.map { $0 ? 1 : 0 } }
        return judgement.probability.map { order == .chosenFirst ? $0 : 1 - $0 }
      }
      return read.isEmpty ? nil : read.reduce(0, +) / Double(read.count)
    }
    probability =
      shares.contains { $0 != nil }
      ? shares.reduce(0) { $0 + ($1 ?? 0.5) } / Double(shares.count) : nil
    let (first, second) = (margins[.chosenFirst] ?? 0, margins[.rejectedFirst] ?? 0)
    flipped = first * second < 0
  }

  /// What a verdict says of the response called chosen.
  package enum Outcome: String, Codable, Hashable, Sendable, CaseIterable {
    /// It is the better one.
    case win
    /// Neither is.
    case tie
    /// The other one is.
    case loss
    /// Nothing can be read.
    case missing
  }

  /// What this verdict says of the response called chosen.
  package var outcome: Outcome {
    guard let probability else { return .missing }
    return probability > 0.5 ? .win : probability == 0.5 ? .tie : .loss
  }
  /// Whether nothing can be read.
  package var isMissing: Bool { probability == nil }

  /// What the judgements of one order come to: their majority, `nil` for as many on both sides.
  ///
  /// - Parameters:
  ///   - order: Which response was A.
  ///   - reading: How a judgement is read; by default as it was when it was written.
  /// - Returns: The majority, and how many judgements can be read.
  package func majority(
    of order: JudgementOrder,
    reading: (Judgement) -> Verdict? = \.verdict
  ) -> (verdict: Verdict?, read: Int) {
    let read = judgements.filter { $0.order == order }.compactMap(reading)
    let margin = read.count { $0 == .a } - read.count { $0 == .b }
    return (margin == 0 ? nil : margin > 0 ? .a : .b, read.count)
  }
}

/// What gives a preference between two responses.
package protocol Judge {
  /// Judges pairs, each in both orders.
  ///
  /// - Parameters:
  ///   - pairs: What to judge.
  ///   - onJudged: Called with the index and verdict of each pair once it is known, in order; an
  ///     error that it throws ends the work.
  /// - Returns: One verdict a pair, in their order.
  /// - Throws: `RewardError` for a pair that cannot be judged, or what the model throws.
  nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict]
}

extension Judge {
  /// Judges pairs, each in both orders.
  ///
  /// - Parameter pairs: What to judge.
  /// - Returns: One verdict a pair, in their order.
  /// - Throws: As `judge(_:onJudged:)`.
  nonisolated(nonsending) package func judge(
    _ pairs: [PreferencePair]
  ) async throws -> [PairVerdict] {
    try await judge(pairs) { _, _ in }
  }
}

extension PairVerdict {
  /// The verdict on a pair as its label decides it: with the responses exchanged where that prefers the one
  /// called rejected, and `nil` where it is a tie; see `PreferencePair.decided`.
  package func decided(as pair: PreferencePair) -> PairVerdict? {
    guard let label = pair.probability, label <= 0.5 else { return self }
    guard label < 0.5 else { return nil }
    let judgements = judgements.map { judgement in
      var judgement = judgement
      judgement.order = judgement.order == .chosenFirst ? .rejectedFirst : .chosenFirst
      return judgement
    }
    return PairVerdict(id: id, judgements: judgements, tokens: tokens)
  }
}
