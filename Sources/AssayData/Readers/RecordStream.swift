/// The records of a file one by one: every row becomes a record or a counted problem.
package final class RecordStream<Record> {
  private let file: String
  private let policy: ReadPolicy
  private let limit: TokenLimit<Record>?
  private let id: ((Record) -> String)?
  private let rows: (RowFields) throws(RowFault) -> [RowFields]
  private let parse: (RowFields) throws(RowFault) -> Record
  private var source: AttributeRows
  private var seen: Set<String> = []
  /// Rows of the line that was read last, the last one first.
  private var waiting: [RowFields] = []
  private var line = 0
  /// What became of the rows so far.
  package private(set) var report = ReadReport()

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: The file, or `-` for standard input.
  ///   - policy: What to do about rows with problems.
  ///   - limit: A length limit, if any.
  ///   - columns: What the file calls a key, by what it is called here.
  ///   - attributes: What attributes count by which neighbouring rows are joined; none joins nothing.
  ///   - id: A record's id, which no other has; `nil` looks at none and keeps none.
  ///   - rows: Makes several rows of one.
  ///   - parse: Makes a record of a row.
  /// - Throws: `DataError` for a file that cannot be read.
  init(
    _ path: String,
    policy: ReadPolicy,
    limit: TokenLimit<Record>?,
    columns: [String: String],
    attributes: [String: Double],
    id: ((Record) -> String)? = nil,
    rows: @escaping (RowFields) throws(RowFault) -> [RowFields],
    parse: @escaping (RowFields) throws(RowFault) -> Record
  ) throws {
    let source = try RowSource(path: path)
    file = source.name
    self.source = AttributeRows(source, weights: attributes, columns: columns)
    (self.policy, self.limit) = (policy, limit)
    (self.id, self.rows, self.parse) = (id, rows, parse)
  }

  /// Returns the next record, `nil` at the end.
  ///
  /// - Throws: `DataError` where reading fails or for the first problem refused, or what the limit throws.
  package func next() throws -> Record? {
    while true {
      while let fields = waiting.popLast() {
        guard let record = try counting({ try make(fields) }) else { continue }
        report.countKept(1)
        return record
      }
      guard let row = try source.next() else { return nil }
      line = row.line
      let found = try counting {
        try rows(
          try RowFields(
            try row.value.get(),
            index: row.index,
            spellsNumbers: row.spellsNumbers
          )
        )
      }
      waiting = (found ?? []).reversed()
    }
  }

  private func make(_ fields: RowFields) throws -> Record {
    let (record, isCut) = try fitted(try parse(fields), limit)
    if let id {
      guard seen.insert(id(record)).inserted else {
        throw RowFault(kind: .duplicateID, detail: "the id '\(id(record))' was used before")
      }
    }
    if isCut { report.countCut() }
    return record
  }

  /// What becomes of a row; `nil` is a counted problem.
  private func counting<Value>(_ make: () throws -> Value) throws -> Value? {
    do {
      return try make()
    } catch let fault as RowFault {
      let problem = RowProblem(kind: fault.kind, file: file, line: line, detail: fault.detail)
      guard policy.action(for: fault.kind) == .skip else {
        throw DataError.refused(problem: problem)
      }
      report.countRow()
      report.add(problem)
      return nil
    }
  }
}

/// A record that keeps a limit, shortened where that is wanted.
///
/// - Throws: `RowFault` where it is too long.
private func fitted<Record>(
  _ record: Record,
  _ limit: TokenLimit<Record>?
) throws -> (record: Record, isCut: Bool) {
  guard let limit else { return (record, false) }
  if let shorten = limit.shorten, try limit.measured(record) > limit.maximumTokens,
    let shorter = try shorten(record)
  {
    return (shorter, true)
  }
  try limit.checked(record)
  return (record, false)
}
