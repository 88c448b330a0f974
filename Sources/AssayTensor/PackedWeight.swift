// N rows, I inputs, O outputs.

import CTorch

/// How numbers of a weight are kept.
package enum WeightFormat: String, CaseIterable, Codable, Sendable {
  /// In the type that is computed in.
  case plain
  /// 8 bits and a scale an output.
  case int8
  /// 4 bits and a scale in bfloat16 for each 32 inputs of an output.
  case int4
}

/// A weight on the CPU, rearranged for products with few rows.
///
/// Such products take as long as reading the weight does, so it lies in the order that it is read
/// in. Sums are float32, or exact where quantized weights are multiplied in whole numbers.
package final class PackedWeight {
  let handle: ct_packed
  /// How its numbers are kept.
  package let format: WeightFormat
  /// What plain numbers are kept in.
  package let dtype: DType
  /// O.
  package let outputs: Int
  private let inputs: Int

  /// Packs a weight.
  ///
  /// - Parameters:
  ///   - weight: `[O, I]`, float32 or bfloat16, on the CPU.
  ///   - format: How its numbers are kept.
  ///   - dtype: What plain numbers are kept in: bfloat16, or float32.
  package init?(_ weight: Tensor, format: WeightFormat = .plain, dtype: DType = .bfloat16) {
    let kind =
      switch format {
      case .plain: dtype == .float32 ? CT_PACK_F32 : CT_PACK_BF16
      case .int8: CT_PACK_I8
      case .int4: CT_PACK_I4
      }
    var made: ct_packed?
    let code = ct_pack(weight.handle, Int32(kind), &made)
    if code != 0 { report(failure(code, "pack")) }
    guard let made else { return nil }
    handle = made
    self.format = format
    self.dtype = dtype
    (outputs, inputs) = (weight.shape[0], weight.shape[1])
  }

  /// Whether its inputs fill the tiles that numbers are kept in: 32 of them in bfloat16, 64 quantized.
  package var isWhole: Bool {
    format == .plain ? dtype == .bfloat16 && inputs % 32 == 0 : inputs % 64 == 0
  }

  deinit { ct_packed_free(handle) }

  /// Bytes of numbers and scales.
  package var byteCount: Int { Int(ct_packed_bytes(handle)) }

  /// `x` times the weight.
  ///
  /// `x` is rounded to bfloat16, but not for a float32 weight; for a quantized one it is rounded to
  /// 16-bit multiples of a scale a row where the processor has products of whole numbers. What a
  /// row gives is the same bit for bit whatever rows are beside it, but for int4, where many rows
  /// are faster in bfloat16.
  ///
  /// - Parameters:
  ///   - x: `[N, I]`, float32 or bfloat16; float32 where the weight is.
  ///   - bias: `[O]`.
  ///   - kernels: Which of `kernels` to use; `nil` is the best.
  ///   - isBatchInvariant: Whether rows are not to depend on others in int4 either.
  /// - Returns: `[N, O]` in the type of `x`.
  package func callAsFunction(
    _ x: Tensor,
    bias: Tensor? = nil,
    kernels: String? = nil,
    isBatchInvariant: Bool = false
  ) -> Tensor {
    Tensor("packedLinear") {
      ct_packed_linear(x.handle, handle, bias?.handle, kernels, isBatchInvariant, $0)
    }
  }

  /// `x` times the weight in training, with the gradient of `x`: in the type of `x`, by the numbers as they are kept.
  ///
  /// - Parameter x: `[N, I]`, float32 or bfloat16.
  /// - Returns: `[N, O]` in the type of `x`.
  package func frozen(_ x: Tensor) -> Tensor {
    Tensor("frozenLinear") { ct_frozen_linear(x.handle, handle, $0) }
  }

  /// The numbers as they are kept, `[O, I]`.
  ///
  /// - Parameter dtype: In which type: bfloat16, or float32.
  /// - Returns: The weight.
  package func unpacked(_ dtype: DType) -> Tensor {
    Tensor("unpack") { ct_unpack(handle, dtype.rawValue, $0) }
  }

  /// Names of the kernels that this processor has, the best last.
  package static var kernels: [String] {
    String(cString: ct_packed_kernels()).split(separator: " ").map(String.init)
  }

  /// Whether its products beat plain ones for many rows, too.
  package static var isFast: Bool { ct_packed_is_fast() }
}
