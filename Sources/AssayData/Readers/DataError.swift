/// A failure to read or write records.
package enum DataError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no file at a path.
  case notFound(path: String)
  /// A path exists and cannot be read.
  case unreadable(path: String, reason: String)
  /// A compressed file is damaged or ends early.
  case corruptCompression(file: String, reason: String)
  /// A row has a problem that the policy does not skip.
  case refused(problem: RowProblem)
  /// A file that begins as a list, or is named .json, holds no rows.
  case notAList(file: String, actual: String)
  /// A file is of another format than JSON, as Parquet.
  case otherFormat(file: String, actual: String)
  /// A file has no row that can be used.
  case noRows(file: String, skipped: Int)
  /// A line is longer than any record.
  case endlessLine(file: String, line: Int, maximumBytes: Int)
  /// A path cannot be written.
  case unwritable(path: String, reason: String)

  /// One sentence: what happened, where, what was expected, what to do.
  package var description: String {
    switch self {
    case .notFound(let path):
      "\(path): no such file; give a file that exists, or - for standard input."
    case .unreadable(let path, let reason):
      "\(path): cannot be read (\(reason))."
    case .corruptCompression(let file, let reason):
      "\(file): the gzip data is damaged (\(reason)); fetch or compress the file again."
    case .refused(let problem):
      "\(problem.description); mend the row, or leave out rows with problems (--skip-problems; in "
        + "recipes data.problems, kind '\(problem.kind.rawValue)')."
    case .notAList(let file, let actual):
      "\(file): expected JSON Lines or one JSON list of rows, found \(actual)."
    case .otherFormat(let file, let actual):
      "\(file): the file is \(actual), expected JSON Lines, plain or gzip: convert it first."
    case .noRows(let file, let skipped):
      skipped == 0
        ? "\(file): the file has no rows, expected at least one."
        : "\(file): none of the file's rows can be used, \(skipped) were left out; expected at least "
          + "one without problems."
    case .endlessLine(let file, let line, let maximumBytes):
      "\(file):\(line): the line is longer than \(maximumBytes) bytes; is it JSON Lines?"
    case .unwritable(let path, let reason):
      "\(path): cannot be written (\(reason))."
    }
  }
}
