import AssayTensor

/// How a decoder computes: a value that whoever executes it holds, no part of the weights.
package struct Execution: Equatable, Sendable {
  /// The type that products are computed in; weights trained in float32 are cast to it.
  package var dtype: DType
  /// How weights of products are kept for inference on the CPU; quantized ones compute in bfloat16.
  package var weights: WeightFormat
  /// Whether sums of inference are taken in one order whatever is beside them, on the CPU: a text
  /// and its reward are then the same bit for bit in every batch.
  package var isBatchInvariant: Bool
  /// Whether training computes blocks a second time for their gradients, in place of keeping what lies
  /// between: less memory, a third more time.
  package var recomputes = false
  /// Whether training reads what texts begin with alike once.
  package var sharesPrefixes = true

  /// Makes one; the default computes in float32 with weights as they are.
  package init(
    dtype: DType = .float32,
    weights: WeightFormat = .plain,
    isBatchInvariant: Bool = false
  ) {
    self.dtype = dtype
    self.weights = weights
    self.isBatchInvariant = isBatchInvariant
  }

  /// Rows up to which packed weights are faster on every processor.
  private static let fewRows = 16

  /// Whether products of inference with so many rows use packed weights.
  func packs(rows: Int, on device: Device) -> Bool {
    guard device.hasKernels else { return false }
    if weights != .plain || isBatchInvariant { return true }
    return dtype == .bfloat16 && (PackedWeight.isFast || rows <= Self.fewRows)
  }

  /// Whether few different numbers of rows are worth some rows of no meaning.
  ///
  /// oneDNN, which computes bfloat16 products on the CPU, compiles a kernel for every new number.
  func roundsRows(on device: Device) -> Bool {
    dtype == .bfloat16 && device.hasKernels && !packs(rows: Self.fewRows + 1, on: device)
  }
}
