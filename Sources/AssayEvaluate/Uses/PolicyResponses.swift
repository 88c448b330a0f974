// A policy's responses, and whether they are right.
import AssayData
import AssayGenerate
import AssayReward
import AssayRun
import AssayText

/// A policy's responses to one prompt, as `records.jsonl` of `bon` and `refine` has them.
package struct PolicyResponses: Codable, Equatable, Sendable {
  /// The prompt's id.
  package let id: String
  /// What the policy wrote.
  package let responses: [String]
  /// Which of them are right.
  package let right: [Bool]

  private init(id: String, responses: [String], right: [Bool]) {
    self.id = id
    self.responses = responses
    self.right = right
  }

  /// Checks responses.
  ///
  /// - Parameters:
  ///   - prompt: What was answered.
  ///   - responses: The answers.
  ///   - checker: What tells which are right.
  /// - Throws: `EvaluateError.uncheckedPrompt` where the checker knows nothing of the prompt.
  package init(
    _ prompt: PromptRecord,
    responses: [String],
    checker: ResponseChecker
  ) throws {
    id = prompt.id
    self.responses = responses
    right = try responses.map { response in
      guard let isRight = checker.isRight(response, id: prompt.id) else {
        throw EvaluateError.uncheckedPrompt(id: prompt.id)
      }
      return isRight
    }
  }

  /// Takes the responses that a row has, and its flags or else what a checker says.
  ///
  /// - Throws: `EvaluateError.uncheckedPrompt` where nothing tells which are right.
  package init(given prompt: PromptRecord, checker: ResponseChecker?) throws {
    let responses = prompt.responses ?? []
    if let right = prompt.right {
      self.init(id: prompt.id, responses: responses, right: right)
    } else if let checker {
      try self.init(prompt, responses: responses, checker: checker)
    } else {
      throw EvaluateError.uncheckedPrompt(id: prompt.id)
    }
  }
}

extension Stage {
  /// Writes texts for each item, a record an item, and goes on behind what is recorded.
  ///
  /// - Parameters:
  ///   - items: What texts are written for.
  ///   - writer: What writes.
  ///   - stretch: Items that are begun together.
  ///   - events: Hears of progress.
  ///   - requests: What is asked for an item, as many requests for each.
  ///   - record: The record of an item, from the texts for its requests, draw by draw.
  /// - Returns: All records, in the order of the items.
  /// - Throws: What writing and `record` throw.
  package func write<Item, Record: Codable & Sendable>(
    _ items: [Item],
    by writer: any Writer,
    stretch: Int = 256,
    events: @escaping RunEventHandler,
    requests: (Item) -> [WritingRequest],
    record: (_ index: Int, _ texts: [String]) throws -> Record
  ) async throws -> [Record] {
    try await map(items, stretch: stretch, events: events) { part, first, done in
      var own: [Written] = []
      var index = first
      let asked = part.map(requests)
      let counts = asked.map { $0.map(\.draws).reduce(0, +) }
      _ = try await writer.write(asked.flatMap(\.self)) { _, texts in
        own += texts
        guard own.count == counts[index - first] else { return }
        let tokens = own.map { $0.usage?.completion ?? 0 }.reduce(0, +)
        try done([try record(index, own.map(\.answer))], [], tokens)
        own = []
        index += 1
      }
    }
  }
}
