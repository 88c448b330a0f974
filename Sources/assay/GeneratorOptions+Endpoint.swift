import ArgumentParser
import AssayBase
import AssayGenerate
import Foundation

extension GeneratorOptions {
  /// Calls `body` with a client of the endpoint, and reports what was spent however it ends.
  ///
  /// - Parameters:
  ///   - out: The file or folder of results, beside which answers are kept; `nil` for standard output.
  ///   - isOutputFree: Whether standard output has room for the spend; by default where `out` is a file.
  ///   - common: Says how to report.
  ///   - body: The work.
  /// - Throws: What the body throws.
  func withEndpoint(
    out: String?,
    isOutputFree: Bool? = nil,
    common: CommonOptions,
    _ body: (OpenAIEndpoint) async throws -> Void
  ) async throws {
    guard let generator, let generatorModel else {
      throw ValidationError("give --generator and --generator-model")
    }
    let file = out == "-" ? nil : out
    try await withEndpoint(
      generator,
      model: generatorModel,
      answers: generatorCache ?? file.map { $0 + ".requests.jsonl" },
      isOutputFree: isOutputFree ?? (file != nil),
      common: common,
      body
    )
  }

  /// As above, of any endpoint, with this one's concurrency and patience.
  ///
  /// - Parameters:
  ///   - generator: Where it is.
  ///   - model: The model's name there.
  ///   - answers: The file of its answers; `nil` keeps none.
  ///   - isOutputFree: Whether standard output has room for the spend.
  ///   - common: Says how to report.
  ///   - body: The work.
  /// - Throws: What the body throws.
  func withEndpoint(
    _ generator: GeneratorAddress,
    model: String,
    answers: String?,
    isOutputFree: Bool,
    common: CommonOptions,
    _ body: (OpenAIEndpoint) async throws -> Void
  ) async throws {
    var settings = EndpointSettings()
    settings.concurrency = concurrency ?? settings.concurrency
    settings.timeoutSeconds = timeout ?? settings.timeoutSeconds
    settings.retries = retries ?? settings.retries
    settings.structuredOutput = structuredOutput
    settings.checkpoint = { try Interruption.check() }
    let endpoint = OpenAIEndpoint(
      generator.address,
      model: model,
      key: try EndpointKey(ProcessInfo.processInfo.environment["OPENAI_API_KEY"]),
      settings: settings,
      records: try answers.map { try RequestRecords($0) }
    )
    do {
      try await body(endpoint)
    } catch {
      try? await endpoint.close()
      try report(endpoint.spend, isFree: isOutputFree, common)
      throw error
    }
    try await endpoint.close()
    try report(endpoint.spend, isFree: isOutputFree, common)
  }

  private struct Report: Encodable {
    let spend: Spend
  }

  private func report(_ spend: Spend, isFree: Bool, _ common: CommonOptions) throws {
    if !common.isQuiet {
      Output.error("spent: \(spend.text)")
    } else if let count = spend.untempered {
      Output.error("warning: \(count) answers came without the temperature, which is refused")
    }
    // Records on standard output stay alone there.
    guard common.isJSON else { return }
    if isFree {
      try Output.json(Report(spend: spend))
    } else {
      try Output.jsonError(Report(spend: spend))
    }
  }
}
