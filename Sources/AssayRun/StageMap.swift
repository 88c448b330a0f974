// The loop of every stage that makes a record of each item.
import AssayBase

/// Takes finished records of a stage's items, in their order.
///
/// - Parameters:
///   - records: What is finished; it is on the disk when the call returns.
///   - metrics: Figures of these records.
///   - tokens: Tokens that were read and written for them.
package typealias RecordSink<Record> = (
  _ records: [Record], _ metrics: [Metric], _ tokens: Int
) throws -> Void

extension Stage {
  /// Makes a record of every item, going on behind what is recorded.
  ///
  /// Interruption is looked for before every stretch and behind every record, so that what is finished
  /// stays and the next start goes on there.
  ///
  /// - Parameters:
  ///   - items: All items, of this start and of earlier ones.
  ///   - stretch: How many items are worked on together.
  ///   - events: Hears of the start and of every record.
  ///   - body: Works on neighbouring items, the first of which has the index that it is given, and
  ///     hands their records over as they are finished, in the order of the items.
  /// - Returns: A record an item.
  /// - Throws: `Interrupted`, `FileError`, or what `body` throws; what was handed over stays.
  package nonisolated(nonsending) func map<Item, Record: Codable & Sendable>(
    _ items: [Item],
    stretch: Int,
    events: @escaping RunEventHandler,
    _ body:
      nonisolated(nonsending) (_ part: [Item], _ first: Int, _ done: RecordSink<Record>)
      async throws -> Void
  ) async throws -> [Record] {
    precondition(stretch > 0, "a stretch of \(stretch) items")
    let log = try self.records(of: Record.self)
    var records = try log.records()
    events(
      .stageStarted(name: name, number: number, total: items.count, resumedAt: records.count)
    )
    while records.count < items.count {
      try Interruption.check()
      let first = records.count
      let part = Array(items[first..<min(first + stretch, items.count)])
      try await body(part, first) { finished, metrics, tokens in
        guard !finished.isEmpty else { return }
        try log.append(contentsOf: finished)
        records += finished
        events(.step(done: records.count, total: items.count, metrics: metrics, tokens: tokens))
        if records.count < items.count { try Interruption.check() }
      }
      precondition(
        records.count == first + part.count,
        "\(records.count - first) records of \(part.count) items"
      )
      try log.synchronize()
    }
    return records
  }
}
