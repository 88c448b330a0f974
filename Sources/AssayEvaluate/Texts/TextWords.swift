// The words of critiques, as features of a text.

/// Words of a text.
package enum TextWords {
  /// The words in order: lower case, a number as `#`, a verdict's mark as `[[a]]`.
  static func words(_ text: some StringProtocol) -> [String] {
    var words: [String] = []
    var word = ""
    var isNumber = true
    var brackets = 0
    func close() {
      if !word.isEmpty { words.append(brackets >= 2 ? "[[\(word)]]" : isNumber ? "#" : word) }
      (word, isNumber) = ("", true)
    }
    for character in text.lowercased() {
      if character.isLetter || character.isNumber {
        word.append(character)
        if !character.isNumber { isNumber = false }
      } else if character == "'" || character == "\u{2019}", !word.isEmpty {
        continue
      } else {
        close()
        brackets = character == "[" ? brackets + 1 : 0
      }
    }
    close()
    return words
  }

  /// The words, and each with the one behind it.
  static func features(_ words: [String]) -> [String] {
    words + zip(words, words.dropFirst()).map { $0 + " " + $1 }
  }

  /// Words that hold no content of their own.
  static let common: Set<String> = Set(
    """
    a an the of to in on at by for from with and or but so if then than as is are was were be been it \
    its this that these those he she they his her their them we i you your my our us not no do does did \
    has have had will would should could can may which who what how when where there here all also only
    """.split(whereSeparator: \.isWhitespace).map(String.init)
  )
}
