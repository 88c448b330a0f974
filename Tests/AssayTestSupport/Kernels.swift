import AssayTensor
import Testing

extension Trait where Self == ConditionTrait {
  /// For what kernels of ours promise alone: elsewhere the order of a text's sums follows the batch that
  /// it is in, so that its last bits do.
  package static var kernels: Self {
    .enabled(if: Device.cpu.hasKernels, "ASSAY_OPERATIONS=composed: sums follow the batch")
  }
}
