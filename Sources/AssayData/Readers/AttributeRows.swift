// Rows of one response each with ratings of its attributes, neighbours answering one prompt, as HelpSteer's
// files have them: joined to rows of several rated responses.

import AssayBase

/// Reads rows under the names of their keys here, and joins neighbours that rate responses to one prompt by
/// attributes.
struct AttributeRows {
  /// What two sums of one size may differ by and be the same number, as a share of their addends.
  private static let rounding = 1e-9

  private let source: RowSource
  /// In the order of names, so that sums are the same every time.
  private let weights: [(name: String, weight: Double)]
  private let columns: [String: String]
  private var waiting: Row?

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - source: The rows.
  ///   - weights: What each attribute counts; a row that lacks one of them is left as it is. None joins
  ///     nothing.
  ///   - columns: What the file calls a key, by what it is called here.
  init(_ source: RowSource, weights: [String: Double], columns: [String: String]) {
    self.source = source
    self.weights = weights.sorted { $0.key < $1.key }.map { (name: $0.key, weight: $0.value) }
    self.columns = columns
  }

  /// A response, and the sum of its attributes.
  private struct Rated {
    let prompt: JSONValue
    let response: JSONValue
    let rating: Double
    /// The sum of the addends' sizes.
    let size: Double
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
    joined.value = first.value.map { value in
      .object(
        [
          JSONMember("prompt", asked.prompt),
          JSONMember("responses", .array(found.map(\.response))),
          JSONMember("ratings", .array(Self.ratings(found).map { .number("\($0)") })),
        ] + (value["subset"].map { [JSONMember("subset", $0)] } ?? [])
      )
    }
    return joined
  }

  private mutating func take() throws -> Row? {
    if let row = waiting {
      waiting = nil
      return row
    }
    guard var row = try source.next() else { return nil }
    row.value = row.value.flatMap { RowFields.renamed($0, columns) }
    return row
  }

  /// The parts of a row with attributes; `nil` where it is another one.
  private func rated(_ row: Row) -> Rated? {
    guard !weights.isEmpty, case .success(let value) = row.value, let asked = value["prompt"],
      let answer = value["response"]
    else { return nil }
    var (rating, size) = (0.0, 0.0)
    for (name, weight) in weights {
      guard let number = value[name]?.numeric(spelt: row.spellsNumbers) else { return nil }
      rating += weight * number
      size += abs(weight * number)
    }
    guard size.isFinite else { return nil }
    return Rated(prompt: asked, response: answer, rating: rating, size: size)
  }

  /// The sums, of which those that differ by rounding alone are made equal: they are a tie.
  private static func ratings(_ found: [Rated]) -> [Double] {
    let least = rounding * (found.map(\.size).max() ?? 0)
    var ratings = found.map(\.rating)
    let order = ratings.indices.sorted { found[$0].rating < found[$1].rating }
    for (lower, upper) in zip(order, order.dropFirst())
    where ratings[upper] - ratings[lower] <= least {
      ratings[upper] = ratings[lower]
    }
    return ratings
  }
}
