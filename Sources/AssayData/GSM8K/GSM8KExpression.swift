/// An arithmetic expression as calculator marks have it: `+ - * /`, parentheses, `%`, decimals.
package struct GSM8KExpression: Hashable, Sendable {
  package enum Token: Hashable, Sendable {
    case number(ExactNumber)
    /// One of `+ - * /` between two operands.
    case operation(Character)
    case negation
    case percent
    case open
    case close
  }

  package private(set) var tokens: [Token]

  /// Reads an expression; `nil` for any other text.
  package init?(_ text: some StringProtocol) {
    let characters = Array(text.filter { $0 != " " })
    var tokens: [Token] = []
    var index = 0
    while index < characters.count {
      let character = characters[index]
      if character.isASCII, character.isNumber || character == "." {
        let end =
          characters[index...].firstIndex {
            !($0.isASCII && $0.isNumber) && $0 != "." && $0 != ","
          } ?? characters.count
        guard let value = ExactNumber(String(characters[index..<end])) else { return nil }
        tokens.append(.number(value))
        index = end
        continue
      }
      switch character {
      case "(": tokens.append(.open)
      case ")": tokens.append(.close)
      case "%": tokens.append(.percent)
      case "+", "*", "/": tokens.append(.operation(character))
      case "-": tokens.append(Self.endsOperand(tokens) ? .operation("-") : .negation)
      default: return nil
      }
      index += 1
    }
    self.tokens = tokens
    guard value != nil else { return nil }
  }

  private static func endsOperand(_ tokens: [Token]) -> Bool {
    switch tokens.last {
    case .number, .close, .percent: true
    default: false
    }
  }

  /// The numbers, from left to right.
  package var operands: [ExactNumber] {
    tokens.compactMap { if case .number(let value) = $0 { value } else { nil } }
  }

  /// The operations between two neighbouring numbers, by the index of the number before.
  package var operations: [Int: Character] {
    var result: [Int: Character] = [:]
    var operand = -1
    for (index, token) in tokens.enumerated() {
      guard case .number = token else { continue }
      operand += 1
      guard index + 2 < tokens.count, case .operation(let sign) = tokens[index + 1],
        case .number = tokens[index + 2]
      else { continue }
      result[operand] = sign
    }
    return result
  }

  /// Returns the expression with another number as its operand `index`.
  package func replacingOperand(_ index: Int, with value: ExactNumber) -> Self {
    var copy = self
    if let place = place(ofOperand: index) { copy.tokens[place] = .number(value) }
    return copy
  }

  /// Returns the expression with another operation behind its operand `index`.
  package func replacingOperation(after index: Int, with sign: Character) -> Self {
    var copy = self
    if let place = place(ofOperand: index), place + 1 < tokens.count {
      copy.tokens[place + 1] = .operation(sign)
    }
    return copy
  }

  private func place(ofOperand index: Int) -> Int? {
    let places = tokens.indices.filter { if case .number = tokens[$0] { true } else { false } }
    return places.indices.contains(index) ? places[index] : nil
  }

  /// The exact value; `nil` where it divides by 0, overflows or is no expression.
  package var value: ExactNumber? {
    var parser = Parser(rest: tokens[...])
    guard let value = parser.sum(), parser.rest.isEmpty else { return nil }
    return value
  }

  /// The expression with a space on each side of an operation: `48 / 2`.
  package var text: String {
    tokens.map { token in
      switch token {
      case .number(let value): value.text() ?? "\(value.numerator)/\(value.denominator)"
      case .operation(let sign): " \(sign) "
      case .negation: "-"
      case .percent: "%"
      case .open: "("
      case .close: ")"
      }
    }.joined()
  }

  /// Recursive descent; a depth limit keeps hostile input off the stack's end.
  private struct Parser {
    private static let maximumDepth = 64

    var rest: ArraySlice<Token>
    var depth = 0

    mutating func sum() -> ExactNumber? {
      guard var value = product() else { return nil }
      while case .operation(let sign) = rest.first, sign == "+" || sign == "-" {
        rest.removeFirst()
        guard let term = product(),
          let next = sign == "+" ? value.adding(term) : value.subtracting(term)
        else { return nil }
        value = next
      }
      return value
    }

    private mutating func product() -> ExactNumber? {
      guard var value = factor() else { return nil }
      while case .operation(let sign) = rest.first, sign == "*" || sign == "/" {
        rest.removeFirst()
        guard let term = factor(),
          let next = sign == "*" ? value.multiplied(by: term) : value.divided(by: term)
        else { return nil }
        value = next
      }
      return value
    }

    private mutating func factor() -> ExactNumber? {
      depth += 1
      defer { depth -= 1 }
      guard depth < Self.maximumDepth, let first = rest.popFirst() else { return nil }
      var value: ExactNumber?
      switch first {
      case .number(let number): value = number
      case .negation: return factor()?.negated
      case .open:
        value = sum()
        guard case .close = rest.popFirst() else { return nil }
      default: return nil
      }
      while case .percent = rest.first {
        rest.removeFirst()
        value = value?.divided(by: ExactNumber(100))
      }
      return value
    }
  }
}
