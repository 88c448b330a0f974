/// Why a text ended; records spell it as `rawValue` does.
package enum FinishReason: RawRepresentable, Codable, Hashable, Sendable {
  /// The model emitted a stop token or the closing token.
  case stop
  /// The request's maximum was reached.
  case length
  /// The text came to contain a stop string.
  case stopString
  /// An endpoint held the rest back.
  case contentFilter
  /// Another word of an endpoint's.
  case other(String)

  private static let words: [(FinishReason, String)] = [
    (.stop, "stop"), (.length, "length"), (.stopString, "stop_string"),
    (.contentFilter, "content_filter"),
  ]

  /// Reads a word.
  package init(rawValue: String) {
    self = Self.words.first { $0.1 == rawValue }?.0 ?? .other(rawValue)
  }

  /// The word for it.
  package var rawValue: String {
    if case .other(let word) = self { return word }
    return Self.words.first { $0.0 == self }?.1 ?? ""
  }

  /// Whether the text lacks its end.
  package var isCut: Bool { self == .length || self == .contentFilter }
}
