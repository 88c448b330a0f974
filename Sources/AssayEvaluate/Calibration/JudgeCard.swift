// All that gold labels tell of a rater.
import AssayBase
import AssayData
import AssayReward
import AssayText
import Foundation

/// What is asked of a card beside the gold labels.
package struct CardQuestions: Codable, Equatable, Sendable {
  /// How often preferences that are kept shall be right.
  package var precision: Double
  /// The smallest change of preference that matters, as a share.
  package var smallestEffect: Double
  /// The biases that are looked for.
  package var probes: [Probe]
  /// What a million tokens cost; `nil` where nobody says.
  package var price: TokenPrice?

  enum CodingKeys: String, CodingKey {
    case precision, probes, price
    case smallestEffect = "smallest_effect"
  }

  /// Makes questions.
  package init(
    precision: Double = 0.9,
    smallestEffect: Double = 0.05,
    probes: [Probe] = Probe.allCases,
    price: TokenPrice? = nil
  ) {
    (self.precision, self.smallestEffect, self.probes) = (precision, smallestEffect, probes)
    self.price = price
  }
}

/// The card of a rater: agreement, calibration, threshold and biases, from recorded ratings alone.
package struct JudgeCard: Codable, Equatable, Sendable {
  /// A finding in words.
  package struct Sentence: Codable, Equatable, Sendable {
    /// How it is to be taken.
    package enum Tone: String, Codable, Sendable {
      /// Nothing speaks against the rater.
      case good
      /// Something does.
      case bad
      /// The numbers do not tell.
      case open
      /// A figure alone.
      case plain
    }

    /// How it is to be taken.
    package let tone: Tone
    /// The finding.
    package let text: String
  }

  /// What names the format.
  package let format: String
  /// What the rater is called.
  package let model: String
  /// What the ratings depend on, by option.
  package let settings: [String: String]
  /// What was asked.
  package let questions: CardQuestions
  /// The number of gold items.
  package let items: Int
  /// The number of their prompts.
  package let prompts: Int
  /// A digest of the gold texts and votes.
  package let gold: String
  /// The findings in words.
  package private(set) var sentences: [Sentence]
  /// How often the rater agrees with the labels.
  package let agreement: CardAgreement
  /// How annotators agree; `nil` without several.
  package let annotators: AnnotatorAgreement?
  /// Whether probabilities mean what they say; `nil` where there are none.
  package let calibration: CardCalibration?
  /// From which confidence on the rater is precise.
  package let threshold: CardThreshold
  /// The biases.
  package let probes: [ProbeFinding]
  /// Changed pairs that were too long for the rater.
  package let tooLong: Int
  /// Tokens read and written for all unchanged pairs.
  package let tokens: TokenCount
  /// Both for a pair, on average.
  package let tokensPerPair: Double

  enum CodingKeys: String, CodingKey {
    case format, model, settings, questions, items, prompts, gold, sentences, agreement, annotators
    case calibration, threshold, probes, tokens
    case tooLong = "too_long"
    case tokensPerPair = "tokens_per_pair"
  }

  /// Makes a card.
  ///
  /// - Parameters:
  ///   - model: What the rater is called.
  ///   - settings: What the ratings depend on.
  ///   - run: The gold labels and all ratings.
  ///   - outcomes: The outcome of each rating of the run.
  ///   - questions: What is asked.
  /// - Throws: `StatisticsError`, as where there is no gold item.
  package init(
    model: String,
    settings: [String: String],
    _ run: CardRun,
    outcomes: [PairOutcome],
    _ questions: CardQuestions
  ) throws {
    let judgements = outcomes.map(CardJudgement.init)
    let whole = run.ratings.indices.filter { run.ratings[$0].probe == nil }
    let clusters = Self.clusters(run.gold)
    let items = whole.map { index in
      let item = run.ratings[index].item
      return CardItem(
        gold: run.gold[item],
        judgement: judgements[index],
        cluster: clusters[item]
      )
    }
    format = KeptCard.format
    (self.model, self.settings, self.questions) = (model, settings, questions)
    self.items = items.count
    prompts = Set(clusters).count
    gold = Self.digest(run.gold)
    agreement = try CardAgreement(items)
    annotators = try AnnotatorAgreement(items)
    calibration = try CardCalibration(items)
    threshold = try CardThreshold(
      items.map { $0.judgement.probability ?? 0.5 },
      clusters: items.map(\.cluster),
      wanted: questions.precision
    )
    probes = try ProbeFinding.all(
      Self.changes(items, run.ratings, judgements, questions.probes),
      smallest: questions.smallestEffect
    )
    tooLong = judgements.count { !$0.isRated }
    tokens = TokenCount(
      prompt: whole.map { outcomes[$0].promptTokens }.reduce(0, +),
      completion: whole.map { outcomes[$0].completionTokens }.reduce(0, +)
    )
    tokensPerPair = Double(tokens.total) / Double(whole.count)
    sentences = []
    sentences = findings
  }

  /// The card as JSON with sorted keys: equal cards give equal bytes.
  ///
  /// - Throws: `EncodingError`.
  package func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }

  /// What each bias changed.
  private static func changes(
    _ items: [CardItem],
    _ ratings: [CardRating],
    _ judgements: [CardJudgement],
    _ probes: [Probe]
  ) -> [ProbeFinding.Changes] {
    Probe.allCases.filter(probes.contains).map { probe in
      var changes = ProbeFinding.Changes(probe: probe)
      func add(_ gain: Double?, _ isMoved: Bool, _ item: CardItem) {
        guard let gain else { return }
        changes.gains.append(gain)
        changes.clusters.append(item.cluster)
        changes.moved += isMoved ? 1 : 0
      }
      guard probe.changesResponse else {
        for item in items {
          let credits = JudgementOrder.allCases.map(item.judgement.credit)
          add(item.judgement.positionGain, credits[0] != credits[1], item)
        }
        return changes
      }
      for (rating, judgement) in zip(ratings, judgements) where rating.probe == probe {
        let item = items[rating.item]
        let isMoved = judgement.credit != item.judgement.credit
        add(item.judgement.gain(of: judgement), isMoved, item)
      }
      return changes
    }
  }

  /// The number of each item's prompt.
  private static func clusters(_ gold: [GoldItem]) -> [Int] {
    var numbers: [[Message]: Int] = [:]
    return gold.map { item in
      let number = numbers[item.pair.prompt] ?? numbers.count
      numbers[item.pair.prompt] = number
      return number
    }
  }

  private static func digest(_ gold: [GoldItem]) -> String {
    let texts = gold.flatMap { item -> [String] in
      let prompt = item.pair.prompt.flatMap { [$0.role, $0.content] }
      let votes = item.votes.map { vote in vote.map { "\($0)" } ?? "-" }
      return [item.pair.id] + prompt + [item.pair.chosen, item.pair.rejected] + votes
    }
    return Digest.hex(texts.map { "\($0.utf8.count):\($0)" }.joined())
  }
}
