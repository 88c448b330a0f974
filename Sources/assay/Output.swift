import AssayBase
import Foundation

/// Standard output and standard error.
enum Output {
  /// Gives standard streams that were closed on start (`2>&-`) a place.
  ///
  /// Otherwise the next file that is opened would be one of them. A closed standard output stays one
  /// that cannot be written.
  static func openClosed() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) == -1 {
      // The lowest free number is taken, which is this one.
      _ = open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Writes a result and a newline.
  ///
  /// - Throws: `OutputFailure`, as where a disk is full.
  static func result(_ text: String) throws {
    do {
      try DurableFile.writeAll(Data((text + "\n").utf8), to: STDOUT_FILENO, standardOutput)
    } catch let error as FileError {
      guard case .fileSystem(_, _, let reason) = error else { throw error }
      throw OutputFailure(reason: reason)
    }
  }

  private static let standardOutput = URL(fileURLWithPath: "/dev/stdout")

  /// Writes a line of the log; a log that cannot be written does not end the work.
  static func error(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }

  /// Writes a value as one line of JSON.
  static func json(_ value: some Encodable) throws { try result(try line(value)) }

  /// Writes a value as one line of JSON to the log.
  static func jsonError(_ value: some Encodable) throws { error(try line(value)) }

  /// The JSON of a results file, with sorted keys.
  static func pretty(_ results: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(results) + Data("\n".utf8)
  }

  private static func line(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

/// Results that standard output did not take.
struct OutputFailure: Error, CustomStringConvertible {
  let reason: String

  var description: String {
    "Standard output cannot be written (\(reason)): results are lost from here on; run again with "
      + "another place for them."
  }
}
