// Append-only files of lines that survive being killed in the middle of a write.
import Foundation
import Synchronization

/// An append-only file of lines; a last line that was cut is dropped on opening.
package final class LineFile: Sendable {
  /// Where the file is.
  package let url: URL
  /// How many bytes of a cut last line were dropped on opening; 0 where none was.
  package let droppedBytes: Int
  private let descriptor: Int32
  // Guards the file position: a failed append is undone before the next one starts.
  private let size: Mutex<Int>

  /// The longest last line that is looked at for whether it was cut.
  private static let maximumEndBytes = 1 << 28

  /// Opens or creates the file, and truncates it behind its last line break.
  ///
  /// What is no plain file, as a pipe or a device, is written and never read.
  ///
  /// - Parameters:
  ///   - url: The file.
  ///   - isWhole: Whether a last line that lacks its line break is kept, which it then gets.
  /// - Throws: `FileError.fileSystem`.
  package init(_ url: URL, keepingEnd isWhole: (Data) -> Bool = { _ in false }) throws {
    self.url = url
    descriptor = open(url.path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw DurableFile.failure("open", url) }
    var status = stat()
    let isPlain = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    let actual = isPlain ? Int(status.st_size) : 0
    do {
      let whole = try Self.lengthOfWholeLines(descriptor, actual, url)
      let rest = actual - whole
      if rest > 0, rest <= Self.maximumEndBytes,
        isWhole(try Self.read(descriptor, at: whole, count: rest, url))
      {
        try DurableFile.writeAll(Data([0x0a]), to: descriptor, url)
        droppedBytes = 0
        size = Mutex(actual + 1)
        return
      }
      droppedBytes = rest
      if rest > 0 {
        guard ftruncate(descriptor, off_t(whole)) == 0 else {
          throw DurableFile.failure("truncate", url)
        }
      }
      size = Mutex(whole)
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// Appends lines with one write; a write that fails half-way is undone.
  ///
  /// - Parameter lines: Text without line breaks.
  /// - Throws: `FileError.fileSystem`.
  package func append(_ lines: [Data]) throws {
    var data = Data()
    for line in lines {
      data.append(line)
      data.append(0x0a)
    }
    try size.withLock { size in
      do {
        try DurableFile.writeAll(data, to: descriptor, url)
      } catch {
        _ = ftruncate(descriptor, off_t(size))
        throw error
      }
      size += data.count
    }
  }

  /// Flushes everything appended to the disk.
  package func synchronize() throws {
    // What is no file, as /dev/null, has nothing to flush.
    guard fsync(descriptor) == 0 || errno == EINVAL else {
      throw DurableFile.failure("flush", url)
    }
  }

  /// Calls `body` with each line and its 1-based number, until it returns `false`.
  ///
  /// - Returns: The offset in bytes of the line at which `body` stopped, or of the end.
  @discardableResult
  package func forEachLine(_ body: (Int, Data) throws -> Bool) throws -> Int {
    let end = size.withLock { $0 }
    var (offset, line, rest) = (0, 0, Data())
    var lineStart = 0
    while offset < end {
      let chunk = try Self.read(descriptor, at: offset, count: min(1 << 18, end - offset), url)
      offset += chunk.count
      rest.append(chunk)
      var start = rest.startIndex
      while let lineBreak = rest[start...].firstIndex(of: 0x0a) {
        line += 1
        guard try body(line, rest[start..<lineBreak]) else { return lineStart }
        lineStart += lineBreak + 1 - start
        start = lineBreak + 1
      }
      rest = Data(rest[start...])
    }
    return lineStart
  }

  /// Cuts the file at a byte offset.
  package func truncate(at offset: Int) throws {
    try size.withLock { size in
      // What is no plain file holds nothing to cut.
      guard ftruncate(descriptor, off_t(offset)) == 0 || errno == EINVAL else {
        throw DurableFile.failure("truncate", url)
      }
      size = offset
    }
  }

  private static func lengthOfWholeLines(
    _ descriptor: Int32,
    _ size: Int,
    _ url: URL
  ) throws -> Int {
    var end = size
    while end > 0 {
      let start = max(0, end - (1 << 16))
      let block = try read(descriptor, at: start, count: end - start, url)
      if let index = block.lastIndex(of: 0x0a) { return start + index + 1 }
      end = start
    }
    return 0
  }

  private static func read(
    _ descriptor: Int32,
    at offset: Int,
    count: Int,
    _ url: URL
  ) throws -> Data {
    var block = Data(count: count)
    let actual = block.withUnsafeMutableBytes {
      pread(descriptor, $0.baseAddress, count, off_t(offset))
    }
    guard actual == count else { throw DurableFile.failure("read", url) }
    return block
  }
}

/// An append-only file of JSON records, one a line, as a stage's `records.jsonl`.
package final class RecordLog<Record: Codable & Sendable>: Sendable {
  /// Where the file is.
  package var url: URL { file.url }
  private let file: LineFile

  /// Opens or creates a log, and drops a last line that was cut in the middle of its write.
  ///
  /// - Parameter url: The file.
  /// - Throws: `FileError.fileSystem` where it cannot be opened.
  package init(_ url: URL) throws { file = try LineFile(url) }

  /// Appends one record.
  package func append(_ record: Record) throws { try append(contentsOf: [record]) }

  /// Appends records with one write.
  package func append(contentsOf records: [Record]) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try file.append(try records.map { try encoder.encode($0) })
  }

  /// Flushes everything appended to the disk.
  package func synchronize() throws { try file.synchronize() }

  /// Drops all records.
  package func empty() throws { try file.truncate(at: 0) }

  /// Returns all records in the order of writing.
  ///
  /// - Throws: `FileError.malformedRecord` with the line that cannot be read.
  package func records() throws -> [Record] {
    var records: [Record] = []
    try forEach { records.append($0) }
    return records
  }

  /// Calls `body` with each record in the order of writing, without holding all of them.
  ///
  /// - Throws: `FileError.malformedRecord` with the line that cannot be read, or what `body` throws.
  package func forEach(_ body: (Record) throws -> Void) throws {
    let decoder = JSONDecoder()
    try file.forEachLine { number, line in
      let record: Record
      do {
        record = try decoder.decode(Record.self, from: line)
      } catch {
        throw FileError.malformedRecord(
          file: url.path,
          line: number,
          reason: "this is not a record of this stage"
        )
      }
      try body(record)
      return true
    }
  }
}
