import ArgumentParser
import AssayModel
import AssayTensor
import Foundation

extension WeightFormat: ExpressibleByArgument {}

/// Options of measurements that read or write text.
struct BenchInferenceOptions: ParsableArguments {
  @Option(help: "How weights of products are kept: plain, int8 or int4. Default: plain.")
  var weights = WeightFormat.plain

  @Flag(help: "Texts and scores do not depend on what is beside them, bit for bit.")
  var batchInvariant = false
}

/// Options of commands that read or write text with a model on this machine.
struct InferenceOptions: ParsableArguments {
  @Option(
    help: """
      How weights of products are kept: plain, int8 (a scale an output) or int4 (a scale for each 32 \
      inputs of an output). The last two are for the CPU, read less memory and round products to \
      bfloat16. Default: plain.
      """
  )
  var weights = WeightFormat.plain

  @Flag(
    help: """
      Texts and scores do not depend on what is computed beside them, bit for bit (CPU only). \
      Default: within rounding.
      """
  )
  var batchInvariant = false

  @Option(
    help: """
      Memory for keys and values of texts that are written at once, in MiB; a text that needs more \
      is refused. Default: 1024.
      """
  )
  var cacheMib: Int?

  func validate() throws {
    guard (cacheMib ?? 1) > 0 else { throw ValidationError("--cache-mib must be at least 1") }
  }

  /// Whether none of them is given.
  var isDefault: Bool { weights == .plain && !batchInvariant && cacheMib == nil }

  /// Loads a model as these options say.
  ///
  /// - Parameters:
  ///   - path: A model folder or a run folder.
  ///   - common: Type and device.
  /// - Returns: The model.
  /// - Throws: What loading throws, or `ValidationError` where the device cannot do it.
  func load(_ path: String, _ common: CommonOptions) throws -> Model {
    try load(try ModelPath.folder(path), common)
  }

  /// As `load(_:_:)`, of a model folder.
  func load(_ folder: URL, _ common: CommonOptions) throws -> Model {
    let device = try common.device()
    guard device == .cpu || weights == .plain && !batchInvariant else {
      throw ValidationError("--weights and --batch-invariant need --device cpu")
    }
    let model = try Model.load(folder, dtype: common.dtype, device: device)
    model.decoder.weightFormat = weights
    model.decoder.isBatchInvariant = batchInvariant
    if let cacheMib { model.cacheBytes = cacheMib << 20 }
    return model
  }

  /// What results depend on beside the type of products, for records to be continued.
  var fingerprint: String {
    (weights == .plain ? "" : " \(weights.rawValue)") + (batchInvariant ? " batch-invariant" : "")
  }
}
