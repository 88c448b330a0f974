import AssayBase
import AssayGenerate
import AssayRun
import AssayText
import Foundation

/// Where models elsewhere are asked to write for the start model, which only learns then.
///
/// What they spent is told, and a line of `spend.jsonl` of the run folder for each stage and start.
/// What they answered is kept in `requests.jsonl` of the run folder under a hash of model,
/// conversation, settings and seed, whatever the URL: what is redone asks only what is missing. The
/// key is read from `OPENAI_API_KEY`. Of these settings, records depend on the models' names and on
/// the lengths of texts.
package protocol EndpointRoles: RecipeSection {
  /// Requests under way at once.
  var concurrency: Int { get }
  /// Seconds that the answer to a request may take.
  var timeoutSeconds: Double { get }
  /// Times that a request is sent again after a rate limit, a failure or a time-out.
  var retries: Int { get }
  /// The field in which the endpoint takes a grammar; `nil` where it takes none.
  var structuredOutput: StructuredOutput? { get }
}

/// A model at an OpenAI-compatible endpoint that writes a method's texts.
package struct WriterEndpoint: EndpointRoles {
  /// Who writes: `openai:URL`, the URL before `/chat/completions`.
  ///
  /// Default: null, the model that is trained.
  package var generator: String?
  /// The model's name there.
  package var generatorModel: String?
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
  /// The field in which the endpoint takes the grammar of enforced verdicts: `structured_outputs` (vLLM),
  /// `guided` (vLLM up to 0.11) or `response_format` (OpenAI).
  ///
  /// Default: null, it takes none.
  package var structuredOutput: StructuredOutput?

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.requirePlace(generator, generatorModel, "generator", "generatorModel")
    validateRequests(&checks)
  }

  /// Where texts come from; `nil` is the model that is trained.
  var place: EndpointPlace? { EndpointPlace(generator, generatorModel) }
}

/// Models at OpenAI-compatible endpoints that write and rate critiques.
package struct CriticRMEndpoints: EndpointRoles {
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
    checks.requirePlace(generator, generatorModel, "generator", "generatorModel")
    checks.requirePlace(metaJudge, metaJudgeModel, "metaJudge", "metaJudgeModel")
    checks.require(ratingTokens > 0, "ratingTokens", "a number above 0")
    validateRequests(&checks)
  }

  /// None: critiques and ratings are held to no grammar.
  package var structuredOutput: StructuredOutput? { nil }

  /// Where candidates come from; `nil` is the start model.
  var candidates: EndpointPlace? { EndpointPlace(generator, generatorModel) }

  /// Where ratings and merged critiques come from; `nil` is the start model.
  var refinement: EndpointPlace? { EndpointPlace(metaJudge, metaJudgeModel) }
}

/// A model at an endpoint.
struct EndpointPlace {
  let address: String
  let model: String

  /// Makes a place; `nil` where none is named.
  init?(_ address: String?, _ model: String?) {
    guard let address, let model else { return nil }
    self.address = address
    self.model = model
  }
}

extension RecipeChecks {
  /// Notes an address that is none, and a name without address or the other way round.
  fileprivate mutating func requirePlace(
    _ address: String?,
    _ model: String?,
    _ name: String,
    _ modelName: String
  ) {
    require(
      address.map { (try? EndpointAddress(generator: $0)) != nil } ?? true,
      name,
      "an endpoint as openai:http://localhost:8000/v1, or null"
    )
    require(
      (address == nil) == (model?.isEmpty ?? true),
      modelName,
      "the model's name at the endpoint, and only with one"
    )
  }
}

extension EndpointRoles {
  /// Reports how requests cannot be sent.
  func validateRequests(_ checks: inout RecipeChecks) {
    checks.require(concurrency > 0, "concurrency", "a number above 0")
    checks.require(
      timeoutSeconds > 0 && timeoutSeconds.isFinite,
      "timeoutSeconds",
      "a number above 0"
    )
    checks.require(retries >= 0, "retries", "a number of at least 0")
  }

  /// Calls `body` with what writes for a stage: a model at an endpoint, or one here.
  ///
  /// - Parameters:
  ///   - place: The endpoint; `nil` takes the model here.
  ///   - folder: The model here.
  ///   - compute: How it is loaded.
  ///   - stage: A stage of the run whose folder keeps an endpoint's answers.
  ///   - events: Hears of the spend.
  ///   - texts: Texts of an item, about.
  ///   - body: The work, with the items that are worked on together.
  /// - Returns: What the body returns.
  /// - Throws: What loading, asking or the body throws.
  func withWriter<Result>(
    _ place: EndpointPlace?,
    else folder: URL,
    _ compute: ComputeSection,
    for stage: Stage,
    events: @escaping RunEventHandler,
    texts: Int,
    _ body: (any Writer, Int) async throws -> Result
  ) async throws -> Result {
    guard let place else {
      return try await body(try compute.writer(folder, for: stage, events: events), 512)
    }
    return try await withEndpoint(place, for: stage, events: events) {
      try await body(RemoteWriter($0), stretch(requests: texts))
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
  /// - Returns: What the body returns.
  /// - Throws: `EndpointError`, `DataError` or `RunError` where answers or the spend cannot be kept,
  ///   or what the body throws.
  private func withEndpoint<Result>(
    _ place: EndpointPlace,
    for stage: Stage,
    events: RunEventHandler,
    _ body: (OpenAIEndpoint) async throws -> Result
  ) async throws -> Result {
    var settings = EndpointSettings()
    settings.concurrency = concurrency
    settings.timeoutSeconds = timeoutSeconds
    settings.retries = retries
    settings.structuredOutput = structuredOutput
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
    let result: Result
    do {
      result = try await body(endpoint)
    } catch {
      try? await endpoint.close()
      try? report()  // what went wrong first is what counts
      throw error
    }
    try await endpoint.close()
    try report()
    return result
  }
}

/// A line of `spend.jsonl`.
private struct StageSpend: Codable, Sendable {
  let stage: String
  let model: String
  let spend: Spend
}
