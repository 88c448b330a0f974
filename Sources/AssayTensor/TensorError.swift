import CTorch
import Foundation

/// A failure of the compute engine or of a weights file.
package enum TensorError: Error, Equatable, Sendable, CustomStringConvertible {
  /// An operation was refused; the reason is LibTorch's own and names the shapes.
  case operation(name: String, reason: String)
  /// Memory ran out in an operation.
  case outOfMemory(name: String, reason: String)
  /// A device that was asked for is not present.
  case deviceUnavailable(device: String)
  /// A safetensors file cannot be read.
  case malformedFile(file: String, reason: String)
  /// A file is missing.
  case notFound(file: String)
  /// A file cannot be written.
  case cannotWrite(file: String, reason: String)

  /// What happened and what to do next, in one line.
  package var description: String {
    switch self {
    case .operation(let name, let reason): "\(name): \(reason)"
    case .outOfMemory(let name, let reason):
      "\(name): out of memory (\(reason)); use a smaller batch or a shorter context"
    case .deviceUnavailable(let device):
      "device \(device) is not available here; use --device cpu, or set ASSAY_LIBTORCH to a "
        + "LibTorch that has it and build again"
    case .malformedFile(let file, let reason): "\(file): \(reason)"
    case .notFound(let file): "\(file): no such file"
    case .cannotWrite(let file, let reason): "\(file): cannot write (\(reason))"
    }
  }
}

/// Collects the first failure of the tensor operations inside `withTensorErrors`.
///
/// Operations do not throw: a shape mistake is a programmer's error and stops the process with the
/// shapes in the message. Where input from outside decides shapes or sizes, the scope turns the
/// first failure into a thrown error instead.
enum ErrorScope {
  @TaskLocal static var current: ErrorScope.Box?

  final class Box: @unchecked Sendable {  // used by the one thread that runs the scope's body
    var first: TensorError?
  }
}

/// Runs a body and throws the first failure of a tensor operation inside it.
///
/// - Parameter body: Code that uses tensors. After a failure operations that fail give a tensor of
///   one NaN, shape `[1, 1, 1, 1]`, so that reading its sizes and its item does not stop the process.
/// - Returns: What the body returns.
/// - Throws: `TensorError` of the first operation that failed, else what the body throws.
package func withTensorErrors<Result>(_ body: () throws -> Result) throws -> Result {
  let box = ErrorScope.Box()
  let result = Swift.Result { try ErrorScope.$current.withValue(box, operation: body) }
  if let first = box.first { throw first }
  return try result.get()
}

/// Throws what LibTorch says when a call gives a nonzero code.
func check(_ code: Int32, _ name: String) throws {
  guard code != 0 else { return }
  throw failure(code, name)
}

/// The error of a nonzero code.
func failure(_ code: Int32, _ name: String) -> TensorError {
  let reason = String(cString: ct_last_error())
  let line = reason.split(separator: "\n").first.map(String.init) ?? reason
  return code == Int32(CT_OUT_OF_MEMORY)
    ? .outOfMemory(name: name, reason: line) : .operation(name: name, reason: line)
}

/// Records the failure in the running scope, or ends the process with exit code 70 where there is
/// none: a shape mistake that no scope expects is a bug of the caller.
func report(_ error: TensorError) {
  guard let box = ErrorScope.current else {
    FileHandle.standardError.write(Data("assay: internal error: \(error.description)\n".utf8))
    exit(70)
  }
  if box.first == nil { box.first = error }
}
