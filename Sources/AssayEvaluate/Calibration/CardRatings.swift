// What a rater is asked for a judge card, and what it answered, recorded at once.
import AssayBase
import AssayData
import AssayReward
import AssayText
import Foundation

/// One pair to be rated: as people labelled it, or with the worse response changed.
package struct CardRating: Equatable, Sendable {
  /// Which item, by its place in the gold labels.
  package let item: Int
  /// What was done to the worse response; `nil` for nothing.
  package let probe: Probe?
  /// What is rated.
  package let pair: PreferencePair
  /// A digest of the texts, so that a record of other texts is none of this one.
  package let digest: String

  private init(_ item: Int, _ probe: Probe?, _ pair: PreferencePair) {
    (self.item, self.probe, self.pair) = (item, probe, pair)
    let texts = pair.prompt.flatMap { [$0.role, $0.content] } + [pair.chosen, pair.rejected]
    digest = String(Digest.hex(texts.map { "\($0.utf8.count):\($0)" }.joined()).prefix(16))
  }

  /// All that is rated for a card: each item as it is, then changed.
  ///
  /// - Parameters:
  ///   - gold: The gold labels.
  ///   - probes: What is looked for.
  /// - Returns: The ratings, item by item.
  package static func all(_ gold: [GoldItem], _ probes: [Probe]) -> [CardRating] {
    gold.enumerated().flatMap { index, item in
      [CardRating(index, nil, item.pair)]
        + probes.compactMap { probe in
          guard let changed = probe.changed(item.pair.rejected), changed != item.pair.chosen else {
            return nil
          }
          var pair = item.pair
          pair.rejected = changed
          return CardRating(index, probe, pair)
        }
    }
  }
}

/// A line of `card.records.jsonl`.
package struct CardRecord: Codable, Equatable, Sendable {
  /// What was done to the worse response; `nil` for nothing.
  package var probe: Probe?
  /// The digest of the texts that were rated.
  package var text: String
  /// What the rater said.
  ///
  /// Its id is the item's; of what was too long it has neither votes nor scores.
  package var outcome: PairOutcome

  /// Makes a record.
  package init(_ rating: CardRating, _ outcome: PairOutcome) {
    (probe, text, self.outcome) = (rating.probe, rating.digest, outcome)
  }
}

/// The ratings that a card is made from.
package struct CardRun {
  /// The gold labels.
  package let gold: [GoldItem]
  /// All that is rated.
  package let ratings: [CardRating]

  /// Items whose ratings a model here reads together: what is packed together is always the same, so
  /// that results do not depend on where a run was interrupted.
  private static let stretchItems = 4

  /// Makes one.
  ///
  /// - Parameters:
  ///   - gold: The gold labels.
  ///   - probes: What is looked for.
  package init(_ gold: [GoldItem], probes: [Probe]) {
    self.gold = gold
    ratings = CardRating.all(gold, probes)
  }

  /// Asks a rater for what is not recorded yet.
  ///
  /// - Parameters:
  ///   - rater: What rates.
  ///   - url: The file of records.
  ///   - fits: Whether the rater can read a pair; changed pairs that it cannot are recorded as not rated.
  ///   - onProgress: Called with the ratings that are done, and the tokens since the last call, first
  ///     with those done before; what it throws ends the work.
  /// - Returns: An outcome for each rating.
  /// - Throws: `FileError`, or what the rater and the closures throw.
  package func run(
    by rater: any Rater,
    to url: URL,
    fits: (PreferencePair) throws -> Bool = { _ in true },
    onProgress: (_ done: Int, _ tokens: Int) throws -> Void
  ) async throws -> [PairOutcome] {
    let log = try RecordLog<CardRecord>(url)
    var outcomes = match(try log.records())
    var done = outcomes.count { $0 != nil }
    try onProgress(done, 0)
    // What is written, here or elsewhere, does not depend on what else is asked for.
    let isWritten = (rater as? JudgeRater).map { !$0.readsPasses } ?? false
    for stretch in stretches where stretch.contains(where: { outcomes[$0] == nil }) {
      try Interruption.check()
      var asked: [Int] = []
      for index in stretch where !isWritten || outcomes[index] == nil {
        let rating = ratings[index]
        if try rating.probe == nil || fits(rating.pair) {
          asked.append(index)
        } else if outcomes[index] == nil {
          let outcome = Self.notRated(rating.pair)
          try log.append(CardRecord(rating, outcome))
          outcomes[index] = outcome
          done += 1
        }
      }
      do {
        let pairs = asked.map { ratings[$0].pair }
        _ = try await rater.outcomes(pairs, suite: "gold") { place, outcome in
          let index = asked[place]
          if outcomes[index] == nil {
            try log.append(CardRecord(ratings[index], outcome))
            outcomes[index] = outcome
            done += 1
          }
          try onProgress(done, outcome.promptTokens + outcome.completionTokens)
        }
      } catch let error as RewardError {
        throw error.mapped { ratings[asked[$0]].item }
      }
    }
    try log.synchronize()
    return outcomes.compactMap(\.self)
  }

  /// The outcomes of a file alone, without a rater.
  ///
  /// - Parameter url: The file of records.
  /// - Returns: An outcome for each rating.
  /// - Throws: `EvaluateError.mismatchedRecords` where one is missing, or `FileError`.
  package func recorded(in url: URL) throws -> [PairOutcome] {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw EvaluateError.badFile(file: url.path, reason: "there is no such file of records")
    }
    let outcomes = match(try RecordLog<CardRecord>(url).records())
    let missing = ratings.indices.filter { outcomes[$0] == nil }
    guard let first = missing.first else { return outcomes.compactMap(\.self) }
    throw EvaluateError.mismatchedRecords(
      file: url.path,
      problems: [
        "\(missing.count) of \(ratings.count) have none, the first being '\(ratings[first].pair.id)' "
          + "(\(ratings[first].probe?.rawValue ?? "unchanged"))"
      ]
    )
  }

  private var stretches: [Range<Int>] {
    var starts = ratings.indices.filter { index in
      ratings[index].probe == nil && ratings[index].item % Self.stretchItems == 0
    }
    starts.append(ratings.count)
    return zip(starts, starts.dropFirst()).map { $0..<$1 }
  }

  private func match(_ records: [CardRecord]) -> [PairOutcome?] {
    var known: [String: PairOutcome] = [:]
    for record in records {
      known["\(record.probe?.rawValue ?? "") \(record.text) \(record.outcome.id)"] = record.outcome
    }
    return ratings.map { known["\($0.probe?.rawValue ?? "") \($0.digest) \($0.pair.id)"] }
  }

  private static func notRated(_ pair: PreferencePair) -> PairOutcome {
    PairOutcome(
      id: pair.id,
      suite: "gold",
      subset: pair.subset,
      promptTokens: 0,
      completionTokens: 0
    )
  }
}
