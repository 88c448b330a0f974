/// An evaluation that cannot be made of what was given.
package enum EvaluateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file is missing, or is not the JSON of a results file.
  case unreadableResults(file: String, reason: String)
  /// There is no benchmark of a name.
  case unknownBenchmark(name: String, known: [String])
  /// A benchmark's file or folder as a whole does not fit.
  case badFile(file: String, reason: String)
  /// A row does not fit; `row` is the line, or the element of a list, from 1.
  case badRow(file: String, row: Int, reason: String)
  /// Records and the items of a benchmark do not match one to one.
  case mismatchedRecords(file: String, problems: [String])
  /// Records were written with other settings.
  case changedSettings(file: String, changes: [String])
  /// A record of a file that is to be continued is of other data than those given.
  case foreignRecord(file: String, line: Int, expected: String)
  /// Nothing tells which responses to a prompt are right.
  case uncheckedPrompt(id: String)
  /// An item cannot be scored.
  case unscored(benchmark: String, id: String, reason: String)
  /// Nothing of a benchmark can be counted.
  case nothingCounted(benchmark: String, reason: String)

  /// One sentence: which file, and why.
  package var description: String {
    switch self {
    case .unreadableResults(let file, let reason): "Cannot read the results in \(file): \(reason)."
    case .unknownBenchmark(let name, let known):
      "There is no benchmark '\(name)'; known are \(known.joined(separator: ", "))."
    case .badFile(let file, let reason): "\(file): \(reason)."
    case .badRow(let file, let row, let reason): "\(file):\(row): \(reason)."
    case .mismatchedRecords(let file, let problems):
      "\(file): every item needs exactly one line, but \(problems.joined(separator: "; "))."
    case .changedSettings(let file, let changes):
      "\(file) was written with other settings (\(changes.joined(separator: "; "))): choose another "
        + "--out, or begin it anew with --force."
    case .foreignRecord(let file, let line, let expected):
      "\(file):\(line): this was not written from \(expected): choose another --out, or begin it anew "
        + "with --force."
    case .uncheckedPrompt(let id):
      "Nothing tells which responses to the prompt '\(id)' are right: its id is none of the "
        + "Playground's, or its row has no \"answer\" with a number."
    case .unscored(let benchmark, let id, let reason):
      "The item '\(id)' of \(benchmark) cannot be scored: \(reason)."
    case .nothingCounted(let benchmark, let reason):
      "No figure of \(benchmark) can be computed: \(reason)."
    }
  }
}
