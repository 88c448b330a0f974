import AssayBase
import AssayData
import AssayText
import Foundation
import Synchronization

/// An append-only file of answers, each under the hash of its request.
///
/// A last line that was cut by a kill is removed on opening. One process has the file at a time.
package final class RequestRecords: Sendable {
  /// The path as it was given.
  package let path: String
  private let lock: Int32
  private let writer: RecordWriter
  // Guards what is known; the writer has its own lock.
  private let known: Mutex<[String: ChatCompletion]>

  /// How many answers are known.
  package var count: Int { known.withLock { $0.count } }

  /// Opens or makes a file.
  ///
  /// - Parameter path: The file.
  /// - Throws: `EndpointError.recordsInUse` and `malformedRecord`; `DataError` where the file cannot
  ///   be opened or a line before the last is no JSON.
  package init(_ path: String) throws {
    self.path = path
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard lock >= 0 else {
      throw DataError.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
    do {
      guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
        throw EndpointError.recordsInUse(path: path)
      }
      let (writer, lines, _) = try RecordWriter.resume(path)
      var known: [String: ChatCompletion] = [:]
      for (index, line) in lines.enumerated() {
        guard let key = line["key"]?.string, let completion = ChatCompletion(record: line) else {
          throw EndpointError.malformedRecord(path: path, line: index + 1)
        }
        known[key] = completion
      }
      self.writer = writer
      self.known = Mutex(known)
    } catch {
      close(lock)
      throw error
    }
  }

  deinit { close(lock) }

  /// The recorded answer to a request.
  func completion(_ key: String) -> ChatCompletion? { known.withLock { $0[key] } }

  /// Records an answer: it is in the file before it is known.
  func append(_ key: String, _ completion: ChatCompletion) throws {
    try writer.append(completion.record(key: key))
    known.withLock { $0[key] = completion }
  }
}
