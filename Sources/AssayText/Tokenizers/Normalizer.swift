import Foundation

/// The chain that rewrites text before it is cut into words.
///
/// Source: `normalizers` of huggingface/tokenizers.
struct Normalizer: Sendable {
  enum Step: Sendable {
    case composed
    case decomposed
    case compatibilityComposed
    case compatibilityDecomposed
    case lowercased
    case withoutAccents
    case bert(BertCleaning)
    case stripped(left: Bool, right: Bool)
    case prepended([UInt8])
    case replaced(PreTokenizer.Matcher, by: [UInt8])
    case withoutControls
    case mapped(CharacterMap)
  }

  var steps: [Step] = []

  /// Whether texts without any byte from 0xCC on stay as they are: below U+0300 every text is composed.
  private let isComposing: Bool

  init(steps: [Step]) {
    self.steps = steps
    isComposing = steps.allSatisfy { if case .composed = $0 { true } else { false } }
  }

  /// Calls a body with the normalised bytes of a text.
  func withNormalized(
    _ text: UnsafeBufferPointer<UInt8>,
    _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    if steps.isEmpty || isComposing && !text.contains(where: { $0 >= 0xCC }) { return body(text) }
    normalized(Array(text)).withUnsafeBufferPointer(body)
  }

  /// Returns the normalised bytes of a text.
  func normalized(_ text: [UInt8]) -> [UInt8] {
    steps.reduce(text) { text, step in Self.apply(step, to: text) }
  }

  private static func apply(_ step: Step, to text: [UInt8]) -> [UInt8] {
    func changed(_ change: (String) -> String) -> [UInt8] {
      Array(change(String(decoding: text, as: UTF8.self)).utf8)
    }
    func changed(_ change: (Unicode.Scalar) -> String.UnicodeScalarView) -> [UInt8] {
      changed { String(scalars: $0.unicodeScalars.lazy.flatMap(change)) }
    }
    switch step {
    case .composed: return changed { $0.composedCanonically }
    case .decomposed: return changed { $0.decomposedCanonically }
    case .compatibilityComposed:
      return changed { $0.withoutCompatibilityCharacters.composedCanonically }
    case .compatibilityDecomposed:
      return changed { $0.withoutCompatibilityCharacters.decomposedCanonically }
    case .lowercased: return changed { $0.properties.lowercaseMapping.unicodeScalars }
    case .withoutAccents:
      return changed { $0.isMark ? String.UnicodeScalarView() : .init(CollectionOfOne($0)) }
    case .bert(let cleaning): return changed { cleaning.clean($0) }
    case .stripped(let left, let right): return stripped(text, left: left, right: right)
    case .prepended(let prefix): return text.isEmpty ? text : prefix + text
    case .replaced(let matcher, let content): return matcher.replacing(in: text, by: content)
    case .withoutControls: return changed { Self.withoutControls($0) }
    case .mapped(let map): return map.map(text)
    }
  }

  private static func stripped(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8] {
    text.withUnsafeBufferPointer { text in
      let reader = ScalarReader(text)
      var end = text.count
      while right, end > 0 {
        let before = reader.startOfScalar(before: end)
        guard reader.scalar(at: before, end: end).bits & ScalarClass.space != 0 else { break }
        end = before
      }
      let start = left ? reader.run(of: ScalarClass.space, from: 0, end: end) : 0
      return Array(text[start..<end])
    }
  }

  /// Control characters left out, other kinds of spaces made spaces.
  ///
  /// Source: `Nmt` of huggingface/tokenizers.
  private static func withoutControls(_ scalar: Unicode.Scalar) -> String.UnicodeScalarView {
    switch scalar.value {
    case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: return .init()
    case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
      return .init(CollectionOfOne(" "))
    default: return .init(CollectionOfOne(scalar))
    }
  }
}

/// What BERT does to a text.
///
/// Source: `BertNormalizer` of huggingface/tokenizers.
struct BertCleaning: Sendable {
  var cleansText: Bool
  var separatesChinese: Bool
  var stripsAccents: Bool
  var lowercases: Bool

  func clean(_ text: String) -> String {
    var text = text
    if cleansText { text = String(scalars: text.unicodeScalars.lazy.compactMap(Self.cleaned)) }
    if separatesChinese {
      text = String(
        scalars: text.unicodeScalars.lazy.flatMap { scalar -> [Unicode.Scalar] in
          Self.isChinese(scalar) ? [" ", scalar, " "] : [scalar]
        }
      )
    }
    if stripsAccents {
      text = String(
        scalars: text.decomposedCanonically.unicodeScalars.lazy.filter {
          !$0.isNonspacingMark
        }
      )
    }
    if lowercases {
      text = String(
        scalars: text.unicodeScalars.lazy.flatMap {
          $0.properties.lowercaseMapping.unicodeScalars
        }
      )
    }
    return text
  }

  private static func cleaned(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
    switch scalar {
    case "\t", "\n", "\r": return " "
    case "\0", "\u{FFFD}": return nil
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse:
      return scalar.isKnown(inUnicode: 8) ? nil : scalar
    default: return scalar.properties.isWhitespace ? " " : scalar
    }
  }

  private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
      0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}

extension Unicode.Scalar {
  /// Whether it is of general category M, as of Unicode 9.
  fileprivate var isMark: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark:
      isKnown(inUnicode: 9) && value != 0x111C9
    default: value == 0x1CF2 || value == 0x1CF3
    }
  }
}

extension PreTokenizer.Matcher {
  /// Returns a text with every match replaced.
  func replacing(in text: [UInt8], by content: [UInt8]) -> [UInt8] {
    text.withUnsafeBufferPointer { text in
      var result: [UInt8] = []
      result.reserveCapacity(text.count)
      for span in spans(in: text, 0..<text.count) {
        if span.isMatch {
          result += content
        } else {
          result.append(contentsOf: text[span.range])
        }
      }
      return result
    }
  }
}
