/// The number that a worked solution comes to.
enum FinalNumber {
  /// Reads it: behind the last `####`, else in the last `\boxed{}`, else the last number of the text.
  ///
  /// Numbers are spelt in digits, with thousands separators, decimals, a currency and a minus, as
  /// `-$1,250.50`. Words are none, as in "18 for one week".
  ///
  /// - Parameter text: The solution.
  /// - Returns: The number; `nil` where there is none.
  static func value(of text: String) -> ExactNumber? {
    if let mark = text.ranges(of: "####").last {
      let rest = Array(text[mark.upperBound...].drop { $0.isWhitespace })
      let numbers = numbers(in: rest)
      // What does not begin with its number, as "Step 3" or "3. Sum", is a heading.
      guard let first = numbers.first, first.range.lowerBound == 0,
        !rest[first.range.upperBound...].starts(with: ". ")
      else { return numbers.last?.value }
      return first.value
    }
    if let mark = text.ranges(of: #"\boxed{"#).last {
      var depth = 1
      let content = text[mark.upperBound...].prefix { character in
        depth += character == "{" ? 1 : character == "}" ? -1 : 0
        return depth > 0
      }
      return numbers(in: Array(content)).last?.value
    }
    return numbers(in: Array(text)).last?.value
  }

  /// The numbers of a text, with the places that they take.
  private static func numbers(
    in characters: [Character]
  ) -> [(range: Range<Int>, value: ExactNumber)] {
    var numbers: [(range: Range<Int>, value: ExactNumber)] = []
    var index = 0
    while index < characters.count {
      guard let spelling = GSM8KNumberSpelling(in: characters, at: index) else {
        index += 1
        continue
      }
      let (start, isNegative) = beginning(index, in: characters)
      index += spelling.length
      let value: ExactNumber? = isNegative ? spelling.value.negated : spelling.value
      if let value { numbers.append((range: start..<index, value: value)) }
    }
    return numbers
  }

  /// Where the currency and the minus before a number's digits begin, and whether there is a minus.
  private static func beginning(
    _ digits: Int,
    in characters: [Character]
  ) -> (start: Int, isNegative: Bool) {
    var (start, isNegative) = (digits, false)
    while start > 0 {
      let before = characters[start - 1]
      if before.isCurrencySymbol {
        start -= 1
        // LaTeX's spelling of a dollar.
        if start > 0, characters[start - 1] == "\\" { start -= 1 }
      } else if before == "-" || before == "\u{2212}", !isNegative,
        start == 1 || !isOperand(characters[start - 2])
      {
        start -= 1
        isNegative = true
      } else {
        break
      }
    }
    return (start, isNegative)
  }

  /// Whether a minus behind a character subtracts or joins, as in "20-2" and "top-18".
  private static func isOperand(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || ")]}%-".contains(character)
  }
}
