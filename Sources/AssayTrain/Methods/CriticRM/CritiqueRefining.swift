import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// Stage 2: the label filters the critiques, and a meta-judge refines what is left.
struct CritiqueRefining {
  let section: CriticRMSection
  let refinement: CritiqueRefinement
  let compute: ComputeSection
  let events: RunEventHandler
  let truth: CritiqueTruth?
  /// Tokens of a rating; `nil` is what the start model needs, which writes a number alone.
  var ratingTokens: Int?

  private typealias Result = (
    chosen: [RefinedRecord.Critique], rejected: [RefinedRecord.Critique]
  )

  /// A conversation that the meta-judge continues some times.
  private struct Question {
    let messages: [Message]
    let draws: Int
  }

  /// What the filter leaves of a pair, and what is asked about it.
  private struct Item {
    let id: String
    let filtered: FilteredCandidates
    /// Critiques of chosen, then of rejected.
    let kept: [CandidateCritique]
    let questions: [Question]
  }

  /// Refines what is missing, and sums up.
  ///
  /// - Parameters:
  ///   - stage: Where records are.
  ///   - writer: The meta-judge; by a model here a conversation that is too long is cut at its front.
  ///   - stretch: Pairs that are asked about together.
  ///   - pairs: The pairs.
  ///   - candidates: The candidates of chosen and of rejected of each pair.
  /// - Throws: What writing or recording throws.
  func run(
    _ stage: Stage,
    by writer: any Writer,
    stretch: Int,
    pairs: [PreferencePair],
    candidates: [CandidateRecord]
  ) async throws {
    let items = try items(pairs, candidates)
    var settings = WritingSettings()
    settings.maximumTokens = writer.limit(writtenTokens, .critique)
    if refinement == .rank {
      settings.temperature = Float(section.temperature)
      settings.topP = Float(section.topP)
    }
    let records = try await stage.write(items, by: writer, stretch: stretch, events: events) {
      item in
      item.questions.map { question in
        WritingRequest(
          .conversation(question.messages),
          settings: settings,
          seed: UInt64(compute.seed),
          draws: question.draws,
          cutsFront: true
        )
      }
    } record: { index, written in
      record(items[index], Array(written.joined()))
    }
    try summarize(stage, pairs, candidates, items.map(\.filtered), records)
  }

  private func items(
    _ pairs: [PreferencePair],
    _ candidates: [CandidateRecord]
  ) throws -> [Item] {
    guard candidates.count == 2 * pairs.count else {
      throw TrainingError.recipe(
        reason: "\(candidates.count) lists of critiques for \(pairs.count) pairs: the data changed "
          + "since they were written; use another --out"
      )
    }
    return pairs.enumerated().map { index, pair in
      let (chosen, rejected) = (candidates[2 * index], candidates[2 * index + 1])
      var filtered = section.filter.filter(
        chosen: chosen.candidates,
        rejected: rejected.candidates
      )
      if let rule = section.pairFilter {
        filtered.drop(
          with: rule.filter(chosen: chosen.candidates, rejected: rejected.candidates)
        )
      }
      let sides = [
        (pair.chosen, filtered.chosen.map { chosen.candidates[$0] }),
        (pair.rejected, filtered.rejected.map { rejected.candidates[$0] }),
      ]
      return Item(
        id: pair.id,
        filtered: filtered,
        kept: sides.flatMap(\.1),
        questions: filtered.isKept ? sides.flatMap { questions(pair, $0, $1) } : []
      )
    }
  }

  /// What is asked about the critiques of a response that the filter leaves.
  private func questions(
    _ pair: PreferencePair,
    _ response: String,
    _ kept: [CandidateCritique]
  ) -> [Question] {
    let wording = section.wording
    switch refinement {
    case .rank where section.choice == .random: return []
    case .rank:
      return kept.map {
        Question(
          messages: wording.rating(
            prompt: pair.prompt,
            response: response,
            critique: $0.critique
          ),
          draws: section.ratings
        )
      }
    case .summ:
      let messages = wording.merging(
        prompt: pair.prompt,
        response: response,
        critiques: kept.prefix(section.merged).map(\.critique)
      )
      return [Question(messages: messages, draws: 1)]
    }
  }

  private func record(_ item: Item, _ written: [Written]) -> RefinedRecord {
    let count = item.filtered.chosen.count
    let result =
      switch refinement {
      case .rank where section.choice == .random: drawn(item, chosenCount: count)
      case .rank: ranked(item.kept, written, chosenCount: count)
      case .summ: merged(written)
      }
    return RefinedRecord(
      id: item.id,
      chosen: result.chosen,
      rejected: result.rejected,
      reason: item.filtered.reason?.rawValue
        ?? (result.chosen.isEmpty || result.rejected.isEmpty ? "refinement-failed" : nil),
      dropped: item.filtered.dropped
    )
  }

  /// Tokens of what the meta-judge writes: a number, or a critique.
  private var writtenTokens: Int {
    refinement == .rank ? ratingTokens ?? Self.ownRatingTokens : section.critiqueTokens
  }

  static let ownRatingTokens = 8

  // MARK: Rank

  private func ranked(
    _ kept: [CandidateCritique],
    _ written: [Written],
    chosenCount: Int
  ) -> Result {
    let rated = kept.enumerated().map { place, candidate in
      let own = written[place * section.ratings..<(place + 1) * section.ratings]
      let ratings = own.compactMap { RolePrompts.rating(in: section.critique($0)) }
      return RefinedRecord.Critique(
        critique: candidate.critique,
        score: candidate.score,
        quality: ratings.isEmpty ? nil : Double(ratings.reduce(0, +)) / Double(ratings.count)
      )
    }
    func best(_ critiques: ArraySlice<RefinedRecord.Critique>) -> [RefinedRecord.Critique] {
      // The first of equals, and one critique once: candidates repeat where the model is sure.
      var seen: Set<String> = []
      let different = critiques.filter { seen.insert($0.critique).inserted }
      return Array(
        different.enumerated().sorted {
          let (a, b) = ($0.element.quality ?? 0, $1.element.quality ?? 0)
          return a == b ? $0.offset < $1.offset : a > b
        }.map(\.element).prefix(section.kept)
      )
    }
    return (best(rated[..<chosenCount]), best(rated[chosenCount...]))
  }

  /// Any of the critiques, the same for the same pair and seed.
  private func drawn(_ item: Item, chosenCount: Int) -> Result {
    var random = SeededRandom(path: [UInt64(compute.seed)] + item.id.utf8.map(UInt64.init))
    func some(_ candidates: ArraySlice<CandidateCritique>) -> [RefinedRecord.Critique] {
      random.shuffled(Array(candidates)).prefix(section.kept).map {
        RefinedRecord.Critique(critique: $0.critique, score: $0.score)
      }
    }
    return (some(item.kept[..<chosenCount]), some(item.kept[chosenCount...]))
  }

  // MARK: Summ

  private func merged(_ written: [Written]) -> Result {
    func critique(_ index: Int) -> [RefinedRecord.Critique] {
      guard written.count == 2, !written[index].finishReason.isCut else { return [] }
      let text = section.critique(written[index])
      return text.allSatisfy(\.isWhitespace)
        ? [] : [RefinedRecord.Critique(critique: text, score: nil)]
    }
    return (critique(0), critique(1))
  }

  // MARK: What happened

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(values.count)
  }

  private func summarize(
    _ stage: Stage,
    _ pairs: [PreferencePair],
    _ candidates: [CandidateRecord],
    _ filtered: [FilteredCandidates],
    _ records: [RefinedRecord]
  ) throws {
    var summary = FilterSummary()
    summary.pairs = pairs.count
    for (index, pair) in pairs.enumerated() {
      let (filter, record) = (filtered[index], records[index])
      if let reason = record.reason {
        summary.droppedPairs[reason, default: 0] += 1
      } else {
        summary.keptPairs += 1
      }
      summary.droppedCritiques.merge(filter.dropped, uniquingKeysWith: +)
      var differences: [Double] = []
      for (side, response, kept, left) in [
        (2 * index, pair.chosen, filter.chosen, record.chosen),
        (2 * index + 1, pair.rejected, filter.rejected, record.rejected),
      ] {
        var (keptTruths, droppedTruths): ([Double], [Double]) = ([], [])
        for (place, candidate) in candidates[side].candidates.enumerated()
        where !candidate.finishReason.isCut {
          let isTrue = truth?(pair, response, candidate.critique)
          summary.unfiltered.add(isTrue)
          let isKept = kept.contains(place)
          if isKept { summary.filtered.add(isTrue) }
          guard let isTrue else { continue }
          if isKept {
            keptTruths.append(isTrue ? 1 : 0)
          } else {
            droppedTruths.append(isTrue ? 1 : 0)
          }
        }
        if !keptTruths.isEmpty, !droppedTruths.isEmpty {
          differences.append(Self.mean(keptTruths) - Self.mean(droppedTruths))
        }
        for critique in left { summary.refined.add(truth?(pair, response, critique.critique)) }
      }
      summary.within.add(differences)
    }
    try StageSummary.filter(summary: summary).write(to: stage)
    events(
      .message(
        "the filter keeps \(summary.keptPairs) of \(summary.pairs) pairs and "
          + "\(summary.filtered.count) of \(summary.unfiltered.count) critiques"
      )
    )
  }
}
