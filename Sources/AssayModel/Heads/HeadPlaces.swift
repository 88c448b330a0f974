import AssayText

/// The places of a head, for a vocabulary.
package struct HeadPlaces: Sendable {
  /// The rule.
  package let position: HeadPosition
  /// The token that `position` names, where it names one.
  package let token: Int32?
  private let pattern: [Int32]?

  /// Makes one.
  ///
  /// - Parameters:
  ///   - descriptor: The head.
  ///   - tokenizer: What knows the spellings.
  /// - Throws: `HeadError.token` for a token that the vocabulary lacks.
  package init(_ descriptor: HeadDescriptor, tokenizer: any Tokenizer) throws {
    position = descriptor.position
    token =
      switch position {
      case .lastBut(let id), .before(let id), .appended(let id): id
      case .lastOf(let token), .each(let token): try Self.id(token, tokenizer)
      case .ends(let text): try Self.id(.spelling(text), tokenizer)
      case .first, .last, .next, .compared, .turns: nil
      }
    pattern = descriptor.gate?.pattern.map { tokenizer.encode($0) }
    if pattern?.isEmpty == true { throw HeadError.token(descriptor.gate?.pattern ?? "") }
  }

  private static func id(_ token: HeadToken, _ tokenizer: any Tokenizer) throws -> Int32 {
    switch token {
    case .id(let id): return id
    case .spelling(let text):
      if let id = tokenizer.id(of: text), tokenizer.isSpecial(id) { return id }
      guard let id = tokenizer.encode(text).last else { throw HeadError.token(text) }
      return id
    }
  }

  /// Finds the places of a text.
  ///
  /// - Parameter tokens: The text's tokens, at least one.
  /// - Returns: The tokens that are read, and the indices of those where hidden states are: the gate's
  ///   first where there is one, then the head's in order.
  /// - Throws: `HeadPlaceError` where a place is not there.
  package func find(in tokens: [Int32]) throws(HeadPlaceError) -> (
    tokens: [Int32], places: [Int]
  ) {
    var tokens = tokens
    if case .appended(let id) = position, tokens.last != id { tokens.append(id) }
    let places = try places(in: tokens)
    return (tokens, try gate(in: tokens) + places)
  }

  /// The places where a head that reads one token is to read a given one.
  ///
  /// - Parameters:
  ///   - tokens: The text's tokens.
  ///   - index: The token.
  /// - Returns: The gate's place where there is one, and the index.
  /// - Throws: `HeadPlaceError` where the gate's place is not there.
  package func places(in tokens: [Int32], at index: Int) throws(HeadPlaceError) -> [Int] {
    try gate(in: tokens) + [index]
  }

  /// The gate's place; none where there is no gate of its own place.
  private func gate(in tokens: [Int32]) throws(HeadPlaceError) -> [Int] {
    guard let pattern else { return [] }
    let starts = 0..<max(0, tokens.count - pattern.count + 1)
    guard let start = starts.last(where: { tokens[$0..<$0 + pattern.count].elementsEqual(pattern) })
    else {
      throw HeadPlaceError(
        description: "opens no assistant's turn behind a prompt, where this model's gate reads"
      )
    }
    return [start]
  }

  private func places(in tokens: [Int32]) throws(HeadPlaceError) -> [Int] {
    let last = tokens.count - 1
    switch position {
    case .first: return [0]
    case .last, .appended, .next: return [last]
    case .lastBut(let id): return [tokens.lastIndex { $0 != id } ?? last]
    case .before(let id):
      let first = tokens.firstIndex(of: id) ?? 0
      return [first == 0 ? last : first - 1]
    case .lastOf(let token):
      guard let place = tokens.lastIndex(where: { $0 == self.token }) else {
        throw HeadPlaceError(description: "has no token \(token), where this model's head reads")
      }
      return [place]
    case .compared(let ids):
      let found = [ids.source, ids.first, ids.second].compactMap { tokens.firstIndex(of: $0) }
      guard found.count == 3 else {
        throw HeadPlaceError(
          description: "has no tokens before a prompt and two responses, which this model compares"
        )
      }
      return found
    case .each(let token):
      let places = tokens.indices.filter { tokens[$0] == self.token }
      guard !places.isEmpty else {
        throw HeadPlaceError(
          description: "has no token \(token), which ends each step for this model's head"
        )
      }
      return places
    case .ends, .turns:
      throw HeadPlaceError(
        description: "is rendered already, and this model's head needs to know its steps: give "
          + "\"prompt\" and \"response\""
      )
    }
  }
}
