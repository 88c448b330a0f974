import ArgumentParser
import AssayModel
import AssayTensor

extension WeightFormat: ExpressibleByArgument {}

/// Options of how products are computed.
struct KernelOptions: ParsableArguments {
  @Option(
    help: """
      How weights of products are kept: plain, int8 (a scale an output) or int4 (a scale for each 32 \
      inputs of an output). The last two are for the CPU and read less memory; products with them are \
      in whole numbers where the processor has such products, else in bfloat16. Default: plain.
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

  /// The chosen device.
  ///
  /// - Throws: `ValidationError` where it cannot do what the options say.
  func device(_ common: CommonOptions) throws -> Device {
    let device = try common.device()
    guard device.hasKernels || weights == .plain && !batchInvariant else {
      let given = batchInvariant ? "--batch-invariant" : "--weights \(weights.rawValue)"
      throw ValidationError(
        device == .cpu
          ? "\(given) needs Assay's own kernels, which the environment's \(Engine.operationsVariable)="
            + "composed turns off: leave one of the two out"
          : "\(given) needs --device cpu: on \(device.name) it would change nothing"
      )
    }
    return device
  }

  /// Makes a model compute as these options say.
  func apply(to model: Model) {
    model.decoder.execution.weights = weights
    model.decoder.execution.isBatchInvariant = batchInvariant
  }
}
