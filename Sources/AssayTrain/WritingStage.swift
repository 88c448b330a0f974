import AssayBase
import AssayGenerate
import AssayRun
import AssayText

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
    try await stage.map(items, stretch: stretch, events: events) { part, first, done in
      let asked = try part.map(requests)
      var place = 0
      var own: [[Written]] = []
      /// Records the items whose texts are all there.
      func advance() throws {
        while place < part.count, own.count == asked[place].count {
          let tokens = own.joined().map { $0.usage?.completion ?? 0 }.reduce(0, +)
          try done([try record(part[place], own)], [], tokens)
          place += 1
          own = []
        }
      }
      // The first items may have nothing to ask.
      try advance()
      do {
        _ = try await writer.write(asked.flatMap(\.self)) { _, written in
          own.append(written)
          try advance()
        }
      } catch let error as WritingError {
        let items = asked.enumerated().flatMap { index, own in own.map { _ in first + index } }
        throw error.naming { items[$0] }
      }
    }
  }
}

extension WritingError {
  /// The same of an item, by the index of the request.
  fileprivate func naming(_ item: (Int) -> Int) -> WritingError {
    switch self {
    case .rendered(let request): .rendered(request: item(request))
    case .empty(let request): .empty(request: item(request))
    case .tooLong(let request, let tokens, let maximum):
      .tooLong(request: item(request), tokens: tokens, maximum: maximum)
    }
  }
}
