// What can go wrong with a file of ours.

/// A failure to read or write a file, said in one sentence with what to do.
package enum FileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The operating system refused a file operation.
  case fileSystem(action: String, path: String, reason: String)
  /// A line of an append-only file is not what was written there.
  case malformedRecord(file: String, line: Int, reason: String)

  /// One sentence: what happened, where, what was expected, what to do.
  package var description: String {
    switch self {
    case .fileSystem(let action, let path, let reason):
      "Cannot \(action) \(path): \(reason.hasSuffix(".") ? String(reason.dropLast()) : reason)."
    case .malformedRecord(let file, let line, let reason):
      "\(file):\(line): \(reason); the file was edited or damaged: remove that line, or "
        + "restart the stage."
    }
  }
}
