// Votes until a verdict is sure. N votes.

import AssayData
import AssayGenerate
import AssayModel
import AssayText
import Foundation

/// When enough judgements of a pair are there.
package enum VoteConfidence {
  /// The probability that endless votes would agree with those that are there.
  ///
  /// With every share of votes for chosen as likely as another beforehand, it is that of a share above one
  /// half, or below: for c votes of n, `P(X <= c)` of c heads or fewer in n + 1 tosses, or one less it.
  ///
  /// - Parameter votes: Votes, of which those without verdict say nothing.
  /// - Returns: A probability from 0.5.
  ///
  /// Source: Aggarwal et al. 2023 (arXiv:2305.11860) section 3.2, the Beta criterion.
  package static func value(_ votes: PairVerdict.Votes) -> Double {
    let tosses = votes.chosen + votes.rejected + 1
    // By logarithms: P(X = 0) of many tosses is below the least double.
    let constant = lgamma(Double(tosses + 1)) - Double(tosses) * log(2)
    let below = (0...votes.chosen).reduce(0) { sum, heads in
      let ways = lgamma(Double(heads + 1)) + lgamma(Double(tosses - heads + 1))
      return sum + exp(constant - ways)
    }
    return min(1, max(below, 1 - below))
  }
}

extension JudgeRater {
  /// Pairs that are judged together, round by round.
  private static let pairsOfRounds = 256

  /// Judges in rounds of one judgement in each order, the first two of them together: a pair whose verdict
  /// is sure is left out of the next round.
  ///
  /// What is written is what all votes would begin with.
  ///
  /// - Parameters:
  ///   - pairs: What to judge.
  ///   - confidence: When a verdict is sure.
  ///   - onJudged: Called with the index and verdict of each pair, in order.
  /// - Returns: One verdict a pair, in their order.
  /// - Throws: As `judge(_:onJudged:)`.
  nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    untilSure confidence: Double,
    _ onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    var verdicts: [PairVerdict] = []
    for start in stride(from: 0, to: pairs.count, by: Self.pairsOfRounds) {
      let part = Array(pairs[start..<min(start + Self.pairsOfRounds, pairs.count)])
      var known = [PairVerdict?](repeating: nil, count: part.count)
      var open = Array(part.indices)
      var draws = 0..<min(2, reading.draws)
      while !open.isEmpty, !draws.isEmpty {
        var round = self
        round.reading.part = draws
        let found: [PairVerdict]
        do {
          found = try await round.judge(open.map { part[$0] }) { _, _ in }
        } catch let error as RewardError {
          throw error.mapped { start + open[$0] }
        }
        for (index, verdict) in zip(open, found) { known[index] = known[index].joined(verdict) }
        open.removeAll { known[$0].map { VoteConfidence.value($0.votes) >= confidence } ?? false }
        draws = draws.upperBound..<min(draws.upperBound + 1, reading.draws)
      }
      for verdict in known.compactMap(\.self) {
        verdicts.append(verdict)
        try onJudged(verdicts.count - 1, verdict)
      }
    }
    return verdicts
  }
}

extension PairVerdict? {
  /// A verdict of all judgements of two; the second has later ones.
  fileprivate func joined(_ other: PairVerdict) -> PairVerdict {
    guard let self else { return other }
    let judgements = JudgementOrder.allCases.flatMap { order in
      (self.judgements + other.judgements).filter { $0.order == order }
    }
    return PairVerdict(
      id: self.id,
      judgements: judgements,
      tokens: TokenCount(
        // Each round reads the prompts again.
        prompt: self.tokens.prompt + other.tokens.prompt,
        completion: self.tokens.completion + other.tokens.completion
      )
    )
  }
}
