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

  /// Reads a word.
  package init(rawValue: String) {
    switch rawValue {
    case "stop": self = .stop
    case "length": self = .length
    case "stop_string": self = .stopString
    case "content_filter": self = .contentFilter
    default: self = .other(rawValue)
    }
  }

  /// The word for it.
  package var rawValue: String {
    switch self {
    case .stop: "stop"
    case .length: "length"
    case .stopString: "stop_string"
    case .contentFilter: "content_filter"
    case .other(let word): word
    }
  }

  /// Whether the text lacks its end.
  package var isCut: Bool { self == .length || self == .contentFilter }
}
