import AssayBase
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import AssayTrain
import Foundation

extension ModelSource {
  /// What records depend on that the model makes.
  ///
  /// - Parameters:
  ///   - option: The option that names it.
  ///   - inference: How a model here computes.
  ///   - common: Its type, and the seed.
  /// - Returns: The settings, to which a command adds its own.
  func settings(
    by option: String = "--model",
    _ inference: InferenceOptions,
    _ common: CommonOptions
  ) -> RecordSettings {
    var settings = RecordSettings()
    settings.set("--seed", common.seed)
    switch self {
    case .elsewhere(let endpoint):
      settings.set("--generator-model", endpoint.model)
    case .here(_, let folder, let path):
      settings.set(model: folder, given: path, by: option)
      settings.set("--dtype", (common.computeType ?? .f32).rawValue)
      settings.set("--weights", inference.kernels.weights.rawValue)
      settings.set("--batch-invariant", inference.kernels.batchInvariant)
      settings.set("--approximate-template", inference.approximateTemplate)
      settings.set("--content-tokens", inference.contentTokens.rawValue)
      if let head = inference.heads.head { settings.set("--head", head) }
      if let question = inference.heads.question { settings.set("--question", question) }
    }
    return settings
  }
}

extension ModelSource {
  /// Where texts are kept beside records; `nil` where they are not.
  ///
  /// A score that is read behind a text depends, in its last bits, on what is computed beside it, but with
  /// `--batch-invariant`. So do letters. A stretch of them that was cut is made again as a whole.
  ///
  /// - Parameters:
  ///   - out: The file of records.
  ///   - isLetter: Whether letters are read, and nothing is written.
  /// - Returns: The file, where texts are kept beside it.
  func place(_ out: String?, isLetter: Bool = false) -> String? {
    guard case .here(let port, _, _) = self, let out, out != "-", !isLetter else { return nil }
    return !scores || port.model.decoder.execution.isBatchInvariant ? out : nil
  }

  /// The same of what a rater says.
  func place(_ out: String?, of rater: any Rater) -> String? {
    place(out, isLetter: (rater as? JudgeRater)?.readsPasses == true)
  }

  /// Does work whose records are written in order, and keeps what a model here finishes beside them.
  ///
  /// Behind an interruption, texts that were finished are not written again. The file goes with the end
  /// of the work.
  ///
  /// - Parameters:
  ///   - out: The file of records; nothing is kept beside standard output, or what is no plain file.
  ///   - settings: What the records depend on.
  ///   - anew: Whether what is there is dropped.
  ///   - body: The work.
  /// - Returns: What the work returns.
  /// - Throws: `FileError`, or what the work throws.
  func keeping<Result>(
    beside out: String?,
    _ settings: RecordSettings,
    anew: Bool = false,
    _ body: () async throws -> Result
  ) async throws -> Result {
    guard case .here(let port, _, _) = self, let out, out != "-", port.model.manifest.kind.writes,
      RecordSettings.isPlain(out)
    else { return try await body() }
    let url = URL(fileURLWithPath: out + ".texts.jsonl")
    try DurableFile.makeFolder(url.deletingLastPathComponent())
    if anew { try? FileManager.default.removeItem(at: url) }
    let kept = try KeptTexts(url, context: settings.digest)
    port.kept = kept
    defer { port.kept = nil }
    let result = try await body()
    kept.remove()
    return result
  }
}
