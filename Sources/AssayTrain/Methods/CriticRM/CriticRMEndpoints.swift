import AssayBase
import AssayGenerate
import AssayModel
import AssayRun
import AssayText
import Foundation

/// Models at OpenAI-compatible endpoints that write for the start model, which only learns then.
///
/// What they spent is told, and a line of `spend.jsonl` of the run folder for each stage and start.
/// What they answered is kept in `requests.jsonl` of the run folder under a hash of model,
/// conversation, settings and seed, whatever the URL: what is redone asks only what is missing. The
/// key is read from `OPENAI_API_KEY`. Of these settings, records depend on the models' names and on
/// `rating_tokens`.
package struct CriticRMEndpoints: RecipeSection {
  /// Who writes the candidate critiques with their scores: `openai:URL`, the URL before
  /// `/chat/completions`.
  ///
  /// Default: null, the start model.
  package var generator: String?
  /// The model's name there.
  package var generatorModel: String?
  /// Who rates critiques (rank) or merges them (summ): `openai:URL`.
  ///
  /// Default: null, the start model.
  package var metaJudge: String?
  /// The model's name there.
  package var metaJudgeModel: String?
  /// Tokens that the rating of a critique may have; a model that reasons first needs more.
  ///
  /// Default: 16.
  package var ratingTokens = 16
  /// Requests under way at once.
  ///
  /// Default: 8.
  package var concurrency = 8
  /// Seconds that the answer to a request may take.
  ///
  /// Default: 600.
  package var timeoutSeconds = 600.0
  /// Times that a request is sent again after a rate limit, a failure or a time-out.
  ///
  /// Default: 8.
  package var retries = 8

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (address, model, name, modelName) in [
      (generator, generatorModel, "generator", "generatorModel"),
      (metaJudge, metaJudgeModel, "metaJudge", "metaJudgeModel"),
    ] {
      checks.require(
        address.map { (try? EndpointAddress(generator: $0)) != nil } ?? true,
        name,
        "an endpoint as openai:http://localhost:8000/v1, or null"
      )
      checks.require(
        (address == nil) == (model?.isEmpty ?? true),
        modelName,
        "the model's name at the endpoint, and only with one"
      )
    }
    checks.require(ratingTokens > 0, "ratingTokens", "a number above 0")
    checks.require(concurrency > 0, "concurrency", "a number above 0")
    checks.require(
      timeoutSeconds > 0 && timeoutSeconds.isFinite,
      "timeoutSeconds",
      "a number above 0"
    )
    checks.require(retries >= 0, "retries", "a number of at least 0")
  }

  /// A model at an endpoint.
  struct Place {
    let address: String
    let model: String
  }

  /// Where candidates come from; `nil` is the start model.
  var candidates: Place? { Self.place(generator, generatorModel) }

  /// Where ratings and merged critiques come from; `nil` is the start model.
  var refinement: Place? { Self.place(metaJudge, metaJudgeModel) }

  private static func place(_ address: String?, _ model: String?) -> Place? {
    guard let address, let model else { return nil }
    return Place(address: address, model: model)
  }

  /// Calls `body` with what writes for a stage: a model at an endpoint, whose spend is told however it
  /// ends, or the start model.
  ///
  /// - Parameters:
  ///   - place: The endpoint; `nil` is the start model.
  ///   - stage: A stage of the run whose folder keeps an endpoint's answers.
  ///   - requests: Texts that an item asks for.
  ///   - start: Loads the start model.
  ///   - events: Hears of the spend.
  ///   - body: The work, with the items that are worked on together.
  /// - Throws: As `withEndpoint`, or what loading throws.
  func withWriter(
    _ place: Place?,
    for stage: Stage,
    requests: Int,
    start: () throws -> Model,
    events: RunEventHandler,
    _ body: (any Writer, Int) async throws -> Void
  ) async throws {
    guard let place else { return try await body(ModelWriter(start()), 512) }
    try await withEndpoint(place, for: stage, events: events) {
      try await body(RemoteWriter($0), stretch(requests: requests))
    }
  }

  /// Items of a stage that are asked for together.
  private func stretch(requests: Int) -> Int {
    max(1, max(256, 32 * concurrency) / max(1, requests))
  }

  /// Calls `body` with a client of an endpoint, and tells what was spent however it ends.
  ///
  /// - Parameters:
  ///   - place: The endpoint.
  ///   - stage: A stage of the run whose folder keeps the answers.
  ///   - events: Hears of the spend.
  ///   - body: The work.
  /// - Throws: `EndpointError`, `DataError` or `RunError` where answers or the spend cannot be kept,
  ///   or what the body throws.
  private func withEndpoint(
    _ place: Place,
    for stage: Stage,
    events: RunEventHandler,
    _ body: (OpenAIEndpoint) async throws -> Void
  ) async throws {
    var settings = EndpointSettings()
    settings.concurrency = concurrency
    settings.timeoutSeconds = timeoutSeconds
    settings.retries = retries
    settings.checkpoint = { try Interruption.check() }
    let folder = stage.url.deletingLastPathComponent()
    let file = folder.appendingPathComponent("requests.jsonl")
    let log = try RecordLog<StageSpend>(folder.appendingPathComponent("spend.jsonl"))
    let endpoint = OpenAIEndpoint(
      try EndpointAddress(generator: place.address),
      model: place.model,
      key: try EndpointKey(ProcessInfo.processInfo.environment["OPENAI_API_KEY"]),
      settings: settings,
      records: try RequestRecords(file.path)
    )
    func report() throws {
      events(.message("spent at \(place.model): \(endpoint.spend.text)"))
      try log.append(
        StageSpend(
          stage: stage.url.lastPathComponent,
          model: place.model,
          spend: endpoint.spend
        )
      )
    }
    do {
      try await body(endpoint)
    } catch {
      try? await endpoint.close()
      try? report()  // what went wrong first is what counts
      throw error
    }
    try await endpoint.close()
    try report()
  }

  /// A line of `spend.jsonl`.
  private struct StageSpend: Codable, Sendable {
    let stage: String
    let model: String
    let spend: Spend
  }
}
