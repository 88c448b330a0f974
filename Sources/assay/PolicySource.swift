import ArgumentParser
import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import AssayTrain
import Foundation

/// What answers prompts and revises answers: a model on this machine, or one at an endpoint.
enum PolicySource {
  /// A model folder or a run folder.
  case model(path: String, inference: InferenceOptions, common: CommonOptions)
  /// A model elsewhere.
  case endpoint(OpenAIEndpoint, stretch: Int)

  /// A conversation that is to be continued some times.
  struct Question {
    var messages: [Message]
    var draws = 1
  }

  /// How texts are drawn.
  struct Drawing {
    /// Temperature; 0 is greedy.
    var temperature: Float
    /// Most new tokens of a text.
    var maximumTokens: Int
    /// Seed of the draws.
    var seed: UInt64
  }

  /// What records are made with, for the fingerprint of their stage.
  ///
  /// - Returns: The names, sizes and dates of the model's files, or its name elsewhere.
  /// - Throws: `ModelError.notFound`.
  func digest() throws -> String {
    switch self {
    case .model(let path, _, _): InputDigest.model(try ModelPath.folder(path))
    case .endpoint(let endpoint, _): "\(endpoint.model) at an endpoint"
    }
  }

  /// Draws texts for a list of items, a record an item, and goes on behind what is recorded.
  ///
  /// - Parameters:
  ///   - stage: Where the records are.
  ///   - count: How many items there are.
  ///   - stretch: Items between two writes of records, of a model on this machine.
  ///   - drawing: How texts are drawn.
  ///   - events: Hears of progress.
  ///   - questions: What is asked for an item.
  ///   - record: The record of an item, from the texts for its questions, draw by draw.
  /// - Returns: All records, in the order of the items.
  /// - Throws: What loading, drawing or writing throws.
  func records<Record: Codable & Sendable>(
    of stage: Stage,
    count: Int,
    stretch: Int,
    drawing: Drawing,
    events: @escaping RunEventHandler,
    questions: (Int) -> [Question],
    record: (Int, [String]) throws -> Record
  ) async throws -> [Record] {
    switch self {
    case .endpoint(let endpoint, let room):
      var settings = WritingSettings()
      settings.temperature = drawing.temperature
      settings.maximumTokens = drawing.maximumTokens
      return try await RemoteSamplingStage<Record>(
        stage: stage,
        generator: endpoint,
        events: events,
        stretch: max(1, room / max(1, questions(0).map(\.draws).reduce(0, +)))
      ).run(count: count) { item in
        questions(item).flatMap { question in
          (0..<question.draws).map {
            ChatRequest(
              messages: question.messages,
              settings: settings,
              seed: drawing.seed,
              draw: $0
            )
          }
        }
      } record: { item, completions in
        let texts = completions.map(\.answer)
        return try record(
          item,
          texts.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        )
      }
    case .model(let path, let inference, let common):
      let loaded = try inference.load(path, common)
      guard loaded.decoder.isLanguageModel else {
        throw ModelError.lacks(
          path: path,
          part: "output embedding",
          hint: "a classifier cannot write text"
        )
      }
      let renderer = try loaded.renderer()
      return try await SamplingStage<Record>(
        stage: stage,
        model: loaded,
        events: events,
        stretch: stretch
      ).run(count: count) { item in
        try questions(item).flatMap { question in
          let prefix = try renderer.generationPrefix(prompt: question.messages)
          return (0..<question.draws).map { draw in
            GenerationRequest(
              promptTokens: prefix,
              settings: SamplingSettings(temperature: drawing.temperature),
              maximumTokens: drawing.maximumTokens,
              stopTokens: [renderer.endOfTurnID],
              seed: drawing.seed,
              draw: draw
            )
          }
        }
      } record: { item, written in
        try record(item, written.map(\.text))
      }
    }
  }
}

/// The policy of a command: `--policy`, or `--generator` in its place.
struct PolicyOptions: ParsableArguments {
  @Option(
    help: """
      What answers: a model folder or a run folder. Default: none; --generator stands in for it.
      """
  )
  var policy: String?

  @OptionGroup var remote: GeneratorOptions

  func validate() throws {
    guard policy == nil || remote.generator == nil else {
      throw ValidationError("give either --policy or --generator")
    }
  }

  /// Whether there is a policy.
  var isGiven: Bool { policy != nil || remote.generator != nil }

  /// Calls `body` with the policy; of one elsewhere, reports what was spent however it ends.
  ///
  /// - Parameters:
  ///   - out: The folder of results, beside which answers are kept.
  ///   - inference: How a model on this machine computes.
  ///   - common: Says how to report.
  ///   - body: The work.
  /// - Throws: What the body throws.
  func withPolicy(
    out: String,
    inference: InferenceOptions,
    common: CommonOptions,
    _ body: (PolicySource) async throws -> Void
  ) async throws {
    guard let policy else {
      try await remote.withEndpoint(out: out, isOutputFree: false, common: common) {
        try await body(.endpoint($0, stretch: remote.stretch))
      }
      return
    }
    try await body(.model(path: policy, inference: inference, common: common))
  }
}
