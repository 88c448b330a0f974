import AssayText

/// A critique that the start model wrote, with the score that it states.
package struct CandidateCritique: Codable, Hashable, Sendable {
  /// The critique without its stated score; the whole text where none could be read.
  package var critique: String
  /// From 1 to 10; `nil` where the text states no score.
  package var score: Int?
  /// `stop`, or `length` where it was cut.
  package var finishReason: FinishReason

  /// Makes a candidate.
  package init(critique: String, score: Int?, finishReason: FinishReason) {
    self.critique = critique
    self.score = score
    self.finishReason = finishReason
  }

  /// Reads a candidate from what a model wrote.
  package init(text: String, finishReason: FinishReason, prompts: RolePrompts) {
    let scored = finishReason.isCut ? nil : prompts.scoredCritique(in: text)
    self.init(
      critique: scored?.critique ?? text,
      score: scored?.score,
      finishReason: finishReason
    )
  }

  enum CodingKeys: String, CodingKey {
    case critique, score
    case finishReason = "finish_reason"
  }
}

/// Which candidate critiques agree with the human label.
package enum ConsistencyRule: String, CaseIterable, Codable, Sendable {
  /// A pair counts where the mean score of chosen is above that of rejected; of its critiques those
  /// of chosen at or below the mean of rejected go, and the other way round.
  case mean
  /// A critique stays where it is above, or below, at least one critique of the other response.
  case pairwise
  /// Every critique whose score can be read stays: the control without filter.
  case none
}

/// What a filter leaves of a pair's candidates, and why the rest went.
package struct FilteredCandidates: Codable, Hashable, Sendable {
  /// Why a pair or a critique was dropped.
  package enum Reason: String, Codable, Hashable, Sendable, CaseIterable {
    /// The critique was cut by its length.
    case cut
    /// The critique states no score that can be read, or has no text before it.
    case unscored
    /// A response has no critique left to compare.
    case nothingToCompare = "nothing-to-compare"
    /// The scores of the pair contradict the label.
    case pairContradictsLabel = "pair-contradicts-label"
    /// The score of the critique contradicts the label.
    case critiqueContradictsLabel = "critique-contradicts-label"
  }

  /// Indices of the candidates of chosen that stay.
  package var chosen: [Int] = []
  /// Indices of the candidates of rejected that stay.
  package var rejected: [Int] = []
  /// Why the pair went; `nil` where it stays.
  package var reason: Reason?
  /// How many critiques went, by reason.
  package var dropped: [String: Int] = [:]

  /// Whether the pair stays.
  package var isKept: Bool { reason == nil }
}

extension ConsistencyRule {
  /// Filters the candidates of a pair by its label.
  ///
  /// - Parameters:
  ///   - chosen: Candidates for the preferred response.
  ///   - rejected: Candidates for the other one.
  /// - Returns: What stays; a pair that stays has at least one critique of each response.
  ///
  /// Source: Yu et al. 2024 (arXiv:2411.16646) keeps what agrees with the label; the exact rule is
  /// this project's.
  package func filter(
    chosen: [CandidateCritique],
    rejected: [CandidateCritique]
  ) -> FilteredCandidates {
    var result = FilteredCandidates()
    func readable(_ candidates: [CandidateCritique]) -> [(index: Int, score: Double)] {
      candidates.enumerated().compactMap { index, candidate in
        guard !candidate.finishReason.isCut else {
          result.drop(.cut)
          return nil
        }
        guard let score = candidate.score else {
          result.drop(.unscored)
          return nil
        }
        return (index, Double(score))
      }
    }
    let (good, bad) = (readable(chosen), readable(rejected))
    guard !good.isEmpty, !bad.isEmpty else {
      result.dropPair(.nothingToCompare, critiques: good.count + bad.count)
      return result
    }
    let (goodLimit, badLimit): (Double, Double)
    switch self {
    case .none: (goodLimit, badLimit) = (-.infinity, .infinity)
    case .mean:
      goodLimit = bad.map(\.score).reduce(0, +) / Double(bad.count)
      badLimit = good.map(\.score).reduce(0, +) / Double(good.count)
      guard badLimit > goodLimit else {
        result.dropPair(.pairContradictsLabel, critiques: good.count + bad.count)
        return result
      }
    case .pairwise:
      goodLimit = bad.map(\.score).min() ?? .infinity
      badLimit = good.map(\.score).max() ?? -.infinity
    }
    result.chosen = good.filter { $0.score > goodLimit }.map(\.index)
    result.rejected = bad.filter { $0.score < badLimit }.map(\.index)
    let lost = good.count + bad.count - result.chosen.count - result.rejected.count
    if result.chosen.isEmpty || result.rejected.isEmpty {
      let left = result.chosen.count + result.rejected.count
      (result.chosen, result.rejected) = ([], [])
      result.dropPair(.pairContradictsLabel, critiques: lost + left)
    } else if lost > 0 {
      result.drop(.critiqueContradictsLabel, count: lost)
    }
    return result
  }
}

extension FilteredCandidates {
  /// Drops a pair that another rule drops, with all of its critiques.
  package mutating func drop(with other: FilteredCandidates) {
    guard isKept, let reason = other.reason else { return }
    let critiques = chosen.count + rejected.count
    (chosen, rejected) = ([], [])
    dropPair(reason, critiques: critiques)
  }

  fileprivate mutating func drop(_ reason: Reason, count: Int = 1) {
    dropped[reason.rawValue, default: 0] += count
  }

  fileprivate mutating func dropPair(_ reason: Reason, critiques: Int) {
    self.reason = reason
    if critiques > 0 { drop(reason, count: critiques) }
  }
}
