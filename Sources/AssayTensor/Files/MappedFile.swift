// A file of weights in memory, shared by the formats: its bytes, a checked reader over them, and
// tensors that share them.

import CTorch
import Foundation
import Synchronization

/// The bytes of a file in a private, writable mapping.
///
/// Tensors share its pages with no copy, and a write in place changes only this process's copy. Pages
/// that only tensors used which are gone are given back, so that a model that is packed while it is
/// read is in memory once. The file must not be cut while tensors of it are in use.
final class MappedFile: @unchecked Sendable {  // its bytes never move; callers order writes
  let path: String
  let bytes: UnsafeMutableRawBufferPointer
  private let inUse = Mutex<[Range<Int>]>([])

  /// Maps a file.
  ///
  /// - Parameters:
  ///   - url: The file.
  ///   - format: What the file should be, for messages: `a safetensors file`.
  ///   - minimumBytes: Fewer bytes than any file of the format has.
  /// - Throws: `TensorError.notFound`, and `TensorError.malformedFile` for what cannot be mapped.
  init(_ url: URL, format: String, minimumBytes: Int) throws {
    path = url.path
    func fail(_ reason: String) -> TensorError { .malformedFile(file: url.path, reason: reason) }
    var status = stat()
    guard stat(url.path, &status) == 0 else {
      let number = errno
      throw number == ENOENT || number == ENOTDIR
        ? TensorError.notFound(file: url.path)
        : fail("cannot be opened (\(String(cString: strerror(number))))")
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw fail("is not a file") }
    guard status.st_size >= minimumBytes else {
      throw fail("\(status.st_size) bytes are too few for \(format); copy it again")
    }
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw fail("cannot be opened (\(String(cString: strerror(errno))))")
    }
    defer { close(descriptor) }
    // Without a reservation: a model larger than memory can still be mapped and read.
    let pages = mmap(
      nil,
      Int(status.st_size),
      PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_NORESERVE,
      descriptor,
      0
    )
    guard let pages, pages != MAP_FAILED else {
      throw fail("cannot be mapped into memory (\(String(cString: strerror(errno))))")
    }
    bytes = UnsafeMutableRawBufferPointer(start: pages, count: Int(status.st_size))
    if bytes.starts(with: "version https://git-lfs".utf8) {
      throw fail("is a Git LFS pointer, not the weights; fetch them (git lfs pull)")
    }
  }

  deinit { munmap(bytes.baseAddress, bytes.count) }

  /// A failure to read this file.
  func failure(_ reason: String) -> TensorError { .malformedFile(file: path, reason: reason) }

  /// A tensor of bytes in row-major order.
  ///
  /// - Parameters:
  ///   - start: First byte, counted from the start of the file.
  ///   - shape: Sizes; the caller has checked that their bytes lie within the file.
  ///   - dtype: Element type.
  ///   - name: The tensor's name for messages.
  /// - Returns: The tensor on the CPU; it shares memory with the mapping where the file aligns it.
  /// - Throws: `TensorError.operation` where LibTorch refuses the sizes.
  func tensor(at start: Int, shape: [Int], dtype: DType, name: String) throws -> Tensor {
    guard !shape.contains(0), let base = bytes.baseAddress else {
      return try withTensorErrors { .uninitialized(shape, dtype: dtype) }
    }
    let data = base + start
    let sizes = shape.map(Int64.init)
    var handle: ct_tensor?
    if Int(bitPattern: data).isMultiple(of: dtype.byteCount) {
      let count = shape.reduce(dtype.byteCount, *)
      let owner = Unmanaged.passRetained(Use(of: self, start..<start + count))
      let code = ct_from_memory(
        data,
        sizes,
        Int32(sizes.count),
        dtype.rawValue,
        owner.toOpaque(),
        { context in context.map { Unmanaged<Use>.fromOpaque($0).release() } },
        &handle
      )
      try check(code, name)
    } else {
      let code = ct_from_data(data, sizes, Int32(sizes.count), dtype.rawValue, &handle)
      try check(code, name)
    }
    guard let handle else { throw AssayTensor.failure(Int32(CT_ERROR), name) }
    return Tensor(owning: handle)
  }

  /// What a tensor uses, until it is gone.
  private final class Use: Sendable {
    let file: MappedFile
    let range: Range<Int>

    init(of file: MappedFile, _ range: Range<Int>) {
      (self.file, self.range) = (file, range)
      file.inUse.withLock { $0.append(range) }
    }

    deinit { file.release(range) }
  }

  /// Gives back the whole pages of bytes that no tensor uses any more.
  private func release(_ range: Range<Int>) {
    inUse.withLock { inUse in
      if let index = inUse.firstIndex(of: range) { inUse.remove(at: index) }
      let page = Int(sysconf(Int32(_SC_PAGESIZE)))
      let first = (range.lowerBound + page - 1) / page * page
      let last = range.upperBound / page * page
      guard first < last, let base = bytes.baseAddress,
        !inUse.contains(where: { $0.overlaps(first..<last) })
      else { return }
      // Advice: where it is not taken, memory is given back with the mapping.
      madvise(base + first, last - first, MADV_DONTNEED)
    }
  }
}

/// A place in bytes that are read one number or text after the other; nothing is read behind their
/// end.
struct ByteCursor {
  /// The bytes of the whole file, or of one part of it.
  let bytes: UnsafeRawBufferPointer
  /// The next byte.
  var position: Int
  /// Makes an error of a reason.
  let failure: (String) -> TensorError

  /// How many bytes are left.
  var left: Int { bytes.count - position }

  /// Skips bytes.
  ///
  /// - Parameters:
  ///   - count: How many; any number, as a file states it.
  ///   - part: What they are, for messages.
  /// - Returns: Where they lie.
  /// - Throws: `TensorError.malformedFile` where fewer are left.
  mutating func skip(_ count: some BinaryInteger, _ part: @autoclosure () -> String) throws
    -> Range<Int>
  {
    guard let count = Int(exactly: count), count >= 0, count <= left else {
      throw failure(
        "states \(count) bytes of \(part()) at byte \(position) and has \(left) more; it is cut off "
          + "or damaged, copy it again"
      )
    }
    defer { position += count }
    return position..<position + count
  }

  /// Reads a little-endian number.
  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _: Number.Type,
    _ part: @autoclosure () -> String
  ) throws -> Number {
    let range = try skip(MemoryLayout<Number>.size, part())
    return Number(
      littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: Number.self)
    )
  }

  /// Reads UTF-8 text of a stated length.
  mutating func text(_ count: some BinaryInteger, _ part: @autoclosure () -> String) throws
    -> String
  {
    let range = try skip(count, part())
    guard let text = String(validating: bytes[range], as: UTF8.self) else {
      throw failure("\(part()) at byte \(range.lowerBound) is not UTF-8 text")
    }
    return text
  }
}

extension String {
  /// A name out of a file as a message quotes it: cut, without control characters.
  var quotable: String {
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars.prefix(80) {
      text.append(scalar.properties.generalCategory == .control ? "?" : scalar)
    }
    return String(text) + (unicodeScalars.count > 80 ? "..." : "")
  }
}
