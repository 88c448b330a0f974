import AssayBase
import AssayText

extension PairReader {
  /// Reads pairs that may have no label.
  ///
  /// Beside the shapes of `read`, a row may have `responses`, a list of two, or `response_a` and
  /// `response_b`. The first of them is then called chosen, which says nothing of it.
  ///
  /// - Parameter path: The file, or `-` for standard input.
  /// - Returns: The pairs in the file's order, whether all rows name a chosen response, and what
  ///   became of each row.
  /// - Throws: As `read`.
  package func readUnlabelled(
    _ path: String
  ) throws -> (pairs: [PreferencePair], isLabelled: Bool, report: ReadReport) {
    var pairs: [PreferencePair] = []
    var isLabelled = true
    let report = try readRecords(
      path,
      policy: policy,
      limit: limit,
      columns: columns,
      id: \.id,
      rows: rows,
      parse: { (fields) throws(RowFault) -> PreferencePair in
        guard let labelled = try fields.named() else { return try PreferencePair(fields) }
        isLabelled = false
        return try PreferencePair(labelled)
      }
    ) { pairs.append($0) }
    return (pairs, isLabelled, report)
  }
}

extension RowFields {
  /// The row with its first response called chosen; `nil` where it names a chosen one itself.
  func named() throws(RowFault) -> RowFields? {
    let responses: [JSONValue]
    if value("chosen") != nil || value("rejected") != nil {
      return nil
    } else if let list = value("responses") {
      guard let values = list.array, values.count == 2 else {
        throw Self.wrongType("responses", "a list of two responses", list)
      }
      responses = values
    } else if value("response_a") != nil || value("response_b") != nil {
      responses = [try required("response_a"), try required("response_b")]
    } else {
      return nil
    }
    let names = ["chosen", "rejected", "responses", "response_a", "response_b"]
    let rest = (row.members ?? []).filter { !names.contains($0.key) }
    return try RowFields(
      .object(
        rest + [JSONMember("chosen", responses[0]), JSONMember("rejected", responses[1])]
      ),
      index: index,
      spellsNumbers: spellsNumbers
    )
  }
}
