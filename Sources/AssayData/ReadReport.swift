/// What to do about each kind of problem.
package struct ReadPolicy: Hashable, Sendable {
  /// What to do about a problem.
  package enum Action: String, Sendable, Codable, CaseIterable {
    /// Stop reading with an error.
    case refuse
    /// Leave the row out and count it.
    case skip
  }

  private var standard: Action
  private var exceptions: [ProblemKind: Action]

  /// Makes a policy.
  ///
  /// - Parameters:
  ///   - standard: What to do about every kind that has no action of its own.
  ///   - exceptions: Kinds with another action.
  package init(_ standard: Action, except exceptions: [ProblemKind: Action] = [:]) {
    self.standard = standard
    self.exceptions = exceptions
  }

  /// Stop at the first problem.
  package static let strict = ReadPolicy(.refuse)
  /// Leave out and count every row that has a problem.
  package static let skipping = ReadPolicy(.skip)

  /// What to do about a kind of problem.
  package func action(for kind: ProblemKind) -> Action { exceptions[kind] ?? standard }
}

/// What became of the rows of a file.
package struct ReadReport: Hashable, Sendable, CustomStringConvertible {
  /// How many examples of each kind of problem are kept.
  package static let maximumExamples = 3

  /// How many rows the file has; blank lines are none.
  package private(set) var rowCount = 0
  /// How many rows became records.
  package private(set) var keptCount = 0
  /// How many records were shortened to fit a limit.
  package private(set) var cutCount = 0
  /// How many rows were left out, by what was wrong.
  package private(set) var skippedCounts: [ProblemKind: Int] = [:]
  /// The first problems of each kind.
  package private(set) var examples: [RowProblem] = []

  /// Makes an empty report.
  package init() {}

  /// How many rows were left out.
  package var skippedCount: Int { skippedCounts.values.reduce(0, +) }

  /// Refuses a file of which nothing can be used.
  ///
  /// - Parameter file: The file, for the message.
  /// - Throws: `DataError.noRows`.
  package func requireRows(of file: String) throws {
    guard keptCount == 0 else { return }
    throw DataError.noRows(file: file == "-" ? "<stdin>" : file, skipped: skippedCount)
  }

  mutating func countRow() { rowCount += 1 }

  mutating func countCut() { cutCount += 1 }

  /// Whether anything was left out or shortened.
  package var isWorthTelling: Bool { skippedCount + cutCount > 0 }

  /// Counts rows that became records.
  package mutating func countKept(_ count: Int) {
    rowCount += count
    keptCount += count
  }

  /// Counts a row that is left out.
  ///
  /// - Parameters:
  ///   - problem: What is wrong with it.
  ///   - keptBefore: 1 where it was counted as a record before, else 0.
  package mutating func leaveOut(_ problem: RowProblem, keptBefore: Int) {
    rowCount += 1 - keptBefore
    keptCount -= keptBefore
    add(problem)
  }

  mutating func add(_ problem: RowProblem) {
    let count = skippedCounts[problem.kind, default: 0]
    skippedCounts[problem.kind] = count + 1
    if count < Self.maximumExamples { examples.append(problem) }
  }

  /// Adds the report of another file.
  package mutating func add(_ other: ReadReport) {
    rowCount += other.rowCount
    keptCount += other.keptCount
    cutCount += other.cutCount
    skippedCounts.merge(other.skippedCounts, uniquingKeysWith: +)
    for example in other.examples
    where examples.count(where: { $0.kind == example.kind }) < Self.maximumExamples {
      examples.append(example)
    }
  }

  /// The counts on one line, and one line for each example.
  package var description: String {
    let counts = skippedCounts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key.rawValue)" }
    let skipped = counts.isEmpty ? "" : "; left out: \(counts.joined(separator: ", "))"
    let cut = cutCount == 0 ? "" : "; \(cutCount) cut to fit"
    let first = "\(keptCount) of \(rowCount) rows read\(cut)\(skipped)"
    return ([first] + examples.map { "  \($0)" }).joined(separator: "\n")
  }
}
