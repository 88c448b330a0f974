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
    let log = try stage.records(of: Record.self)
    var records = try log.records()
    let engine = GenerationEngine(model)
    events(
      .stageStarted(
        name: stage.name,
        number: stage.number,
        total: count,
        resumedAt: records.count
      )
    )
    while records.count < count {
      try Interruption.check()
      let items = records.count..<min(records.count + stretch, count)
      let asked = try items.map(requests)
      let written = try engine.run(asked.flatMap(\.self))
      var start = 0
      let part = try zip(items, asked).map { item, own in
        defer { start += own.count }
        return try record(item, Array(written[start..<start + own.count]))
      }
      try log.append(contentsOf: part)
      try log.synchronize()
      records += part
      let tokens = written.map { $0.tokens.count + 1 }.reduce(0, +)
      events(.step(done: records.count, total: count, metrics: [], tokens: tokens))
    }
    return records
  }
}
