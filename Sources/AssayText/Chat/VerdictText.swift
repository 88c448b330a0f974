import Foundation

/// A text as verdicts are read in it: its characters, each spelt plainly, and where they stand.
///
/// Full-width letters and brackets, bold and circled letters and look-alikes of other scripts are
/// what they stand for; Markdown's backslash before a bracket and spaces within a double bracket are left out.
struct VerdictText {
  /// The characters, spelt plainly.
  private(set) var characters: [Character] = []
  private var places: [String.Index] = []

  /// Makes one.
  init(_ text: String) {
    for place in text.indices { append(Self.plain(text[place]), at: place) }
  }

  /// Where a character stands in the text itself.
  func place(_ index: Int) -> String.Index { places[index] }

  /// Some of the characters.
  func string(_ range: Range<Int>) -> String { String(characters[range]) }

  /// Where a sequence of characters begins.
  func starts(of pattern: String) -> [Int] {
    let pattern = Array(pattern)
    guard characters.count >= pattern.count, let first = pattern.first else { return [] }
    return (0...(characters.count - pattern.count)).filter {
      characters[$0] == first && characters[$0..<($0 + pattern.count)].elementsEqual(pattern)
    }
  }

  private mutating func append(_ character: Character, at place: String.Index) {
    var place = place
    if "[]*_".contains(character), characters.last == "\\" { place = removeLast() }
    if character == "[" || character == "]" {
      let spaces = characters.reversed().prefix { $0 == " " }.count
      if spaces > 0, characters.dropLast(spaces).last == character {
        for _ in 0..<spaces { removeLast() }
      }
    }
    characters.append(character)
    places.append(place)
  }

  @discardableResult
  private mutating func removeLast() -> String.Index {
    characters.removeLast()
    return places.removeLast()
  }

  /// Letters and marks of other scripts that stand for these.
  private static let others: [Character: Character] = [
    "\u{3010}": "[", "\u{3011}": "]", "\u{3014}": "[", "\u{3015}": "]", "\u{300C}": "[",
    "\u{300D}": "]", "\u{300E}": "[", "\u{300F}": "]", "\u{201C}": "\"", "\u{201D}": "\"",
    "\u{2018}": "'", "\u{2019}": "'", "\u{3002}": ".", "\u{3000}": " ", "\u{A0}": " ",
    "\u{2192}": ">", "\u{21D2}": ">", "\u{410}": "A", "\u{412}": "B", "\u{391}": "A",
    "\u{392}": "B",
  ]

  private static func plain(_ character: Character) -> Character {
    if character.isASCII { return character }
    if let other = others[character] { return other }
    // Full-width, bold, circled and other forms of one letter or mark.
    let simple = String(character).precomposedStringWithCompatibilityMapping
    guard simple.count == 1, let first = simple.first, first.isASCII else { return character }
    return first
  }
}
