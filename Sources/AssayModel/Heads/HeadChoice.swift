import AssayText

/// What the user says is the score, where a folder does not: rows of the output embedding, or rows of a
/// head that has several.
///
/// `logit:A` or `logit:A-B` is a token's logit, perhaps less another's; `probability:A-B` that of A of the
/// two. `expected:1-5` is the mean of ratings from 1 to 5, as likely as their tokens, with their standard
/// deviation beside it. A token is an id or a text of one token. `@PLACE` behind it says where it is read:
/// `end` (the last token, where nothing is said), `next` (the opened assistant's turn) and, of a logit or a
/// probability, `turns` (each step a turn of the user, answered by A) or a token's spelling (each such
/// token). `row:I`, `row:I-J` and `softmax:I` choose
/// of a head's rows; `mean` is the mean of all, with their standard deviation beside it.
package enum HeadChoice: Equatable, Sendable {
  /// Tokens whose logits are read, what is made of them, and where.
  case vocabulary([String], HeadDescriptor.Reading, HeadPosition)
  /// Ratings whose tokens' logits are read, and where.
  ///
  /// Source: Liu et al. 2023 (arXiv:2303.16634) section 2.
  case ratings(ClosedRange<Int>, HeadPosition)
  /// What is made of the rows of the folder's own head.
  case rows(HeadDescriptor.Reading)

  /// Whether it is read from the output embedding, whatever head there is.
  var readsVocabulary: Bool {
    if case .rows = self { return false }
    return true
  }

  /// How the mean of all rows is spelt.
  static let mean = "mean"

  /// Reads a choice; `nil` where it is none.
  ///
  /// - Parameter text: As above.
  package init?(_ text: String) {
    if text == Self.mean {
      self = .rows(.mean)
      return
    }
    guard let colon = text.firstIndex(of: ":") else { return nil }
    let (kind, rest) = (text[..<colon], text[text.index(after: colon)...])
    switch kind {
    case "row", "softmax":
      let rows = rest.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      let known = rows.compactMap(\.self)
      guard known.count == rows.count, known.allSatisfy({ $0 >= 0 }) else { return nil }
      switch (kind, known.count) {
      case ("row", 1): self = .rows(.row(known[0]))
      case ("row", 2): self = .rows(.difference(known[0], known[1]))
      case ("softmax", 1): self = .rows(.softmax(known[0]))
      default: return nil
      }
    case "logit", "probability", "expected":
      let parts = rest.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
      let tokens = Self.pair(parts[0])
      guard let first = tokens.first, tokens.allSatisfy({ !$0.isEmpty }) else { return nil }
      let position: HeadPosition
      switch parts.count == 2 ? parts[1] : "end" {
      case "end": position = .last
      case "next": position = .next
      case "turns": position = .turns(answer: first)
      case "": return nil
      case let token: position = .each(.spelling(String(token)))
      }
      switch (kind, tokens.count) {
      case ("expected", 2):
        guard let low = Int(tokens[0]), let high = Int(tokens[1]), (0...99).contains(low),
          low < high, high <= 100, position == .last || position == .next
        else { return nil }
        self = .ratings(low...high, position)
      case ("logit", 1): self = .vocabulary(tokens, .row(0), position)
      case ("logit", 2): self = .vocabulary(tokens, .difference(0, 1), position)
      case ("probability", 2): self = .vocabulary(tokens, .softmax(0), position)
      default: return nil
      }
    default: return nil
    }
  }

  /// Two tokens with a dash between them, either of which may be a dash; or one.
  private static func pair(_ text: Substring) -> [String] {
    guard let dash = text.dropFirst().firstIndex(of: "-") else { return [String(text)] }
    return [String(text[..<dash]), String(text[text.index(after: dash)...])]
  }

  /// The descriptor of rows of the output embedding; `nil` of a choice of a head's rows.
  ///
  /// - Parameters:
  ///   - tokenizer: What knows the tokens.
  ///   - vocabularySize: Ids lie below it.
  /// - Returns: The descriptor.
  /// - Throws: `HeadError.token` for a text that is not one token of the vocabulary.
  package func descriptor(
    _ tokenizer: any Tokenizer,
    vocabularySize: Int
  ) throws -> HeadDescriptor? {
    let (tokens, reading, position): ([String], HeadDescriptor.Reading, HeadPosition)
    let areTexts: Bool
    switch self {
    case .vocabulary(let given, let of, let place):
      (tokens, reading, position, areTexts) = (given, of, place, false)
    case .ratings(let ratings, let place):
      (tokens, position, areTexts) = (ratings.map(String.init), place, true)
      reading = .expected(first: ratings.lowerBound)
    case .rows: return nil
    }
    let ids = try tokens.map { token in
      let id = areTexts ? nil : Int32(token)
      let ids = id.map { [$0] } ?? tokenizer.encode(token)
      guard ids.count == 1, (0..<vocabularySize).contains(Int(ids[0])) else {
        throw HeadError.token(token)
      }
      return ids[0]
    }
    return HeadDescriptor(
      layout: "logits",
      vocabulary: ids,
      position: position,
      reading: reading,
      needsLanguageModel: true
    )
  }
}

extension HeadDescriptor.Reading {
  /// The rows that it names.
  var rows: [Int] {
    switch self {
    case .row(let row), .softmax(let row): [row]
    case .difference(let first, let second): [first, second]
    case .sigmoid, .gated, .normals, .compared, .levels, .mean, .expected: [0]
    }
  }
}
