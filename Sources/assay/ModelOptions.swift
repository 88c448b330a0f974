import ArgumentParser
import Foundation

/// The model of a command: `--model`, or `--generator` in its place.
struct ModelOptions: ParsableArguments {
  @Option(help: "A model folder or a run folder. Default: none; --generator stands in for it.")
  var model: String?

  @OptionGroup var remote: GeneratorOptions
  @OptionGroup var inference: InferenceOptions

  /// Checks that there is either a model here or one elsewhere.
  ///
  /// - Throws: `ValidationError`.
  func validate(_ common: CommonOptions) throws {
    try remote.validate(model: model, common: common, inference: inference)
  }

  /// Whether the model is elsewhere.
  var isRemote: Bool { remote.generator != nil }

  /// Calls `body` with the model; of one elsewhere, reports what was spent however it ends.
  ///
  /// - Parameters:
  ///   - out: The file or folder of results, beside which an endpoint's answers are kept.
  ///   - isOutputFree: Whether standard output has room for the spend; by default where `out` is a file.
  ///   - common: Says how to report.
  ///   - body: The work.
  /// - Throws: What the body throws.
  func open(
    out: String?,
    isOutputFree: Bool? = nil,
    _ common: CommonOptions,
    _ body: (ModelSource) async throws -> Void
  ) async throws {
    if let model { return try await body(inference.source(model, common)) }
    try await remote.withEndpoint(out: out, isOutputFree: isOutputFree, common: common) {
      try await body(.elsewhere($0))
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
  func open(
    out: String,
    _ inference: InferenceOptions,
    _ common: CommonOptions,
    _ body: (ModelSource) async throws -> Void
  ) async throws {
    if let policy {
      let source = try inference.source(policy, common)
      try source.requireWriter()
      return try await body(source)
    }
    try await remote.withEndpoint(out: out, isOutputFree: false, common: common) {
      try await body(.elsewhere($0))
    }
  }
}
