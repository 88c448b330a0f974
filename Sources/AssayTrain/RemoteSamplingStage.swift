import AssayBase
import AssayGenerate
import AssayRun
import AssayText
import Foundation

/// Asks for texts for a list of items, a record an item, and goes on behind what is recorded.
///
/// As `SamplingStage`, of a model elsewhere; see `OpenAIEndpoint` for what is asked again.
package struct RemoteSamplingStage<Record: Codable & Sendable> {
  let stage: Stage
  let generator: any ChatGenerator
  let events: RunEventHandler
  /// Items that are asked for together; the slowest holds up the next ones.
  let stretch: Int

  /// Makes a stage of sampling.
  package init(
    stage: Stage,
    generator: any ChatGenerator,
    events: @escaping RunEventHandler,
    stretch: Int = 256
  ) {
    precondition(stretch > 0, "stretch is \(stretch)")
    self.stage = stage
    self.generator = generator
    self.events = events
    self.stretch = stretch
  }

  /// Asks for what is missing.
  ///
  /// - Parameters:
  ///   - count: How many items there are.
  ///   - requests: The requests of an item; there may be none.
  ///   - record: The record of an item, from the answers to its requests.
  /// - Returns: All records, in the order of the items.
  /// - Throws: What asking or writing throws, or `Interrupted`; what was recorded stays.
  package func run(
    count: Int,
    requests: (Int) throws -> [ChatRequest],
    record: (Int, [ChatCompletion]) throws -> Record
  ) async throws -> [Record] {
    try await stage.map(Array(0..<count), stretch: stretch, events: events) { items, _, done in
      let asked = try items.map(requests)
      var (place, tokens) = (0, 0)
      var own: [ChatCompletion] = []
      /// Records the items whose answers are all there.
      func advance() throws {
        while place < items.count, own.count == asked[place].count {
          try done([try record(items[place], own)], [], tokens)
          place += 1
          (own, tokens) = ([], 0)
        }
      }
      // The first items may have nothing to ask.
      try advance()
      _ = try await generator.complete(asked.flatMap(\.self)) { _, completion in
        own.append(completion)
        tokens += completion.usage?.completion ?? 0
        try advance()
      }
    }
  }
}
