import Foundation

/// A regular expression as tokenizer files spell it, which is Oniguruma's way, for Foundation's engine.
///
/// What they read differently: white space (ICU's lacks U+000B and U+0085); `{n,m}+`, a repetition of the
/// repetition there and possessive in ICU; `{n}?` and `{,m}`; `\h`; a brace that is no interval; `\w`, `\b`
/// and `\p{Word}`; `[[:word:]]` and `[[:punct:]]`; and `^`, `$` and `.`, which know lines by the newline
/// alone.
///
/// Source: `doc/RE` of kkos/oniguruma (Ruby syntax); word characters and punctuation as `tokenizers` 0.23.3
/// matches each character.
struct SplitExpression {
  /// Latin's small numbers are of words in Oniguruma, joiners are not.
  private static let word = "[\\w\\u00B2\\u00B3\\u00B9\\u00BC-\\u00BE]--[\\u200C\\u200D]"
  /// The same within a character class, where these numbers are of no words.
  private static let wordInClass = "[\\w]--[\\u200C\\u200D]"

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
    case "w": result += Self.wordClass(isInClass: isInClass)
    case "W": result += Self.wordClass(isInClass: isInClass, isNegated: true)
    case "b" where isInClass: result += "\\u0008"
    case "b", "B": boundary(isNegated: letter == "B")
    case "h": result += isInClass ? "0-9a-fA-F" : "[0-9a-fA-F]"
    case "p", "P", "x":
      result += ["\\", letter]
      guard rest.first == "{", let end = rest.firstIndex(of: "}") else { return }
      if letter != "x", let isNegated = Self.negation(ofWord: rest[..<end].dropFirst()) {
        result.removeLast(2)
        result += Self.wordClass(isInClass: isInClass, isNegated: isNegated != (letter == "P"))
      } else {
        result += rest[...end]
      }
      rest = rest[(end + 1)...]
    default: result += ["\\", letter]
    }
  }

  /// The class of word characters.
  private static func wordClass(isInClass: Bool, isNegated: Bool = false) -> String {
    "[\(isNegated ? "^" : "")\(isInClass ? wordInClass : word)]"
  }

  /// Whether the name of a property is `^Word` rather than `Word`; `nil` where it is another.
  private static func negation(ofWord name: ArraySlice<Character>) -> Bool? {
    let isNegated = name.first == "^"
    let letters = (isNegated ? name.dropFirst() : name).filter { !" _-".contains($0) }
    return String(letters).lowercased() == "word" ? isNegated : nil
  }

  /// Writes a place between a word character and another or the text's end, which in ICU passes over
  /// marks and joiners.
  private mutating func boundary(isNegated: Bool) {
    let word = Self.wordClass(isInClass: false)
    let (first, second) = isNegated ? ("=", "!") : ("!", "=")
    result += "(?:(?<=\(word))(?\(first)\(word))|(?<!\(word))(?\(second)\(word)))"
  }

  /// Takes what is left of a bracket such as `[:word:]` that ICU reads differently, and writes the class.
  private mutating func bracket() -> Bool {
    for (name, members) in [("word", Self.wordInClass), ("punct", "\\p{P}\\p{S}")] {
      for caret in ["", "^"] where rest.starts(with: ":\(caret)\(name):]") {
        rest = rest.dropFirst(name.count + caret.count + 3)
        result += "[\(caret)\(members)]"
        return true
      }
    }
    return false
  }

  private mutating func characterClass() {
    result.append("[")
    if rest.first == "^", let caret = rest.popFirst() { result.append(caret) }
    // A bracket such as `[:word:]` is one within a class only.
    if rest.first == ":" {
      rest.removeFirst()
      result += "\\u003A"
    }
    var depth = 1
    while depth > 0, let character = rest.popFirst() {
      switch character {
      case "\\": escape(isInClass: true)
      case "[":
        if bracket() { continue }
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
