import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// The candidate critiques of one response, as `records.jsonl` of their stage has them.
package struct CandidateRecord: Codable, Equatable, Sendable {
  /// The pair's id.
  package var id: String
  /// `chosen` or `rejected`.
  package var side: String
  /// The candidates.
  package var candidates: [CandidateCritique]

  /// Makes a record.
  package init(id: String, side: String, candidates: [CandidateCritique]) {
    self.id = id
    self.side = side
    self.candidates = candidates
  }
}

/// What is left of a pair's critiques, as `records.jsonl` of the refining stage has it.
package struct RefinedRecord: Codable, Equatable, Sendable {
  /// A critique to learn from.
  package struct Critique: Codable, Equatable, Sendable {
    /// The text, without stated score.
    package var critique: String
    /// The score that it stated; `nil` for a merged one.
    package var score: Int?
    /// The mean rating of the meta-judge, from 1 to 10; `nil` where none could be read.
    package var quality: Double?

    /// Makes a critique.
    package init(critique: String, score: Int?, quality: Double? = nil) {
      self.critique = critique
      self.score = score
      self.quality = quality
    }
  }

  /// The pair's id.
  package var id: String
  /// Critiques of the preferred response, the best first.
  package var chosen: [Critique]
  /// Critiques of the other one.
  package var rejected: [Critique]
  /// Why the pair was dropped; `nil` where it stays.
  package var reason: String?
  /// How many critiques were dropped, by reason.
  package var dropped: [String: Int]

  /// Makes a record.
  package init(
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

/// Stage 1: the start model, or one at an endpoint, writes critiques with scores.
package struct ScoredCritiques {
  let section: CriticRMSection
  let compute: ComputeSection
  let events: RunEventHandler
  let endpoints: CriticRMEndpoints

  /// Makes the stage's work.
  package init(
    section: CriticRMSection,
    compute: ComputeSection,
    events: @escaping RunEventHandler,
    endpoints: CriticRMEndpoints = CriticRMEndpoints()
  ) {
    self.section = section
    self.compute = compute
    self.events = events
    self.endpoints = endpoints
  }

  /// Writes what is missing.
  ///
  /// - Parameters:
  ///   - stage: Where records are.
  ///   - start: The folder of the start model.
  ///   - pairs: The pairs.
  /// - Throws: What loading, writing or recording throws.
  package func run(_ stage: Stage, start: URL, pairs: [PreferencePair]) async throws {
    let wording = section.wording
    var settings = WritingSettings()
    settings.temperature = Float(section.temperature)
    settings.topP = Float(section.topP)
    let sides = pairs.flatMap(PairSide.both)
    let records = try await endpoints.withWriter(
      endpoints.candidates,
      else: start,
      compute,
      for: stage,
      events: events,
      texts: section.samples
    ) { writer, stretch in
      var settings = settings
      settings.maximumTokens = writer.limit(section.critiqueTokens, .critique)
      return try await stage.write(sides, by: writer, stretch: stretch, events: events) { side in
        [
          WritingRequest(
            wording.opening(
              prompt: side.pair.prompt,
              response: side.response,
              leadIn: wording.scoredCritiqueLeadIn
            ),
            settings: settings,
            seed: UInt64(compute.seed),
            draws: section.samples,
            cutsFront: true
          )
        ]
      } record: { item, written in
        CandidateRecord(
          id: sides[item].pair.id,
          side: sides[item].name,
          candidates: written.joined().map {
            CandidateCritique(
              text: section.critique($0),
              finishReason: $0.finishReason,
              prompts: wording
            )
          }
        )
      }
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

extension CriticRMSection {
  /// A text as a critique.
  ///
  /// A chat model's answer has no white space around it: it gets the space that stands between a lead-in
  /// and a critique where the lead-in does not end in one.
  func critique(_ written: Written) -> String {
    guard written.generation == nil || !wording.opensCritiques else { return written.text }
    let leadIn = stripsScore ? wording.critiqueLeadIn : wording.scoredCritiqueLeadIn
    let text = written.answer
    return (leadIn.last?.isWhitespace ?? true) || text.isEmpty ? text : " " + text
  }
}
