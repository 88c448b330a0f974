/// What critiques are written of: a response, or the two of a pair.
package enum JudgedRecord: Hashable, Sendable {
  /// A response to score.
  case response(ResponseRecord)
  /// A pair.
  case pair(PreferencePair)

  /// The file's own id, or the 0-based row where it has none.
  package var id: String {
    switch self {
    case .response(let response): response.id
    case .pair(let pair): pair.id
    }
  }
}

/// Reads responses or pairs from JSON Lines, plain or gzip, whichever a file holds.
package struct JudgedReader: Sendable {
  /// What rows hold.
  package enum Shape: Sendable {
    /// A response each.
    case responses
    /// A pair each.
    case pairs
    /// What the first row holds: a pair where it has `chosen`.
    case asFirstRow
  }

  /// What rows hold.
  package var shape: Shape
  /// What to do about rows with problems.
  package var policy: ReadPolicy
  /// A length limit, if any.
  package var limit: TokenLimit<JudgedRecord>?

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - shape: What rows hold.
  ///   - policy: What to do about rows with problems; by default the first one is an error.
  ///   - limit: A length limit, if any.
  package init(
    _ shape: Shape,
    policy: ReadPolicy = .strict,
    limit: TokenLimit<JudgedRecord>? = nil
  ) {
    self.shape = shape
    self.policy = policy
    self.limit = limit
  }

  /// Reads all records of a file.
  ///
  /// - Parameter path: The file, or `-` for standard input.
  /// - Returns: The records in the file's order, and what became of each row.
  /// - Throws: `DataError` for a file that cannot be read, or for the first problem refused.
  package func read(_ path: String) throws -> (records: [JudgedRecord], report: ReadReport) {
    var records: [JudgedRecord] = []
    var shape = shape
    let report = try readRecords(
      path,
      policy: policy,
      limit: limit,
      id: \.id,
      parse: { (fields) throws(RowFault) -> JudgedRecord in
        if case .asFirstRow = shape {
          shape = fields.value("chosen") == nil ? .responses : .pairs
        }
        if case .pairs = shape { return .pair(try PreferencePair(fields)) }
        return .response(try ResponseRecord(fields))
      }
    ) { records.append($0) }
    return (records, report)
  }
}
