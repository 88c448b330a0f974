/// Why a worked solution cannot be broken by program.
package enum GSM8KObstacle: String, Sendable, CaseIterable {
  /// It has no calculator marks with an operation.
  case noSteps = "no-steps"
  /// A mark's value is not that of its expression.
  case wrongArithmetic = "wrong-arithmetic"
  /// The final answer is the result of no step.
  case answerWithoutStep = "answer-without-step"
  /// No single change leads to another consistent solution.
  case noBreak = "no-break"
}

/// A worked solution, split where its numbers stand.
package struct GSM8KSolution: Sendable {
  package enum Piece: Hashable, Sendable {
    case text(String)
    case number(GSM8KNumberSpelling)
    /// The calculator mark of a step.
    case mark(step: Int)
  }

  package struct Step: Sendable {
    package let expression: GSM8KExpression
    package let value: ExactNumber
    package let line: Int
    /// The piece where each operand stands in the sentence, where it does.
    package var operandPieces: [Int?] = []
    /// The piece where the result stands behind the mark, where it does.
    package var resultPiece: Int?
  }

  package private(set) var pieces: [Piece] = []
  /// The line that each piece belongs to.
  package private(set) var lines: [Int] = []
  package private(set) var steps: [Step] = []
  /// Lines that compute something beside their marks, as algebra does.
  package private(set) var unmarkedLines: Set<Int> = []
  package let answer: GSM8KNumberSpelling
  /// The step whose result is the answer.
  package private(set) var answerStep = 0
  /// Whether any number of the text has thousands separators.
  package private(set) var usesSeparators = false

  package init(body: String, answer: GSM8KNumberSpelling) throws(GSM8KUnbreakable) {
    self.answer = answer
    for (line, text) in body.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      try addLine(Array(text), line)
    }
    guard !steps.isEmpty else { throw GSM8KUnbreakable(obstacle: .noSteps) }
    guard let last = steps.lastIndex(where: { $0.value == answer.value }) else {
      throw GSM8KUnbreakable(obstacle: .answerWithoutStep)
    }
    answerStep = last
    for piece in pieces {
      if case .number(let spelling) = piece, spelling.hasSeparator { usesSeparators = true }
    }
  }

  private mutating func addLine(_ characters: [Character], _ line: Int) throws(GSM8KUnbreakable) {
    let firstPiece = pieces.count
    var lead = firstPiece
    var text = ""
    var index = 0
    while index < characters.count {
      if let mark = Self.mark(in: characters, at: index) {
        flush(&text, line)
        if let step = try Self.step(mark.text, line) {
          steps.append(step)
          append(.mark(step: steps.count - 1), line)
          matchOperands(from: lead)
          lead = pieces.count
        }
        index = mark.end
      } else if let number = GSM8KNumberSpelling(in: characters, at: index) {
        flush(&text, line)
        append(.number(number), line)
        matchResult(at: pieces.count - 1)
        index += number.length
      } else {
        text.append(characters[index])
        index += 1
      }
    }
    flush(&text, line)
    if hasUnmarkedEquation(firstPiece) { unmarkedLines.insert(line) }
  }

  private mutating func flush(_ text: inout String, _ line: Int) {
    if !text.isEmpty { append(.text(text), line) }
    text = ""
  }

  private mutating func append(_ piece: Piece, _ line: Int) {
    pieces.append(piece)
    lines.append(line)
  }

  private static func mark(
    in characters: [Character],
    at start: Int
  ) -> (text: String, end: Int)? {
    guard start + 1 < characters.count, characters[start] == "<", characters[start + 1] == "<"
    else { return nil }
    var index = start + 2
    while index + 1 < characters.count {
      if characters[index] == ">", characters[index + 1] == ">" {
        return (String(characters[(start + 2)..<index]), index + 2)
      }
      index += 1
    }
    return nil
  }

  /// Returns a mark's step, `nil` for a mark that computes nothing.
  private static func step(_ mark: String, _ line: Int) throws(GSM8KUnbreakable) -> Step? {
    let sides = mark.split(separator: "=", omittingEmptySubsequences: false)
    guard sides.count == 2, let expression = GSM8KExpression(sides[0]),
      let exact = expression.value,
      let value = ExactNumber(sides[1].filter { $0 != " " })
    else { throw GSM8KUnbreakable(obstacle: .wrongArithmetic) }
    guard expression.tokens.contains(where: { if case .operation = $0 { true } else { false } })
    else { return nil }
    guard agree(exact, value) else { throw GSM8KUnbreakable(obstacle: .wrongArithmetic) }
    return Step(expression: expression, value: value, line: line)
  }

  /// Whether a value is exact, or has at least one decimal and is off by less than its last one.
  private static func agree(_ exact: ExactNumber, _ value: ExactNumber) -> Bool {
    if exact == value { return true }
    guard let decimals = value.decimalCount, decimals > 0,
      exact.decimalCount == nil || decimals > 1,
      let difference = exact.subtracting(value)
    else { return false }
    var unit = 1
    for _ in 0..<decimals { unit *= 10 }
    guard let above = ExactNumber(1, over: unit), let below = above.negated else { return false }
    return below < difference && difference < above
  }

  /// Finds the last step's operands in the sentence before its mark, from right to left.
  private mutating func matchOperands(from lead: Int) {
    var end = pieces.count - 1
    var places: [Int?] = []
    for operand in steps[steps.count - 1].expression.operands.reversed() {
      let place = pieces[lead..<end].lastIndex {
        if case .number(let spelling) = $0 { spelling.value == operand } else { false }
      }
      places.append(place)
      if let place { end = place }
    }
    steps[steps.count - 1].operandPieces = places.reversed()
  }

  /// Takes a number right behind a mark as its result, if it has that value.
  private mutating func matchResult(at place: Int) {
    var mark = place - 1
    if mark >= 0, case .text(let text) = pieces[mark], ["$", " $", " "].contains(text) {
      mark -= 1
    }
    guard mark >= 0, case .mark(let step) = pieces[mark],
      case .number(let spelling) = pieces[place],
      spelling.value == steps[step].value
    else { return }
    steps[step].resultPiece = place
  }

  /// Whether a line has an equation that no mark spells: a digit before a `=` that ends no lead.
  private func hasUnmarkedEquation(_ first: Int) -> Bool {
    var sawNumber = false
    for index in first..<pieces.count {
      switch pieces[index] {
      case .number: sawNumber = true
      case .mark: sawNumber = false
      case .text(let text):
        var rest = text[...]
        while let sign = rest.firstIndex(of: "=") {
          let behind = rest[rest.index(after: sign)...]
          let isLead =
            behind.allSatisfy { $0 == " " || $0 == "$" } && index + 1 < pieces.count
            && { if case .mark = pieces[index + 1] { true } else { false } }()
          if sawNumber && !isLead { return true }
          sawNumber = false
          rest = behind
        }
      }
    }
    return false
  }
}

/// The obstacle that a solution met.
package struct GSM8KUnbreakable: Error, Equatable {
  package let obstacle: GSM8KObstacle

  package init(obstacle: GSM8KObstacle) { self.obstacle = obstacle }
}
