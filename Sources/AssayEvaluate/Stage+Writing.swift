import AssayBase
import AssayGenerate
import AssayRun
import AssayText

extension Stage {
  /// Lets a model write for every item, a record an item, going on behind what is recorded.
  ///
  /// The model may be here or at an endpoint: that is the writer's business.
  ///
  /// - Parameters:
  ///   - items: All items, of this start and of earlier ones.
  ///   - writer: What writes.
  ///   - stretch: How many items are worked on together.
  ///   - events: Hears of the start and of every record.
  ///   - requests: What is asked for an item; there may be nothing.
  ///   - record: The record of an item by its index, from the texts of each of its requests.
  /// - Returns: A record an item.
  /// - Throws: `WritingError` with the item's index as the request's, `Interrupted`, `FileError`, or
  ///   what the writer and the closures throw; what was recorded stays.
  package nonisolated(nonsending) func write<Item, Record: Codable & Sendable>(
    _ items: [Item],
    by writer: any Writer,
    stretch: Int = 512,
    events: @escaping RunEventHandler,
    requests: (Item) throws -> [WritingRequest],
    record: (Int, [[Written]]) throws -> Record
  ) async throws -> [Record] {
    try await map(items, stretch: stretch, isShared: writer.isHere, events: events) {
      part,
      first,
      done in
      let asked = try part.map(requests)
      let owners = asked.enumerated().flatMap { place, own in own.map { _ in first + place } }
      var place = 0
      var own: [[Written]] = []
      /// Records the items whose texts are all there.
      func handOver() throws {
        while place < part.count, own.count == asked[place].count {
          let (index, texts) = (first + place, own)
          (place, own) = (place + 1, [])
          let tokens = texts.joined().map { $0.usage?.completion ?? 0 }.reduce(0, +)
          try done([try record(index, texts)], [], tokens)
        }
      }
      // The first items may have nothing to ask.
      try handOver()
      do {
        _ = try await writer.write(asked.flatMap(\.self)) { _, texts in
          own.append(texts)
          try handOver()
        }
      } catch let error as WritingError {
        throw error.mapped { owners[$0] }
      }
    }
  }
}
