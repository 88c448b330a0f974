import AssayBase
import AssayData
import Foundation

/// What is wrong with a line of input.
struct LineProblem: Error {
  let kind: ProblemKind
  let detail: String
}

/// Lines of a file or of standard input.
enum InputLines {
  /// Calls a body with each line that is not blank.
  ///
  /// - Parameters:
  ///   - path: The file; `-` is standard input.
  ///   - problems: Whether lines that the body refuses are left out, counted and named.
  ///   - body: Uses a line, or throws a `LineProblem`.
  /// - Throws: `DataError`, or what else the body throws.
  static func forEach(
    _ path: String,
    _ problems: ProblemOptions,
    _ body: (Data) throws -> Void
  ) throws {
    let data: Data
    if path == "-" {
      data = FileHandle.standardInput.readDataToEndOfFile()
    } else {
      guard FileManager.default.fileExists(atPath: path) else {
        throw DataError.notFound(path: path)
      }
      do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
        throw DataError.unreadable(path: path, reason: error.fileReason)
      }
    }
    var report = ReadReport()
    let lines = data.split(separator: 0x0a, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0d }) {
      do {
        try body(Data(line))
        report.countKept(1)
      } catch let problem as LineProblem {
        let row = RowProblem(
          kind: problem.kind,
          file: path == "-" ? "<stdin>" : path,
          line: index + 1,
          detail: problem.detail
        )
        guard problems.skipProblems else { throw DataError.refused(problem: row) }
        report.leaveOut(row, keptBefore: 0)
      }
    }
    try problems.tell(report, of: path)
  }
}
