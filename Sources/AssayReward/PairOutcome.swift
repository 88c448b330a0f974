import AssayText
import Foundation

/// What one method makes of one pair: all that the figures of a comparison are computed from.
package struct PairOutcome: Codable, Equatable, Sendable {
  /// A judgement's vote.
  package struct Vote: Codable, Equatable, Sendable {
    /// Which response was shown first.
    package var order: JudgementOrder
    /// 1 for chosen, 0 for rejected, a probability between; `nil` where nothing can be read.
    package var chosen: Double?
    /// True where the judgement was cut short and made to decide; else `nil`.
    package var isForced: Bool?

    /// Makes a vote.
    package init(order: JudgementOrder, chosen: Double?, isForced: Bool? = nil) {
      self.order = order
      self.chosen = chosen
      self.isForced = isForced
    }

    enum CodingKeys: String, CodingKey {
      case order, chosen
      case isForced = "forced"
    }
  }

  /// The pair's id.
  package var id: String
  /// The suite, such as `test`.
  package var suite: String
  /// The section of the suite.
  package var subset: String?
  /// What it shares with other pairs, as those of one prompt; `nil` where it stands alone.
  package var cluster: String?
  /// Of scorers: a score for each critique of chosen, or one.
  package var chosen: [Double]?
  /// Of scorers: a score for each critique of rejected, or one.
  package var rejected: [Double]?
  /// Of scorers that write: the critiques of chosen.
  package var chosenCritiques: [String]?
  /// Of scorers that write: the critiques of rejected.
  package var rejectedCritiques: [String]?
  /// Of judges: the votes, orders in turn.
  package var votes: [Vote]?
  /// Tokens read.
  package var promptTokens: Int
  /// Tokens written.
  package var completionTokens: Int

  /// Makes an outcome.
  package init(
    id: String,
    suite: String,
    subset: String?,
    chosen: [Double]? = nil,
    rejected: [Double]? = nil,
    chosenCritiques: [String]? = nil,
    rejectedCritiques: [String]? = nil,
    votes: [Vote]? = nil,
    promptTokens: Int,
    completionTokens: Int
  ) {
    self.id = id
    self.suite = suite
    self.subset = subset
    self.chosen = chosen
    self.rejected = rejected
    self.chosenCritiques = chosenCritiques
    self.rejectedCritiques = rejectedCritiques
    self.votes = votes
    self.promptTokens = promptTokens
    self.completionTokens = completionTokens
  }

  enum CodingKeys: String, CodingKey {
    case id, suite, subset, cluster, chosen, rejected, votes
    case chosenCritiques = "chosen_critiques"
    case rejectedCritiques = "rejected_critiques"
    case promptTokens = "prompt_tokens"
    case completionTokens = "completion_tokens"
  }

  /// How many critiques or votes there are.
  package var sampleCount: Int { votes?.count ?? chosen?.count ?? 0 }

  /// The preference by the first samples.
  ///
  /// Scores are averaged and compared; of votes the share of each order counts alike, an order of which
  /// nothing can be read as one half.
  ///
  /// - Parameter samples: How many; `nil` takes all.
  /// - Returns: Above 0 for chosen, below for rejected, 0 for a tie; `nil` where nothing can be read.
  package func preference(samples: Int? = nil) -> Double? {
    let count = min(samples ?? sampleCount, sampleCount)
    guard count > 0 else { return nil }
    guard votes != nil else { return scoreMargin(0..<count) }
    let margins = orderMargins(0..<count)
    guard margins.contains(where: { $0 != nil }) else { return nil }
    return margins.reduce(0) { $0 + ($1 ?? 0) } / Double(margins.count)
  }

  /// The probability that chosen is better: the mean share of votes over both orders, or the logistic
  /// of the scores' difference; `nil` where nothing can be read.
  package var probability: Double? {
    guard let preference = preference() else { return nil }
    return votes == nil ? preference.logistic : preference + 0.5
  }

  /// How many votes cannot be read.
  package var unparseableCount: Int { votes?.count { $0.chosen == nil } ?? 0 }
  /// How many votes were made to decide.
  package var forcedCount: Int { votes?.count { $0.isForced == true } ?? 0 }
}

extension PairOutcome {
  /// The outcome of two scores.
  package init(
    id: String,
    suite: String,
    subset: String?,
    chosen: Score,
    rejected: Score
  ) {
    self.init(
      id: id,
      suite: suite,
      subset: subset,
      chosen: chosen.critiques?.map(\.score) ?? [chosen.value],
      rejected: rejected.critiques?.map(\.score) ?? [rejected.value],
      chosenCritiques: chosen.critiques?.map(\.text),
      rejectedCritiques: rejected.critiques?.map(\.text),
      promptTokens: chosen.tokens.prompt + rejected.tokens.prompt,
      completionTokens: chosen.tokens.completion + rejected.tokens.completion
    )
  }

  /// The outcome of a verdict.
  package init(_ verdict: PairVerdict, suite: String, subset: String?) {
    let votes = verdict.judgements.map { judgement in
      let probability = judgement.probability.map {
        judgement.order == .chosenFirst ? $0 : 1 - $0
      }
      return Vote(
        order: judgement.order,
        chosen: probability ?? judgement.prefersChosen.map { $0 ? 1 : 0 },
        isForced: judgement.isForced
      )
    }
    // Orders in turn, so that any even number of the first votes has half of each.
    let first = votes.filter { $0.order == .chosenFirst }
    let second = votes.filter { $0.order == .rejectedFirst }
    self.init(
      id: verdict.id,
      suite: suite,
      subset: subset,
      votes: zip(first, second).flatMap { [$0, $1] },
      promptTokens: verdict.tokens.prompt,
      completionTokens: verdict.tokens.completion
    )
  }
}

extension Double {
  /// `1 / (1 + exp(-x))`.
  fileprivate var logistic: Double { 1 / (1 + exp(-self)) }
}
