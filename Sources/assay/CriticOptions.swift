import ArgumentParser
import AssayData
import AssayModel
import AssayReward
import AssayText
import Foundation

/// The critic of `refine`: `--model`, or `--critic` in its place.
struct CriticOptions: ParsableArguments {
  @Option(
    help: """
      What criticizes: a model folder or a run folder. Default: none; --critic stands in for it.
      """
  )
  var model: String?

  @Option(
    help: ArgumentHelp(
      """
      What criticizes, at an OpenAI-compatible endpoint in place of a model on this machine, as \
      --generator; with the same key, concurrency and patience. Default: none.
      """,
      valueName: "openai:URL"
    )
  )
  var critic: GeneratorAddress?

  @Option(help: "The critic's name at its endpoint. Default: none; --critic needs one.")
  var criticModel: String?

  @Option(help: "Most new tokens of a critique. Default: what the model was trained for, or 512.")
  var critiqueTokens: Int?

  func validate() throws {
    guard (model == nil) != (critic == nil) else {
      throw ValidationError("give either --model or --critic")
    }
    guard (critic == nil) == (criticModel?.isEmpty ?? true) else {
      throw ValidationError("--critic and --critic-model, the model's name there, belong together")
    }
    try Limit.check("--critique-tokens", critiqueTokens, in: Limit.tokens)
  }

  /// What to call it in results.
  var name: String {
    criticModel ?? URL(fileURLWithPath: model ?? "").standardizedFileURL.lastPathComponent
  }

  /// Calls `body` with the critic; of one elsewhere, reports what was spent however it ends.
  ///
  /// - Parameters:
  ///   - out: The folder of results, beside which answers are kept.
  ///   - remote: Concurrency and patience.
  ///   - inference: How a model on this machine computes.
  ///   - common: Says how to report.
  ///   - body: The work.
  /// - Throws: What the body throws.
  func open(
    out: String,
    _ remote: GeneratorOptions,
    _ inference: InferenceOptions,
    _ common: CommonOptions,
    _ body: (ModelSource) async throws -> Void
  ) async throws {
    guard let critic, let criticModel else {
      let source = try inference.source(model ?? "", common)
      try source.requireWriter()
      return try await body(source)
    }
    try await remote.withEndpoint(
      critic,
      model: criticModel,
      answers: out + ".critic-requests.jsonl",
      isOutputFree: false,
      common: common
    ) { try await body(.elsewhere($0)) }
  }

  /// The limit of prompts whose responses are criticized; `nil` of an endpoint.
  ///
  /// - Throws: What loading throws.
  func limit(
    _ wording: RolePrompts,
    _ inference: InferenceOptions,
    _ common: CommonOptions
  ) throws -> TokenLimit<PromptRecord>? {
    guard let model else { return nil }
    let source = try inference.source(model, common)
    let tokens = critic(source, wording, seed: common.seed).critiqueTokens
    return try source.text.map { try TextLength($0, critiqueTokens: tokens) }?.prompts
  }

  /// How it criticizes: a model that was trained to as it was, another one by the wording.
  func critic(_ source: ModelSource, _ wording: RolePrompts, seed: UInt64) -> Critic {
    var settings = CritiqueSettings()
    settings.tokens = critiqueTokens
    settings.seed = seed
    let isTrained = source.text?.manifest.leadIn != nil
    return Critic(
      source.writer,
      settings: settings,
      asking: isTrained ? .trained : .wording(wording, statesScore: false)
    )
  }
}
