import AssayBase
import AssayGenerate
import AssayModel
import AssayRun
import Foundation

/// Samples texts for a list of items, a record an item, and goes on behind what is recorded.
package struct SamplingStage<Record: Codable & Sendable> {
  let stage: Stage
  let model: Model
  let events: RunEventHandler
  /// Items between two writes of records.
  let stretch: Int

  /// Makes a stage of sampling.
  package init(
    stage: Stage,
    model: Model,
    events: @escaping RunEventHandler,
    stretch: Int = 512
  ) {
    self.stage = stage
    self.model = model
    self.events = events
    self.stretch = stretch
  }

  /// Samples what is missing.
  ///
  /// - Parameters:
  ///   - count: How many items there are.
  ///   - requests: The requests of an item; they share what their prompts have in common.
  ///   - record: The record of an item, from what was generated for its requests.
  /// - Returns: All records, in the order of the items.
  /// - Throws: What generating or writing throws, or `Interrupted`.
  package func run(
    count: Int,
    requests: (Int) throws -> [GenerationRequest],
    record: (Int, [Generation]) throws -> Record
  ) async throws -> [Record] {
    let engine = GenerationEngine(model)
    return try await stage.map(Array(0..<count), stretch: stretch, events: events) {
      items,
      _,
      done in
      let asked = try items.map(requests)
      let written = try engine.run(asked.flatMap(\.self))
      var start = 0
      let part = try zip(items, asked).map { item, own in
        defer { start += own.count }
        return try record(item, Array(written[start..<start + own.count]))
      }
      try done(part, [], written.map { $0.tokens.count + 1 }.reduce(0, +))
    }
  }
}
