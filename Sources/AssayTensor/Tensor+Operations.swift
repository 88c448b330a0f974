import CTorch

extension Tensor {
  private func unary(_ name: String, _ code: Int) -> Tensor {
    Tensor(name) { ct_unary(Int32(code), handle, $0) }
  }
  private func binary(_ name: String, _ code: Int, _ other: Tensor) -> Tensor {
    Tensor(name) { ct_binary(Int32(code), handle, other.handle, $0) }
  }
  private func scalar(_ name: String, _ code: Int, _ other: Double) -> Tensor {
    Tensor(name) { ct_binary_scalar(Int32(code), handle, other, $0) }
  }

  /// Element-wise sum, with broadcasting.
  package static func + (a: Tensor, b: Tensor) -> Tensor { a.binary("add", CT_ADD, b) }
  /// Element-wise difference, with broadcasting.
  package static func - (a: Tensor, b: Tensor) -> Tensor { a.binary("subtract", CT_SUBTRACT, b) }
  /// Element-wise product, with broadcasting.
  package static func * (a: Tensor, b: Tensor) -> Tensor { a.binary("multiply", CT_MULTIPLY, b) }
  /// Element-wise quotient, with broadcasting.
  package static func / (a: Tensor, b: Tensor) -> Tensor { a.binary("divide", CT_DIVIDE, b) }
  /// Adds a number to every element.
  package static func + (a: Tensor, b: Double) -> Tensor { a.scalar("add", CT_ADD, b) }
  /// Subtracts a number from every element.
  package static func - (a: Tensor, b: Double) -> Tensor { a.scalar("subtract", CT_SUBTRACT, b) }
  /// Multiplies every element by a number.
  package static func * (a: Tensor, b: Double) -> Tensor { a.scalar("multiply", CT_MULTIPLY, b) }
  /// Divides every element by a number.
  package static func / (a: Tensor, b: Double) -> Tensor { a.scalar("divide", CT_DIVIDE, b) }
  /// Changes the sign of every element.
  package static prefix func - (a: Tensor) -> Tensor { a.unary("negate", CT_NEGATE) }

  /// Matrix product over the last two dimensions.
  package func matmul(_ other: Tensor) -> Tensor { binary("matmul", CT_MATMUL, other) }
  /// The larger of each pair of elements.
  package func maximum(_ other: Tensor) -> Tensor { binary("maximum", CT_MAXIMUM, other) }
  /// The smaller of each pair of elements.
  package func minimum(_ other: Tensor) -> Tensor { binary("minimum", CT_MINIMUM, other) }
  /// Every element, but at least a number.
  package func clamped(atLeast low: Double) -> Tensor { scalar("clamp", CT_MAXIMUM, low) }
  /// Every element, but at most a number.
  package func clamped(atMost high: Double) -> Tensor { scalar("clamp", CT_MINIMUM, high) }
  /// Where this is larger than the other, as truth values.
  package func greater(than other: Tensor) -> Tensor { binary("greater", CT_GREATER, other) }

  /// The exponential of every element.
  package func exp() -> Tensor { unary("exp", CT_EXP) }
  /// The natural logarithm of every element.
  package func log() -> Tensor { unary("log", CT_LOG) }
  /// The hyperbolic tangent of every element.
  package func tanh() -> Tensor { unary("tanh", CT_TANH) }
  /// The logistic function of every element.
  package func sigmoid() -> Tensor { unary("sigmoid", CT_SIGMOID) }
  /// `log(sigmoid(x))` in the form that does not overflow.
  package func logSigmoid() -> Tensor { unary("logSigmoid", CT_LOG_SIGMOID) }
  /// `log(1 + exp(x))` in the form that does not overflow.
  package func softplus() -> Tensor { unary("softplus", CT_SOFTPLUS) }
  /// The square root of every element.
  package func squareRoot() -> Tensor { unary("sqrt", CT_SQRT) }
  /// `x sigmoid(x)` of every element.
  package func silu() -> Tensor { unary("silu", CT_SILU) }
  /// `x (1 + erf(x / sqrt(2))) / 2` of every element.
  package func gelu() -> Tensor { unary("gelu", CT_GELU) }
  /// The magnitude of every element.
  package func magnitude() -> Tensor { unary("abs", CT_ABS) }
  /// The square of every element.
  package func squared() -> Tensor { unary("square", CT_SQUARE) }
  /// The same values, without gradients.
  package func detached() -> Tensor { unary("detach", CT_DETACH) }
  /// A copy with storage of its own.
  package func copy() -> Tensor { unary("clone", CT_CLONE) }
  /// The same values in row-major order.
  package func contiguous() -> Tensor { unary("contiguous", CT_CONTIGUOUS) }
  /// Whether no element is infinite or not a number.
  package var isFinite: Bool { unary("isfinite", CT_ISFINITE_ALL).item != 0 }

  /// The sum of all elements.
  package func sum() -> Tensor { Tensor("sum") { ct_reduce_all(Int32(CT_SUM), handle, $0) } }
  /// The mean of all elements.
  package func mean() -> Tensor { Tensor("mean") { ct_reduce_all(Int32(CT_MEAN), handle, $0) } }

  private func reduce(_ name: String, _ code: Int, _ axis: Int, _ keep: Bool) -> Tensor {
    Tensor(name) { ct_reduce(Int32(code), handle, Int64(axis), keep, $0) }
  }
  /// Sums along an axis.
  package func sum(axis: Int, keeping: Bool = false) -> Tensor {
    reduce("sum", CT_SUM, axis, keeping)
  }
  /// Means along an axis.
  package func mean(axis: Int, keeping: Bool = false) -> Tensor {
    reduce("mean", CT_MEAN, axis, keeping)
  }
  /// Largest elements along an axis.
  package func max(axis: Int, keeping: Bool = false) -> Tensor {
    reduce("max", CT_MAX, axis, keeping)
  }
  /// Indices of the largest elements along an axis, int64.
  package func argmax(axis: Int) -> Tensor { reduce("argmax", CT_ARGMAX, axis, false) }
  /// `log(sum(exp(x)))` along an axis, without overflow.
  package func logSumExp(axis: Int, keeping: Bool = false) -> Tensor {
    reduce("logSumExp", CT_LOG_SUM_EXP, axis, keeping)
  }
  /// Softmax along an axis.
  package func softmax(axis: Int) -> Tensor { reduce("softmax", CT_SOFTMAX, axis, false) }
  /// Logarithm of the softmax along an axis.
  package func logSoftmax(axis: Int) -> Tensor { reduce("logSoftmax", CT_LOG_SOFTMAX, axis, false) }

  /// The same elements under other sizes.
  package func reshaped(_ shape: [Int]) -> Tensor {
    Tensor("reshape") { ct_reshape(handle, shape.map(Int64.init), Int32(shape.count), $0) }
  }
  /// Two dimensions exchanged.
  package func transposed(_ first: Int, _ second: Int) -> Tensor {
    Tensor("transpose") { ct_transpose(handle, Int64(first), Int64(second), $0) }
  }
  /// A stretch of a dimension.
  package func narrowed(axis: Int, start: Int, count: Int) -> Tensor {
    Tensor("narrow") { ct_narrow(handle, Int64(axis), Int64(start), Int64(count), $0) }
  }
  /// The rows of an axis at int64 indices, in their order.
  package func selected(axis: Int, _ indices: Tensor) -> Tensor {
    Tensor("select") { ct_index_select(handle, Int64(axis), indices.handle, $0) }
  }
  /// The element at an index along an axis for each position of `indices`.
  package func gathered(axis: Int, _ indices: Tensor) -> Tensor {
    Tensor("gather") { ct_gather(handle, Int64(axis), indices.handle, $0) }
  }
  /// Tensors one behind the other along an axis.
  package static func concatenated(_ parts: [Tensor], axis: Int = 0) -> Tensor {
    let handles: [ct_tensor?] = parts.map(\.handle)
    return withExtendedLifetime(parts) {
      Tensor("concatenate") { ct_cat(handles, Int32(handles.count), Int64(axis), $0) }
    }
  }
  /// The values in another element type; the same tensor where it is that already.
  package func to(_ dtype: DType) -> Tensor {
    Tensor("to") { ct_to_dtype(handle, dtype.rawValue, $0) }
  }
  /// The values on another device; the same tensor where they are there already.
  package func to(_ device: Device) -> Tensor {
    Tensor("to") { ct_to_device(handle, device.rawValue, $0) }
  }

  private func change(_ name: String, _ code: Int32) {
    if code != 0 { report(failure(code, name)) }
  }
  /// Overwrites the elements with another tensor's, of the same shape; outside of gradients.
  package func copyInPlace(_ source: Tensor) {
    change("copy", ct_copy_in_place(handle, source.handle))
  }
  /// Overwrites all elements with one value; outside of gradients.
  package func fillInPlace(_ value: Double) { change("fill", ct_fill_in_place(handle, value)) }
  /// Adds `scale` times another tensor; outside of gradients.
  package func addInPlace(_ other: Tensor, scale: Double = 1) {
    change("add", ct_add_in_place(handle, other.handle, scale))
  }
  /// Multiplies all elements by a number; outside of gradients.
  package func scaleInPlace(_ factor: Double) {
    change("scale", ct_scale_in_place(handle, factor))
  }
}

/// Picks from `a` where the condition holds and from `b` elsewhere, with broadcasting.
package func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
  Tensor("where") { ct_where(condition.handle, a.handle, b.handle, $0) }
}

/// `x weight^T + bias`, over the last dimension of `x`.
///
/// - Parameters:
///   - x: Input, `[..., I]`.
///   - weight: `[O, I]`, of the same element type.
///   - bias: `[O]`, or `nil`.
/// - Returns: `[..., O]`.
package func linear(_ x: Tensor, _ weight: Tensor, bias: Tensor? = nil) -> Tensor {
  Tensor("linear") { ct_linear(x.handle, weight.handle, bias?.handle, $0) }
}

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias` over the last dimension of `x`.
///
/// - Parameters:
///   - x: Input, `[..., D]`.
///   - weight: `[D]`, of the same element type.
///   - bias: `[D]`, likewise.
///   - epsilon: Added to the variance.
/// - Returns: `[..., D]`.
///
/// Source: Ba et al. 2016 (arXiv:1607.06450).
package func layerNorm(_ x: Tensor, _ weight: Tensor, bias: Tensor, epsilon: Double) -> Tensor {
  Tensor("layerNorm") { ct_layer_norm(x.handle, weight.handle, bias.handle, epsilon, $0) }
}
