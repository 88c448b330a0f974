import CTorch

extension Tensor {
  /// Makes a tensor from numbers.
  ///
  /// - Parameters:
  ///   - values: Elements in row-major order, as many as the shape's product.
  ///   - shape: Sizes; one dimension when `nil`.
  package init(_ values: [Float], _ shape: [Int]? = nil) {
    self.init(copying: values, shape ?? [values.count], .float32)
  }

  /// Makes an int64 tensor from numbers; the shape as in the float initializer.
  package init(_ values: [Int64], _ shape: [Int]? = nil) {
    self.init(copying: values, shape ?? [values.count], .int64)
  }

  /// Makes an int32 tensor from numbers; the shape as in the float initializer.
  package init(_ values: [Int32], _ shape: [Int]? = nil) {
    self.init(copying: values, shape ?? [values.count], .int32)
  }

  private init<Element: BitwiseCopyable>(copying values: [Element], _ shape: [Int], _ type: DType) {
    precondition(
      shape.reduce(1, *) == values.count,
      "\(values.count) values for a shape of \(shape)"
    )
    self.init("tensor") { out in
      values.withUnsafeBytes {
        ct_from_data($0.baseAddress, shape.map(Int64.init), Int32(shape.count), type.rawValue, out)
      }
    }
  }

  /// A tensor of one value everywhere.
  ///
  /// - Parameters:
  ///   - value: The value.
  ///   - shape: Sizes.
  ///   - dtype: Element type.
  ///   - device: Where it lives.
  /// - Returns: The tensor.
  package static func full(
    _ value: Double,
    _ shape: [Int],
    dtype: DType = .float32,
    device: Device = .cpu
  ) -> Tensor {
    Tensor("full") {
      ct_full(
        shape.map(Int64.init),
        Int32(shape.count),
        value,
        dtype.rawValue,
        device.rawValue,
        $0
      )
    }
  }

  /// A tensor of zeros.
  package static func zeros(
    _ shape: [Int],
    dtype: DType = .float32,
    device: Device = .cpu
  ) -> Tensor { full(0, shape, dtype: dtype, device: device) }

  /// A tensor of ones.
  package static func ones(
    _ shape: [Int],
    dtype: DType = .float32,
    device: Device = .cpu
  ) -> Tensor { full(1, shape, dtype: dtype, device: device) }

  /// A tensor whose elements are not set: every one must be written before it is read.
  package static func uninitialized(
    _ shape: [Int],
    dtype: DType = .float32,
    device: Device = .cpu
  ) -> Tensor {
    Tensor("empty") {
      ct_empty(shape.map(Int64.init), Int32(shape.count), dtype.rawValue, device.rawValue, $0)
    }
  }

  /// Normally distributed numbers, a function of the seed alone (made on the CPU).
  ///
  /// - Parameters:
  ///   - shape: Sizes.
  ///   - mean: Mean.
  ///   - deviation: Standard deviation.
  ///   - seed: Seed.
  ///   - dtype: Element type.
  /// - Returns: The tensor.
  package static func normal(
    _ shape: [Int],
    mean: Double = 0,
    deviation: Double = 1,
    seed: UInt64,
    dtype: DType = .float32
  ) -> Tensor {
    Tensor("normal") {
      ct_normal(
        shape.map(Int64.init),
        Int32(shape.count),
        mean,
        deviation,
        seed,
        dtype.rawValue,
        $0
      )
    }
  }

  /// The integers from `start` up to, without, `end`.
  package static func range(
    _ start: Int,
    _ end: Int,
    dtype: DType = .int64,
    device: Device = .cpu
  ) -> Tensor {
    Tensor("range") { ct_arange(Int64(start), Int64(end), dtype.rawValue, device.rawValue, $0) }
  }

  /// The elements as floats, in row-major order.
  package var floats: [Float] { copied(as: .float32, of: Float.self) }

  /// The elements as 64-bit integers, in row-major order.
  package var integers: [Int64] { copied(as: .int64, of: Int64.self) }

  /// The only element.
  ///
  /// - Precondition: There is one element.
  package var item: Float {
    if count != 1 {
      report(.operation(name: "item", reason: "a tensor of shape \(shape) has \(count) elements"))
    }
    return floats.first ?? .nan
  }

  private func copied<Element>(as type: DType, of: Element.Type) -> [Element] {
    let total = count
    return [Element](unsafeUninitializedCapacity: total) { buffer, filled in
      let bytes = total * MemoryLayout<Element>.stride
      let code = ct_copy_out(handle, type.rawValue, buffer.baseAddress, bytes)
      if code != 0 { report(failure(code, "copy")) }
      filled = code == 0 ? total : 0
    }
  }

  /// Calls a body with the bytes of a contiguous tensor on the CPU.
  ///
  /// - Parameter body: Gets the bytes in row-major order; the pointer ends with the call.
  /// - Returns: What the body returns.
  /// - Throws: `TensorError.operation` for a tensor that is elsewhere or not contiguous, else what
  ///   the body throws.
  package func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    var pointer: UnsafeRawPointer?
    try check(ct_data_pointer(handle, &pointer), "bytes")
    return try body(UnsafeRawBufferPointer(start: pointer, count: count * dtype.byteCount))
  }
}
