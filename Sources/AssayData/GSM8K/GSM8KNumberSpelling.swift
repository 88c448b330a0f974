/// A number as a text spells it.
package struct GSM8KNumberSpelling: Hashable, Sendable {
  package let text: String
  package let value: ExactNumber

  /// How many characters the number takes.
  package var length: Int { text.count }
  package var hasSeparator: Bool { text.contains(",") }

  private var decimals: Int {
    text.firstIndex(of: ".").map { text.distance(from: $0, to: text.endIndex) - 1 } ?? 0
  }

  /// Reads a whole text as one number, possibly negative.
  package init?(_ text: String) {
    guard let value = ExactNumber(text) else { return nil }
    self.text = text
    self.value = value
  }

  /// Reads the number that starts at a place of a text; times, ordinals and names have none.
  package init?(in characters: [Character], at start: Int) {
    func isDigit(_ index: Int) -> Bool {
      guard characters.indices.contains(index), let byte = characters[index].asciiValue else {
        return false
      }
      return (0x30...0x39).contains(byte)
    }
    func isLetter(_ index: Int) -> Bool {
      characters.indices.contains(index) && characters[index].isLetter
    }
    guard isDigit(start) || (characters[start] == "." && isDigit(start + 1)) else { return nil }
    if start > 0 {
      let before = characters[start - 1]
      let isSign = (before == "x" || before == "X") && !isLetter(start - 2)
      guard !isDigit(start - 1), !before.isLetter || isSign,
        !((before == ":" || before == ".") && isDigit(start - 2))
      else { return nil }
    }
    var end = start
    while isDigit(end) { end += 1 }
    if (1...3).contains(end - start) {
      while end < characters.count, characters[end] == ",", isDigit(end + 1), isDigit(end + 2),
        isDigit(end + 3), !isDigit(end + 4)
      {
        end += 4
      }
    }
    if end < characters.count, characters[end] == ".", isDigit(end + 1) {
      end += 1
      while isDigit(end) { end += 1 }
    }
    if end < characters.count, characters[end] == ":", isDigit(end + 1) { return nil }
    let suffix = String(characters[end..<min(end + 2, characters.count)]).lowercased()
    guard !["st", "nd", "rd", "th"].contains(suffix) || isLetter(end + 2) else { return nil }
    self.init(String(characters[start..<end]))
  }

  /// Spells another value in the same manner.
  ///
  /// - Returns: `nil` where the value would look out of place: not above 0, a fraction for a whole
  ///   number, or more decimals than two and than this number has.
  package func spelling(_ other: ExactNumber, separators: Bool) -> String? {
    guard other > ExactNumber(0), let needed = other.decimalCount,
      needed <= (value.isInteger ? 0 : max(2, decimals))
    else { return nil }
    // 18.50 and 18.00 are cents throughout; 0.25 may as well become 3.
    let isPadded = decimals > 0 && (text.hasSuffix("0") || (decimals == 2 && !other.isInteger))
    return other.text(
      decimals: isPadded ? decimals : 0,
      separators: hasSeparator || (separators && value < ExactNumber(1000))
    )
  }

  /// The values of all numbers in a text, in digits or in words, in order.
  package static func values(in text: String) -> [ExactNumber] {
    let characters = Array(text)
    var values: [ExactNumber] = []
    var word = ""
    var index = 0
    while index < characters.count {
      if let number = GSM8KNumberSpelling(in: characters, at: index) {
        values.append(number.value)
        index += number.length
        continue
      }
      if characters[index].isLetter { word.append(characters[index]) }
      index += 1
      if index == characters.count || !characters[index].isLetter {
        if let value = words[word.lowercased()] { values.append(ExactNumber(value)) }
        word = ""
      }
    }
    return values
  }

  private static let words: [String: Int] = [
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "eighteen": 18, "twenty": 20, "thirty": 30, "forty": 40,
    "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100, "half": 2, "twice": 2, "double": 2,
    "third": 3, "triple": 3, "thrice": 3, "quarter": 4, "dozen": 12, "week": 7, "year": 12,
    "day": 24, "hour": 60, "minute": 60,
  ]
}
