import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayTensor
import AssayText
import AssayTrain

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
