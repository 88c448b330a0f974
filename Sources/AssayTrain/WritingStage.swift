import AssayEvaluate
import AssayGenerate
import AssayRun

/// Has texts written for a list of items, a record an item, and goes on behind what is recorded.
///
/// Who writes, a model here or one at an endpoint, was decided where the writer was made.
package struct WritingStage<Record: Codable & Sendable> {
  let stage: Stage
  let writer: any Writer
  let events: RunEventHandler
  /// Items that are asked for together; what is finished is recorded before the others are.
  let stretch: Int

  /// Makes a stage of writing.
  package init(
    stage: Stage,
    writer: any Writer,
    events: @escaping RunEventHandler,
    stretch: Int = 512
  ) {
    self.stage = stage
    self.writer = writer
    self.events = events
    self.stretch = stretch
  }

  /// Writes what is missing.
  ///
  /// - Parameters:
  ///   - items: All items.
  ///   - requests: What is asked for an item; there may be nothing.
  ///   - record: The record of an item, from the texts of each of its requests.
  /// - Returns: All records, in the order of the items.
  /// - Throws: `WritingError` by the index of the item, what writing or recording throws, or
  ///   `Interrupted`; what was recorded stays.
  package nonisolated(nonsending) func run<Item>(
    _ items: [Item],
    requests: (Item) throws -> [WritingRequest],
    record: (Item, [[Written]]) throws -> Record
  ) async throws -> [Record] {
    try await stage.write(
      items,
      by: writer,
      stretch: stretch,
      events: events,
      requests: requests
    ) { try record(items[$0], $1) }
  }
}
