// How often a rater agrees with people, and people with each other.
import AssayBase
import AssayData
import AssayReward

/// How often a rater agrees with the gold labels.
package struct CardAgreement: Codable, Equatable, Sendable {
  /// The share of right preferences, over both orders; a tie, and what cannot be read, counts a half.
  package let accuracy: CardFigure
  /// By section, where the gold labels have some.
  package let sections: [String: CardFigure]
  /// Cohen's kappa of the response shown first being better, over both orders.
  ///
  /// Each response stands first once, so that chance agrees in a half: `2 accuracy - 1`.
  package let kappa: CardFigure
  /// Where the first response is better, how often that is seen; `nil` of what is shown no order.
  package let truePositiveRate: CardFigure?
  /// Where the second response is better, how often that is seen; `nil` of what is shown no order.
  package let trueNegativeRate: CardFigure?
  /// The share of items that are right in both orders.
  package let bothOrders: CardFigure
  /// The share of items whose orders contradict each other, of those read in both; `nil` where there are
  /// none, or no order is shown.
  package let flipRate: Double?
  /// The share of judgements that cannot be read.
  package let unreadShare: Double
  /// The share of items with equal scores, or as many votes on both sides.
  package let tieShare: Double
  /// The accuracy of whoever prefers the longer response.
  package let longerWins: CardFigure
  /// The accuracy where the better response is the longer one; `nil` where it never is.
  package let whereLonger: CardFigure?
  /// The accuracy where it is the shorter one; `nil` where it never is.
  package let whereShorter: CardFigure?

  enum CodingKeys: String, CodingKey {
    case accuracy, sections, kappa
    case truePositiveRate = "true_positive_rate"
    case trueNegativeRate = "true_negative_rate"
    case bothOrders = "right_in_both_orders"
    case flipRate = "flip_rate"
    case unreadShare = "unread_share"
    case tieShare = "tie_share"
    case longerWins = "longer_wins"
    case whereLonger = "accuracy_where_longer"
    case whereShorter = "accuracy_where_shorter"
  }

  /// Counts.
  ///
  /// - Throws: `StatisticsError.empty` for no items.
  init(_ items: [CardItem]) throws {
    func figure(_ items: [CardItem], _ credit: (CardItem) -> Double) throws -> CardFigure {
      CardFigure(try Statistics.accuracy(items.map(credit), clusters: items.map(\.cluster)))
    }
    func some(_ items: [CardItem], _ credit: (CardItem) -> Double) throws -> CardFigure? {
      items.isEmpty ? nil : try figure(items, credit)
    }
    let right = try Statistics.accuracy(
      items.map(\.judgement.credit),
      clusters: items.map(\.cluster)
    )
    accuracy = CardFigure(right)
    let parts = Dictionary(grouping: items) { $0.gold.pair.subset }
    sections = try parts.reduce(into: [:]) { sections, part in
      guard let name = part.key else { return }
      sections[name] = try figure(part.value) { $0.judgement.credit }
    }
    kappa = CardFigure(
      Estimate(
        value: 2 * right.value - 1,
        lower: 2 * right.lower - 1,
        upper: 2 * right.upper - 1,
        count: right.count
      )
    )
    let ordered = items.filter(\.judgement.hasOrders)
    truePositiveRate = try some(ordered) { $0.judgement.credit(.chosenFirst) }
    trueNegativeRate = try some(ordered) { $0.judgement.credit(.rejectedFirst) }
    bothOrders = try figure(items) { $0.judgement.credit == 1 ? 1 : 0 }
    let whole = ordered.map(\.judgement).filter { $0.orders.count == 2 }
    flipRate =
      whole.isEmpty
      ? nil
      : Double(whole.count { abs($0.credit(.chosenFirst) - $0.credit(.rejectedFirst)) == 1 })
        / Double(whole.count)
    let count = Double(items.count)
    unreadShare = items.map(\.judgement.unreadShare).reduce(0, +) / count
    tieShare = Double(items.count { $0.judgement.probability == 0.5 }) / count
    longerWins = try figure(items) { $0.lengthGain > 0 ? 1 : $0.lengthGain == 0 ? 0.5 : 0 }
    whereLonger = try some(items.filter { $0.lengthGain > 0 }) { $0.judgement.credit }
    whereShorter = try some(items.filter { $0.lengthGain < 0 }) { $0.judgement.credit }
  }
}

/// How annotators agree with each other, and the rater with them.
package struct AnnotatorAgreement: Codable, Equatable, Sendable {
  /// Items with at least two votes.
  package let items: Int
  /// Krippendorff's alpha of the annotators; `nil` where all votes are alike.
  package let alpha: Double?
  /// Its 95 % interval, by bootstrap over items.
  package let alphaCI95: [Double]
  /// How often one annotator agrees with another, over items.
  package let between: CardFigure
  /// How often the rater agrees with an annotator, over the same items.
  package let withRater: CardFigure
  /// How often the best possible rater would: the mean share of the commonest vote.
  package let ceiling: CardFigure

  enum CodingKeys: String, CodingKey {
    case items, alpha, between, ceiling
    case alphaCI95 = "alpha_ci95"
    case withRater = "with_rater"
  }

  /// Counts votes; `nil` where no item has two.
  ///
  /// - Throws: `StatisticsError`.
  init?(_ items: [CardItem]) throws {
    let voted = items.map { ($0, $0.gold.votes.compactMap(\.self)) }.filter { $0.1.count > 1 }
    guard !voted.isEmpty else { return nil }
    let clusters = voted.map(\.0.cluster)
    func figure(_ shares: [Double]) throws -> CardFigure {
      CardFigure(try Statistics.accuracy(shares, clusters: clusters))
    }
    self.items = voted.count
    let units = voted.map(\.1)
    alpha = Krippendorff.alpha(units)
    alphaCI95 = Krippendorff.interval(units)
    between = try figure(units.map(Self.pairwise))
    withRater = try figure(
      voted.map { item, votes in
        let shares = JudgementOrder.allCases.map { order -> Double in
          guard item.judgement.orders[order] != nil else { return 0.5 }
          let credit = item.judgement.credit(order)
          return Double(votes.count { $0 == credit }) / Double(votes.count)
        }
        return (shares[0] + shares[1]) / 2
      }
    )
    ceiling = try figure(units.map(AgreementCeiling.share))
  }

  /// The share of pairs of votes that are alike.
  private static func pairwise(_ votes: [Double]) -> Double {
    let counts = Dictionary(grouping: votes, by: \.self).values.map { Double($0.count) }
    let count = Double(votes.count)
    return counts.map { $0 * ($0 - 1) }.reduce(0, +) / (count * (count - 1))
  }
}

/// Krippendorff's alpha of nominal votes.
///
/// Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", C.
package enum Krippendorff {
  /// Returns `1 - observed / expected disagreement`.
  ///
  /// - Parameter units: The votes on each item; items of fewer than two do not count.
  /// - Returns: 1 for perfect agreement, 0 for that of chance; `nil` where all votes are alike.
  package static func alpha(_ units: [[Double]]) -> Double? {
    var totals: [Double: Double] = [:]
    var (agreeing, total) = (0.0, 0.0)
    for votes in units where votes.count > 1 {
      let counts = Dictionary(grouping: votes, by: \.self).mapValues { Double($0.count) }
      let size = Double(votes.count)
      total += size
      // In order, so that sums are the same every time.
      for (vote, count) in counts.sorted(by: { $0.key < $1.key }) {
        totals[vote, default: 0] += count
        agreeing += count * (count - 1) / (size - 1)
      }
    }
    let chance = totals.values.map { $0 * ($0 - 1) }.sorted().reduce(0, +)
    guard total > 1, chance < total * (total - 1) else { return nil }
    let (observed, expected) = (total - agreeing, (total * (total - 1) - chance) / (total - 1))
    return 1 - observed / expected
  }

  /// The 95 % interval by the percentile bootstrap over items.
  static func interval(_ units: [[Double]], resamples: Int = 1000) -> [Double] {
    var random = SeededRandom(0)
    let alphas = (0..<resamples).compactMap { _ in
      alpha(units.map { _ in units[random.below(units.count)] })
    }.sorted()
    guard let last = alphas.last else { return [] }
    let low = alphas[Int(0.025 * Double(alphas.count))]
    let high = Int(0.975 * Double(alphas.count))
    return [low, high < alphas.count ? alphas[high] : last]
  }
}
