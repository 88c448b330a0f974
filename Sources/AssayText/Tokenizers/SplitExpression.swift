import Foundation

/// A regular expression as tokenizer files spell it, which is Oniguruma's way, for Foundation's engine.
///
/// What they read differently: white space (ICU's lacks U+000B and U+0085); `{n,m}+`, a repetition of the
/// repetition there and possessive in ICU; `{n}?` and `{,m}`; `\h`; a brace that is no interval; `\w`; and
/// `^`, `$` and `.`, which know lines by the newline alone.
///
/// Source: `doc/RE` of kkos/oniguruma (Ruby syntax).
struct SplitExpression {
  /// Latin's small numbers are of words in Oniguruma, joiners are not.
  private static let word = "[\\w\\u00B2\\u00B3\\u00B9\\u00BC-\\u00BE]--[\\u200C\\u200D]"

  private var result: [Character] = []
  /// Where the newest atom starts in the result.
  private var atomStart = 0
  private var groupStarts: [Int] = []
  private var rest: ArraySlice<Character>

  /// Makes Foundation's expression of a tokenizer file's.
  ///
  /// - Parameter pattern: The expression as the file spells it.
  /// - Returns: An expression that matches the same.
  /// - Throws: What Foundation throws where it is no expression.
  static func compile(_ pattern: String) throws -> NSRegularExpression {
    // By scalar: a combining mark behind a bracket would hide it.
    var translation = SplitExpression(rest: pattern.unicodeScalars.map { Character($0) }[...])
    translation.translate()
    return try NSRegularExpression(
      pattern: String(translation.result),
      options: [.anchorsMatchLines, .useUnixLineSeparators]
    )
  }

  private init(rest: ArraySlice<Character>) { self.rest = rest }

  private mutating func translate() {
    while let character = rest.popFirst() {
      switch character {
      case "\\":
        atomStart = result.count
        escape(isInClass: false)
      case "[":
        atomStart = result.count
        characterClass()
      case "(":
        groupStarts.append(result.count)
        result.append(character)
      case ")":
        atomStart = groupStarts.popLast() ?? result.count
        result.append(character)
      case "{":
        if let interval = interval() {
          repeatAtom(interval)
        } else {
          atomStart = result.count
          result += "\\{"
        }
      case "*", "+", "?": result.append(character)
      default:
        atomStart = result.count
        result.append(character)
      }
    }
  }

  private mutating func escape(isInClass: Bool) {
    guard let letter = rest.popFirst() else { return result.append("\\") }
    switch letter {
    case "s": result += "\\p{White_Space}"
    case "S": result += "\\P{White_Space}"
    case "w": result += "[\(Self.word)]"
    case "W": result += "[^\(Self.word)]"
    case "h": result += isInClass ? "0-9a-fA-F" : "[0-9a-fA-F]"
    case "p", "P", "x":
      result += ["\\", letter]
      guard rest.first == "{", let end = rest.firstIndex(of: "}") else { return }
      result += rest[...end]
      rest = rest[(end + 1)...]
    default: result += ["\\", letter]
    }
  }

  private mutating func characterClass() {
    result.append("[")
    if rest.first == "^", let caret = rest.popFirst() { result.append(caret) }
    var depth = 1
    while depth > 0, let character = rest.popFirst() {
      switch character {
      case "\\": escape(isInClass: true)
      case "[":
        depth += 1
        result.append(character)
      case "]":
        depth -= 1
        result.append(character)
      default: result.append(character)
      }
    }
  }

  /// Takes what is left of `{n}`, `{n,}`, `{,m}` or `{n,m}`, in ICU's spelling; `nil` where a brace is
  /// none of these.
  private mutating func interval() -> String? {
    guard let end = rest.firstIndex(of: "}") else { return nil }
    let bounds = rest[..<end].split(separator: ",", omittingEmptySubsequences: false)
    guard bounds.count <= 2, bounds.contains(where: { !$0.isEmpty }),
      bounds.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } })
    else { return nil }
    rest = rest[(end + 1)...]
    let low = bounds[0].isEmpty ? "0" : String(bounds[0])
    return bounds.count == 1 ? "{\(low)}" : "{\(low),\(String(bounds[1]))}"
  }

  /// Writes an interval behind the newest atom.
  private mutating func repeatAtom(_ interval: String) {
    let isFixed = !interval.contains(",")
    if rest.first == "+" || rest.first == "?" && isFixed {
      result.insert(contentsOf: "(?:", at: min(atomStart, result.count))
      result += interval + ")"
    } else {
      result += interval
    }
  }
}
