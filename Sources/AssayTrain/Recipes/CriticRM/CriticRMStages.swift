import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import Foundation

/// Tells whether a critique of a response claims and concludes nothing false, `nil` where the data
/// cannot tell.
public typealias CritiqueTruth =
  @Sendable (_ pair: PreferencePair, _ response: String, _ critique: String) -> Bool?

/// The candidate critiques of one response, as `records.jsonl` of their stage has them.
public struct CandidateRecord: Codable, Equatable, Sendable {
  /// The pair's id.
  public var id: String
  /// `chosen` or `rejected`.
  public var side: String
  /// The candidates.
  public var candidates: [CandidateCritique]

  /// Makes a record.
  public init(id: String, side: String, candidates: [CandidateCritique]) {
    self.id = id
    self.side = side
    self.candidates = candidates
  }
}

/// What is left of a pair's critiques, as `records.jsonl` of the refining stage has it.
public struct RefinedRecord: Codable, Equatable, Sendable {
  /// A critique to learn from.
  public struct Critique: Codable, Equatable, Sendable {
    /// The text, without stated score.
    public var critique: String
    /// The score that it stated; `nil` for a merged one.
    public var score: Int?
    /// The mean rating of the meta-judge, from 1 to 10; `nil` where none could be read.
    public var quality: Double?

    /// Makes a critique.
    public init(critique: String, score: Int?, quality: Double? = nil) {
      self.critique = critique
      self.score = score
      self.quality = quality
    }
  }

  /// The pair's id.
  public var id: String
  /// Critiques of the preferred response, the best first.
  public var chosen: [Critique]
  /// Critiques of the other one.
  public var rejected: [Critique]
  /// Why the pair was dropped; `nil` where it stays.
  public var reason: String?
  /// How many critiques were dropped, by reason.
  public var dropped: [String: Int]

  /// Makes a record.
  public init(
    id: String,
    chosen: [Critique],
    rejected: [Critique],
    reason: String? = nil,
    dropped: [String: Int] = [:]
  ) {
    self.id = id
    self.chosen = chosen
    self.rejected = rejected
    self.reason = reason
    self.dropped = dropped
  }
}

/// What a filter and a refinement did to all candidates: `summary.json` of the refining stage.
public struct FilterSummary: Codable, Equatable, Sendable {
  /// Critiques of a stage of the work, and how many of them are true.
  public struct Share: Codable, Equatable, Sendable {
    /// Critiques.
    public var count = 0
    /// Of which something is known.
    public var checked = 0
    /// Whose every claim and conclusion is true.
    public var isTrue = 0

    /// Makes a share of nothing.
    public init() {}

    mutating func add(_ truth: Bool?) {
      count += 1
      guard let truth else { return }
      checked += 1
      if truth { isTrue += 1 }
    }

    enum CodingKeys: String, CodingKey {
      case count, checked
      case isTrue = "true"
    }
  }

  /// Pairs.
  public var pairs = 0
  /// Pairs that stay.
  public var keptPairs = 0
  /// Pairs dropped, by reason.
  public var droppedPairs: [String: Int] = [:]
  /// Critiques dropped, by reason.
  public var droppedCritiques: [String: Int] = [:]
  /// All candidates that are not cut.
  public var unfiltered = Share()
  /// What the filter leaves.
  public var filtered = Share()
  /// What the refinement leaves.
  public var refined = Share()

  /// Makes a summary of nothing.
  public init() {}

  enum CodingKeys: String, CodingKey {
    case pairs, unfiltered, filtered, refined
    case keptPairs = "kept_pairs"
    case droppedPairs = "dropped_pairs"
    case droppedCritiques = "dropped_critiques"
  }
}

/// Stage 1: the start model writes critiques with scores.
struct ScoredCritiques {
  let section: CriticRMSection
  let compute: ComputeSection
  let events: RunEventHandler

  func run(_ stage: Stage, start: URL, pairs: [PreferencePair]) async throws {
    let model = try Model.load(start, device: try compute.chosenDevice())
    let renderer = try model.renderer()
    let wording = section.wording
    let records = try await SamplingStage<CandidateRecord>(
      stage: stage,
      model: model,
      events: events
    ).run(count: 2 * pairs.count) { item in
      let pair = pairs[item / 2]
      let prefix = try renderer.critiquePrefix(
        prompt: pair.prompt,
        response: item.isMultiple(of: 2) ? pair.chosen : pair.rejected,
        leadIn: wording.scoredCritiqueLeadIn,
        reservedTokens: section.critiqueTokens + 1
      )
      return (0..<section.samples).map { draw in
        GenerationRequest(
          promptTokens: prefix,
          settings: SamplingSettings(
            temperature: Float(section.temperature),
            topP: Float(section.topP)
          ),
          maximumTokens: section.critiqueTokens,
          stopTokens: [renderer.endOfTurnID],
          seed: drawSeed(compute.seed, item: item, draw: draw)
        )
      }
    } record: { item, written in
      CandidateRecord(
        id: pairs[item / 2].id,
        side: item.isMultiple(of: 2) ? "chosen" : "rejected",
        candidates: written.map {
          CandidateCritique(
            text: $0.text,
            finishReason: $0.finishReason.rawValue,
            prompts: wording
          )
        }
      )
    }
    let unscored = records.map { $0.candidates.count { $0.score == nil } }.reduce(0, +)
    if unscored > 0 {
      events(
        .message(
          "\(unscored) of \(records.count * section.samples) critiques state no score that can be "
            + "read, or were cut"
        )
      )
    }
  }
}

/// Stage 2: the label filters the critiques, and the start model refines what is left.
struct CritiqueRefining {
  let section: CriticRMSection
  let refinement: CritiqueRefinement
  let compute: ComputeSection
  let events: RunEventHandler
  let truth: CritiqueTruth?

  func run(
    _ stage: Stage,
    start: URL,
    pairs: [PreferencePair],
    candidates: [CandidateRecord]
  ) async throws {
    guard candidates.count == 2 * pairs.count else {
      throw TrainingError.recipe(
        reason: "\(candidates.count) lists of critiques for \(pairs.count) pairs: the data changed "
          + "since they were written; use another --out"
      )
    }
    let filtered = pairs.indices.map { index in
      section.filter.filter(
        chosen: candidates[2 * index].candidates,
        rejected: candidates[2 * index + 1].candidates
      )
    }
    let model = try Model.load(start, device: try compute.chosenDevice())
    let renderer = try model.renderer()
    func survivors(_ index: Int) -> [(response: String, candidate: CandidateCritique)] {
      let pair = pairs[index]
      return filtered[index].chosen.map { (pair.chosen, candidates[2 * index].candidates[$0]) }
        + filtered[index].rejected.map { (pair.rejected, candidates[2 * index + 1].candidates[$0]) }
    }
    let records = try await SamplingStage<RefinedRecord>(
      stage: stage,
      model: model,
      events: events
    ).run(count: pairs.count) { index in
      try refinement == .rank
        ? ratingRequests(index, pairs[index], survivors(index), renderer)
        : mergingRequests(pairs[index], survivors(index), filtered[index].chosen.count, renderer)
    } record: { index, written in
      let kept = survivors(index).map(\.candidate)
      let chosenCount = filtered[index].chosen.count
      let result =
        refinement == .rank
        ? ranked(kept, written, chosenCount: chosenCount)
        : merged(written)
      return RefinedRecord(
        id: pairs[index].id,
        chosen: result.chosen,
        rejected: result.rejected,
        reason: filtered[index].reason?.rawValue
          ?? (result.chosen.isEmpty || result.rejected.isEmpty ? "refinement-failed" : nil),
        dropped: filtered[index].dropped
      )
    }
    try summarize(stage, pairs, candidates, filtered, records)
  }

  // MARK: Rank

  private func ratingRequests(
    _ index: Int,
    _ pair: PreferencePair,
    _ survivors: [(response: String, candidate: CandidateCritique)],
    _ renderer: SequenceRenderer
  ) throws -> [GenerationRequest] {
    let wording = section.wording
    return try survivors.enumerated().flatMap { place, survivor in
      let prefix = try fitting(
        try renderer.generationPrefix(
          prompt: wording.rating(
            prompt: pair.prompt,
            response: survivor.response,
            critique: survivor.candidate.critique
          )
        ),
        renderer
      )
      return (0..<section.ratings).map { draw in
        GenerationRequest(
          promptTokens: prefix,
          settings: SamplingSettings(
            temperature: Float(section.temperature),
            topP: Float(section.topP)
          ),
          maximumTokens: Self.ratingTokens,
          stopTokens: [renderer.endOfTurnID],
          seed: drawSeed(compute.seed, item: index, draw: place * section.ratings + draw)
        )
      }
    }
  }

  private static let ratingTokens = 8

  private func ranked(
    _ kept: [CandidateCritique],
    _ written: [Generation],
    chosenCount: Int
  ) -> (chosen: [RefinedRecord.Critique], rejected: [RefinedRecord.Critique]) {
    let rated = kept.enumerated().map { place, candidate in
      let own = written[place * section.ratings..<(place + 1) * section.ratings]
      let ratings = own.compactMap { RolePrompts.rating(in: $0.text) }
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

  // MARK: Summ

  private func mergingRequests(
    _ pair: PreferencePair,
    _ survivors: [(response: String, candidate: CandidateCritique)],
    _ chosenCount: Int,
    _ renderer: SequenceRenderer
  ) throws -> [GenerationRequest] {
    let wording = section.wording
    guard !survivors.isEmpty else { return [] }
    return try [survivors[..<chosenCount], survivors[chosenCount...]].map { side in
      let prefix = try renderer.generationPrefix(
        prompt: wording.merging(
          prompt: pair.prompt,
          response: side.first?.response ?? "",
          critiques: side.prefix(section.merged).map(\.candidate.critique)
        )
      )
      return GenerationRequest(
        promptTokens: try fitting(prefix, renderer),
        maximumTokens: section.critiqueTokens,
        stopTokens: [renderer.endOfTurnID]
      )
    }
  }

  private func merged(
    _ written: [Generation]
  ) -> (chosen: [RefinedRecord.Critique], rejected: [RefinedRecord.Critique]) {
    func critique(_ index: Int) -> [RefinedRecord.Critique] {
      guard written.count == 2, written[index].finishReason != .length,
        !written[index].text.allSatisfy(\.isWhitespace)
      else { return [] }
      return [RefinedRecord.Critique(critique: written[index].text, score: nil)]
    }
    return (critique(0), critique(1))
  }

  /// Takes tokens from the front, behind the first, where a prompt leaves no room for an answer.
  private func fitting(_ tokens: [Int32], _ renderer: SequenceRenderer) throws -> [Int32] {
    let room = refinement == .rank ? Self.ratingTokens : section.critiqueTokens
    let maximum = (renderer.maximumTokens ?? .max) - room - 1
    guard maximum > 1 else {
      throw TextError.limitTooSmall(maximumTokens: maximum + room + 1, minimum: room + 3)
    }
    guard tokens.count > maximum else { return tokens }
    return [tokens[0]] + tokens[(tokens.count - maximum + 1)...]
  }

  // MARK: What happened

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
      for (side, response, kept, left) in [
        (2 * index, pair.chosen, filter.chosen, record.chosen),
        (2 * index + 1, pair.rejected, filter.rejected, record.rejected),
      ] {
        for (place, candidate) in candidates[side].candidates.enumerated()
        where candidate.finishReason != "length" {
          let isTrue = truth?(pair, response, candidate.critique)
          summary.unfiltered.add(isTrue)
          if kept.contains(place) { summary.filtered.add(isTrue) }
        }
        for critique in left { summary.refined.add(truth?(pair, response, critique.critique)) }
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try DurableFile.write(try encoder.encode(summary), to: stage.file("summary.json"))
    events(
      .message(
        "the filter keeps \(summary.keptPairs) of \(summary.pairs) pairs and "
          + "\(summary.filtered.count) of \(summary.unfiltered.count) critiques"
      )
    )
  }
}
