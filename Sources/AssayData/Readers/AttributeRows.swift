// Rows of one response each with ratings of its attributes, neighbours answering one prompt, as HelpSteer's
// files have them: joined to rows of several rated responses.

import AssayBase

/// Reads rows, and joins neighbours that rate responses to one prompt by attributes.
struct AttributeRows {
  private let source: RowSource
  private let weights: [String: Double]
  private let prompt: String
  private let response: String
  private var waiting: Row?

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - source: The rows.
  ///   - weights: What each attribute counts; a row without the first of them by name is left as it is. None
  ///     joins nothing.
  ///   - columns: What the file calls a key, by what it is called here.
  init(_ source: RowSource, weights: [String: Double], columns: [String: String]) {
    self.source = source
    self.weights = weights
    prompt = columns["prompt"] ?? "prompt"
    response = columns["response"] ?? "response"
  }

  /// Returns the next row, joined with its neighbours; `nil` at the end.
  ///
  /// - Throws: `DataError` where reading fails.
  mutating func next() throws -> Row? {
    guard let first = try take() else { return nil }
    guard let asked = rated(first) else { return first }
    var found = [asked]
    while let row = try take() {
      guard let other = rated(row), other.prompt == asked.prompt else {
        waiting = row
        break
      }
      found.append(other)
    }
    var joined = first
    joined.value = .success(
      .object([
        JSONMember(prompt, asked.prompt),
        JSONMember("responses", .array(found.map(\.response))),
        JSONMember("ratings", .array(found.map { .number("\($0.rating)") })),
      ])
    )
    return joined
  }

  private mutating func take() throws -> Row? {
    defer { waiting = nil }
    return try waiting ?? source.next()
  }

  /// The parts of a row with attributes; `nil` where it is another one.
  private func rated(
    _ row: Row
  ) -> (prompt: JSONValue, response: JSONValue, rating: Double)? {
    guard !weights.isEmpty, case .success(let value) = row.value, let asked = value[prompt],
      let answer = value[response]
    else { return nil }
    var rating = 0.0
    for (name, weight) in weights {
      guard let number = value[name]?.double, number.isFinite else { return nil }
      rating += weight * number
    }
    return (asked, answer, rating)
  }
}
