import AssayBase
import AssayText

/// A response with a rating.
package struct RatedResponse: Hashable, Sendable {
  /// The file's own id, or the 0-based row where it has none.
  package var id: String
  /// The conversation up to the response.
  package var prompt: [Message]
  /// The response.
  package var response: String
  /// Its rating, in the unit of the file.
  package var rating: Double

  /// Makes a rated response.
  package init(id: String, prompt: [Message], response: String, rating: Double) {
    self.id = id
    self.prompt = prompt
    self.response = response
    self.rating = rating
  }
}

/// Reads rated responses from JSON Lines, plain or gzip.
///
/// A row has a conversation as `ResponseReader` reads it, and a `rating`: a number, or an object of
/// named numbers, one of which is chosen.
package struct RatingReader: Sendable {
  /// The name of the rating, where rows have several.
  package var name: String?
  /// What to do about rows with problems.
  package var policy: ReadPolicy
  /// A length limit, if any.
  package var limit: TokenLimit<RatedResponse>?
  /// What the file calls a key, by what it is called here.
  package var columns: [String: String]

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - name: The name of the rating, where rows have several; `nil` where rows have one.
  ///   - policy: What to do about rows with problems; by default the first one is an error.
  ///   - limit: A length limit, if any.
  ///   - columns: What the file calls a key, by what it is called here.
  package init(
    name: String? = nil,
    policy: ReadPolicy = .strict,
    limit: TokenLimit<RatedResponse>? = nil,
    columns: [String: String] = [:]
  ) {
    self.name = name
    self.policy = policy
    self.limit = limit
    self.columns = columns
  }

  /// Reads all rated responses of a file.
  ///
  /// - Parameter path: The file, or `-` for standard input.
  /// - Returns: The responses in the file's order, and what became of each row.
  /// - Throws: `DataError` for a file that cannot be read, or for the first problem refused.
  package func read(_ path: String) throws -> (responses: [RatedResponse], report: ReadReport) {
    var responses: [RatedResponse] = []
    let parse = { (fields: RowFields) throws(RowFault) in
      try RatedResponse(fields, named: name)
    }
    let report = try readRecords(
      path,
      policy: policy,
      limit: limit,
      columns: columns,
      id: \.id,
      parse: parse
    ) { responses.append($0) }
    return (responses, report)
  }
}

extension RatedResponse {
  init(_ fields: RowFields, named name: String?) throws(RowFault) {
    let record = try ResponseRecord(fields, others: ["rating"])
    guard case .response(let prompt, let response) = record.content else {
      throw RowFault(
        kind: .wrongType,
        detail: "a rated response has 'prompt' and 'response', not a rendered 'text'"
      )
    }
    self.init(
      id: record.id,
      prompt: prompt,
      response: response,
      rating: try Self.rating(fields, named: name)
    )
  }

  private static func rating(
    _ fields: RowFields,
    named name: String?
  ) throws(RowFault) -> Double {
    let value = try fields.required("rating")
    guard let ratings = value.members else {
      guard name == nil else {
        throw RowFields.wrongType("rating", "an object of named ratings", value)
      }
      return try fields.number("rating") ?? 0
    }
    let known = ratings.map(\.key).joined(separator: ", ")
    guard let name else {
      throw RowFault(
        kind: .wrongType,
        detail: "'rating' has several ratings: name one of them (\(known))"
      )
    }
    guard let number = fields.double(value[name]), number.isFinite else {
      throw RowFault(kind: .missingKey, detail: "'rating' has no number '\(name)' (\(known))")
    }
    return number
  }
}
