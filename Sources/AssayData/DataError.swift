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
  /// A file is of another format than JSON, as Arrow.
  case otherFormat(file: String, actual: String)
  /// A file is of a format that DuckDB reads, which is not there.
  case missingProgram(file: String, actual: String)
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
    case .missingProgram(let file, let actual):
      "\(file): the file is \(actual), which DuckDB's command reads, and there is none: install it "
        + "(pip install duckdb-cli), or name it in ASSAY_DUCKDB."
    case .noRows(let file, let skipped):
      skipped == 0
        ? "\(file): the file has no rows, expected at least one."
        : "\(file): none of the file's rows can be used, \(skipped) were left out; expected at least "
          + "one without problems."
    case .endlessLine(let file, let line, let maximumBytes):
      "\(file):\(line): the line is longer than \(maximumBytes) bytes; is it JSON Lines?"
    case .unwritable(let path, let reason):
      "\(path): cannot be written (\(reason)); choose another place for it."
    }
  }
}

/// What can be wrong with a row of a data file.
package enum ProblemKind: String, Sendable, Codable, CaseIterable, Comparable {
  /// The line is not a JSON object.
  case malformedJSON = "malformed-json"
  /// The line is not UTF-8.
  case invalidUTF8 = "invalid-utf8"
  /// A key that the row needs is absent.
  case missingKey = "missing-key"
  /// A value has another type than the key asks for.
  case wrongType = "wrong-type"
  /// The turns do not make a prompt and one assistant's turn.
  case badConversation = "bad-conversation"
  /// Both answers of a pair are the same text, so the pair states no preference.
  case identicalAnswers = "identical-answers"
  /// All responses have the same rating, so that the row states no preference.
  case tied
  /// A response has no text.
  case emptyResponse = "empty-response"
  /// An earlier row has the same id.
  case duplicateID = "duplicate-id"
  /// A probability is not strictly between 0 and 1, or a margin is not finite.
  case outOfRange = "out-of-range"
  /// A part that a model would read, such as a tool call, and that is not read here.
  case unsupported = "unsupported"
  /// A row has more tokens than the limit.
  case tooLong = "too-long"

  /// The order of reports: that of the declaration.
  package static func < (left: ProblemKind, right: ProblemKind) -> Bool {
    let order = allCases
    return (order.firstIndex(of: left) ?? 0) < (order.firstIndex(of: right) ?? 0)
  }
}

/// One problem of one row.
package struct RowProblem: Hashable, Sendable, CustomStringConvertible {
  /// What is wrong.
  package var kind: ProblemKind
  /// The file as it was given.
  package var file: String
  /// The line, from 1; in a `.json` list the element, from 1.
  package var line: Int
  /// The particulars: which key, what was expected, what was found.
  package var detail: String

  /// Makes a problem.
  package init(kind: ProblemKind, file: String, line: Int, detail: String) {
    (self.kind, self.file, self.line, self.detail) = (kind, file, line, detail)
  }

  /// The place and the problem, as compilers print them.
  package var description: String { "\(file):\(line): \(detail)" }
}
