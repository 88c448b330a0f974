import AssayBase
import AssayGenerate
import AssayModel
import AssayRun
import AssayTensor
import AssayText

extension Stage {
  /// The way to a model that writes for this stage: each text is on the disk as soon as it is finished.
  ///
  /// Behind an interruption only texts that were not finished are written again.
  ///
  /// - Parameters:
  ///   - model: The model, whose weights must not change.
  ///   - writer: What tells its texts from those of another model of the stage.
  ///   - events: Hears of tokens as they are written.
  /// - Returns: The way to it.
  /// - Throws: `TextError` where the template does not fit the vocabulary, or `FileError`.
  package func port(
    _ model: Model,
    writer: String? = nil,
    events: @escaping RunEventHandler
  ) throws -> LocalPort {
    let port = try LocalPort(model)
    port.onTokens = { events(.tokens(count: $0, left: nil)) }
    let files = texts(of: writer)
    port.kept = try KeptTexts(
      files.own,
      context: digest + (writer ?? ""),
      beside: files.others
    )
    return port
  }

  /// The way to a model that gives preferences in this stage, and keeps the texts that come before them.
  ///
  /// A reward that is read behind a text depends on the texts beside it, in its last bits, but where sums are
  /// taken in one order: they are then. On other devices rewards have no texts kept, and letters never.
  ///
  /// - Parameters:
  ///   - model: The model, whose weights must not change.
  ///   - preference: How it gives preferences.
  ///   - events: Hears of tokens as they are written.
  /// - Returns: The way to it.
  /// - Throws: As `port(_:writer:events:)`.
  package func port(
    rating model: Model,
    by preference: Preference,
    events: @escaping RunEventHandler
  ) throws -> LocalPort {
    let sumsInOrder = preference.writesCritiques && model.decoder.device.hasKernels
    if sumsInOrder { model.decoder.execution.isBatchInvariant = true }
    guard sumsInOrder || preference.reasons else { return try LocalPort(model) }
    return try port(model, events: events)
  }

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
      // What was worked on before is in records, whichever process keeps them.
      try writer.forgetKept()
      let asked = try part.map(requests)
      let most = asked.joined().map { $0.draws * $0.settings.maximumTokens }.reduce(0, +)
      events(.tokens(count: 0, left: most * (items.count - first) / part.count))
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
