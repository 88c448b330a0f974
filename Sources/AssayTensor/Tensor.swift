import CTorch

/// The type of a tensor's elements.
package enum DType: Int32, Sendable, CaseIterable {
  /// 32-bit floating point.
  case float32 = 0
  /// 16-bit floating point with float32's range.
  case bfloat16 = 1
  /// 16-bit floating point.
  case float16 = 2
  /// 64-bit integers.
  case int64 = 3
  /// 32-bit integers.
  case int32 = 4
  /// Bytes.
  case uint8 = 5
  /// Truth values, one byte each.
  case bool = 6
  /// 64-bit floating point.
  case float64 = 7

  /// Bytes of one element.
  package var byteCount: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .bfloat16, .float16: 2
    case .uint8, .bool: 1
    }
  }

  /// Whether elements are floating-point numbers.
  package var isFloatingPoint: Bool {
    switch self {
    case .float32, .bfloat16, .float16, .float64: true
    default: false
    }
  }
}

/// Where a tensor lives.
package enum Device: Int32, Sendable, CaseIterable {
  /// The processor.
  case cpu = 0
  /// The first NVIDIA GPU.
  case cuda = 1
  /// The Apple GPU.
  case mps = 2

  /// The name used on the command line.
  package var name: String {
    switch self {
    case .cpu: "cpu"
    case .cuda: "cuda"
    case .mps: "mps"
    }
  }

  /// Whether this machine has the device and LibTorch can use it.
  package var isAvailable: Bool {
    var found = false
    return ct_device_available(rawValue, &found) == 0 && found
  }

  /// The best device present: an NVIDIA GPU, then an Apple GPU, then the processor.
  package static var best: Device {
    if Device.cuda.isAvailable { return .cuda }
    return Device.mps.isAvailable ? .mps : .cpu
  }
}

/// An n-dimensional array with optional gradients.
///
/// A value: no operation changes its arguments, except those whose name ends in `InPlace`. Storage
/// is shared by reference. Operations with mismatched shapes stop the process with LibTorch's
/// message, or throw inside `withTensorErrors`. Not `Sendable`: one task owns a model's tensors.
package struct Tensor {
  final class Storage {
    let handle: ct_tensor
    init(_ handle: ct_tensor) { self.handle = handle }
    deinit { ct_free(handle) }
  }

  let storage: Storage
  var handle: ct_tensor { storage.handle }

  init(owning handle: ct_tensor) { storage = Storage(handle) }

  /// Makes a tensor from a call that fills in a handle.
  init(_ name: String, _ call: (UnsafeMutablePointer<ct_tensor?>) -> Int32) {
    var handle: ct_tensor?
    let code = call(&handle)
    if code == 0, let handle {
      storage = Storage(handle)
      return
    }
    report(failure(code, name))
    var empty: ct_tensor?  // as `withTensorErrors` documents
    let shape: [Int64] = [1, 1, 1, 1]
    guard ct_full(shape, 4, .nan, DType.float32.rawValue, Device.cpu.rawValue, &empty) == 0,
      let empty
    else { preconditionFailure("out of memory") }
    storage = Storage(empty)
  }

  /// Sizes of the dimensions.
  package var shape: [Int] {
    var sizes = [Int64](repeating: 0, count: Int(ct_rank(handle)))
    ct_shape(handle, &sizes)
    return sizes.map(Int.init)
  }

  /// How many dimensions there are.
  package var rank: Int { Int(ct_rank(handle)) }

  /// How many elements there are.
  package var count: Int { Int(ct_count(handle)) }

  /// The type of the elements.
  package var dtype: DType { DType(rawValue: ct_dtype(handle)) ?? .float32 }

  /// Where the elements are.
  package var device: Device { Device(rawValue: ct_device(handle)) ?? .cpu }
}

extension Device {
  /// Whether kernels of ours compute here, and what is packed for them.
  package var hasKernels: Bool { self == .cpu && !ct_composes() }
}

/// Settings of the compute engine.
package enum Engine {
  /// The instruction set that Assay's own kernels run on: `amx`, `avx512`, `avx2` or `portable`.
  package static var kernelLevel: String { String(cString: ct_cpu_features()) }

  /// The environment variable that names the newest instructions which Assay's own kernels may use.
  ///
  /// It is read once. LibTorch's kernels do not heed it.
  package static let kernelLimitVariable = "ASSAY_CPU"

  /// What that variable may say, each with those before it; other words limit nothing.
  package static let kernelLimits = ["portable", "avx2", "avx512", "amx"]

  /// The environment variable that has the CPU compute as other devices do, from LibTorch's operations.
  ///
  /// It is read once.
  package static let operationsVariable = "ASSAY_OPERATIONS"

  /// What that variable may say.
  package static let operations = ["fused", "composed"]

  /// Gives memory of freed tensors, which is kept for the next ones, back to the system.
  package static func releaseMemory() { ct_release_memory() }

  /// Bytes of tensors on the processor, those that are kept for the next ones included.
  package static var heldBytes: Int { Int(ct_memory_held()) }

  /// Runs a body.
  ///
  /// - Returns: What it returns, and the most bytes that tensors on the processor had at once meanwhile, without
  ///   those that are kept for later ones.
  package static func measuringPeak<Result>(
    _ body: () throws -> Result
  ) rethrows -> (result: Result, peakBytes: Int) {
    ct_reset_memory_peak()
    let result = try body()
    return (result, Int(ct_memory_peak()))
  }

  /// How many threads operations use.
  package static var threads: Int {
    get { Int(ct_get_threads()) }
    set { _ = ct_set_threads(Int32(max(1, newValue))) }
  }
}

/// Stops the process, or fails the running `withTensorErrors`, when a shape is not as expected.
///
/// - Parameters:
///   - tensor: The tensor to check.
///   - expected: The sizes it must have.
package func checkShape(_ tensor: Tensor, _ expected: [Int]) {
  let shape = tensor.shape
  guard shape != expected else { return }
  report(.operation(name: "checkShape", reason: "shape \(shape), expected \(expected)"))
}

extension Tensor {
  /// Reports that an operation cannot be done, as operations do.
  ///
  /// - Parameters:
  ///   - name: Of the operation.
  ///   - reason: Why, and what to do.
  /// - Returns: What a failed operation gives: one NaN.
  package static func failed(_ name: String, reason: String) -> Tensor {
    report(.operation(name: name, reason: reason))
    return .full(.nan, [1, 1, 1, 1])
  }
}
