import AssayText

/// A solution under change: which expressions, results and numbers of the text are others.
struct GSM8KEdit {
  private static let signs: [Character: Set<Character>] = [
    "+": ["+"], "-": ["-", "\u{2212}", "\u{2013}"],
    "*": ["*", "x", "X", "\u{D7}", "\u{22C5}", "\u{B7}"], "/": ["/", "\u{F7}"],
  ]
  private static let allSigns = signs.values.reduce(into: Set<Character>()) { $0.formUnion($1) }
  private static let hundred = ExactNumber(100)

  let solution: GSM8KSolution
  private(set) var change: GSM8KChange?
  /// The changed results, by step.
  private(set) var values: [Int: ExactNumber] = [:]
  private var expressions: [Int: GSM8KExpression] = [:]
  private var numbers: [Int: ExactNumber] = [:]
  private var texts: [Int: String] = [:]
  /// The second run of a repeated step.
  private var repeated: (expression: GSM8KExpression, value: ExactNumber)?
  private var repeatedNumbers: [Int: ExactNumber] = [:]

  init(_ solution: GSM8KSolution) { self.solution = solution }

  // MARK: The broken step

  /// Changes one step; `false` where that gives nothing that can stand there.
  mutating func apply(_ change: GSM8KChange) -> Bool {
    self.change = change
    let step = solution.steps[change.step]
    switch change {
    case .number(let index, let operand, let value):
      guard let place = step.operandPieces[operand], case .number(let old) = solution.pieces[place],
        value != old.value
      else { return false }
      for other in lead(of: index) where isUnmatched(other, value: old.value) {
        numbers[other] = value
      }
      numbers[place] = value
      return take(step.expression.replacingOperand(operand, with: value), at: index)
    case .operation(let index, let operand, let sign):
      guard let old = step.expression.operations[operand], old != sign,
        replaceSign(in: step, operand, old, sign)
      else { return false }
      return take(step.expression.replacingOperation(after: operand, with: sign), at: index)
    case .dropped(let index, let operand):
      guard solution.steps.count > 1, isAlone(index) else { return false }
      let value = step.expression.operands[operand]
      values[index] = value
      return value != step.value && value > ExactNumber(0)
    case .repeated(let index, let operand):
      guard isAlone(index), let place = step.operandPieces[operand],
        let result = step.resultPiece
      else { return false }
      let expression = step.expression.replacingOperand(operand, with: step.value)
      guard let value = expression.value, fits(value, for: step.value), value != step.value
      else { return false }
      repeated = (expression, value)
      repeatedNumbers = [place: step.value, result: value]
      values[index] = value
      return isSpellable(repeatedNumbers)
    }
  }

  /// Gives a step another expression, and its result with it.
  private mutating func take(_ expression: GSM8KExpression, at index: Int) -> Bool {
    let step = solution.steps[index]
    guard let value = expression.value, fits(value, for: step.value) else { return false }
    expressions[index] = expression
    guard value != step.value else { return change?.step != index }
    values[index] = value
    guard let place = step.resultPiece else { return false }
    numbers[place] = value
    return isSpellable(numbers)
  }

  private func fits(_ value: ExactNumber, for old: ExactNumber) -> Bool {
    guard value > ExactNumber(0), let decimals = value.decimalCount else { return false }
    return decimals <= (old.isInteger ? 0 : max(2, old.decimalCount ?? 0))
  }

  private func isAlone(_ index: Int) -> Bool {
    solution.steps.count { $0.line == solution.steps[index].line } == 1
      && !solution.unmarkedLines.contains(solution.steps[index].line)
  }

  /// The pieces of a step's line up to its mark.
  private func lead(of index: Int) -> [Int] {
    let line = solution.steps[index].line
    let mark = solution.pieces.firstIndex(of: .mark(step: index)) ?? 0
    return solution.pieces.indices.filter { solution.lines[$0] == line && $0 < mark }
  }

  private func isUnmatched(_ place: Int, value: ExactNumber) -> Bool {
    guard case .number(let spelling) = solution.pieces[place], spelling.value == value else {
      return false
    }
    return !solution.steps.contains { $0.operandPieces.contains(place) || $0.resultPiece == place }
  }

  /// Changes the sign between two numbers of the sentence, if exactly one stands there.
  private mutating func replaceSign(
    in step: GSM8KSolution.Step,
    _ operand: Int,
    _ old: Character,
    _ new: Character
  ) -> Bool {
    guard let left = step.operandPieces[operand], let right = step.operandPieces[operand + 1],
      right == left + 2, case .text(let text) = solution.pieces[left + 1]
    else { return false }
    var characters = Array(text)
    let places = characters.indices.filter { Self.isSign(in: characters, at: $0) }
    guard places.count == 1, Self.signs[old]?.contains(characters[places[0]]) == true else {
      return false
    }
    // A product is written as this solution writes products, if it does.
    let wholeText = solution.pieces.map { if case .text(let text) = $0 { text } else { "0" } }
      .joined()
    let isCross = new == "*" && wholeText.contains(" x ") && !wholeText.contains("*")
    characters[places[0]] = isCross ? "x" : new
    if isCross, characters.count == 1 { characters = [" ", "x", " "] }
    texts[left + 1] = String(characters)
    return true
  }

  /// Whether a character is an arithmetic sign rather than part of a word.
  private static func isSign(in characters: [Character], at index: Int) -> Bool {
    guard allSigns.contains(characters[index]) else { return false }
    let hasLetterBefore = index > 0 && characters[index - 1].isLetter
    let hasLetterBehind = index + 1 < characters.count && characters[index + 1].isLetter
    return characters[index].isLetter ? !hasLetterBefore && !hasLetterBehind : !hasLetterBehind
  }

  // MARK: The steps behind it

  /// Carries the changed result on; `false` where a use may mean something else.
  mutating func propagate(_ known: Set<ExactNumber>) -> Bool {
    guard let first = change?.step else { return false }
    let line = solution.steps[first].line
    guard solution.unmarkedLines.allSatisfy({ $0 < line }) else { return false }
    for index in (first + 1)..<max(solution.steps.count, first + 1) {
      let step = solution.steps[index]
      var expression = step.expression
      for (operand, value) in step.expression.operands.enumerated() {
        guard !isHundredfold(value) else { return false }
        guard let source = solution.steps[..<index].lastIndex(where: { $0.value == value }),
          let changed = values[source]
        else { continue }
        guard !isAmbiguous(source, known), let place = step.operandPieces[operand] else {
          return false
        }
        expression = expression.replacingOperand(operand, with: changed)
        numbers[place] = changed
      }
      guard expression == step.expression || take(expression, at: index) else { return false }
    }
    return mention(from: first, known) && isSpellable(numbers) && isSpellable(repeatedNumbers)
  }

  /// Replaces changed results that the text mentions outside of its steps.
  private mutating func mention(from first: Int, _ known: Set<ExactNumber>) -> Bool {
    for place in solution.pieces.indices {
      guard case .number(let spelling) = solution.pieces[place], numbers[place] == nil,
        isUnmatched(place, value: spelling.value)
      else { continue }
      let sources = values.keys.filter { solution.steps[$0].value == spelling.value }
      guard let source = sources.max(), let value = values[source] else {
        guard !isHundredfold(spelling.value) || place < (lead(of: first).first ?? 0) else {
          return false
        }
        continue
      }
      let isBefore = solution.lines[place] < solution.steps[source].line
      if isBefore, known.contains(spelling.value) { continue }
      guard !isBefore, !isAmbiguous(source, known) else { return false }
      if source == first, repeated != nil,
        solution.lines[place] == solution.steps[first].line
      {
        repeatedNumbers[place] = value
      } else {
        numbers[place] = value
      }
    }
    return true
  }

  /// Whether a use of a step's result may mean another number.
  private func isAmbiguous(_ source: Int, _ known: Set<ExactNumber>) -> Bool {
    let value = solution.steps[source].value
    return known.contains(value) || value == Self.hundred
      || solution.steps.indices.contains { $0 != source && solution.steps[$0].value == value }
  }

  /// Whether a number may be a changed result as a percentage, or the reverse.
  private func isHundredfold(_ value: ExactNumber) -> Bool {
    values.keys.contains { index in
      let result = solution.steps[index].value
      return value.multiplied(by: Self.hundred) == result
        || result.multiplied(by: Self.hundred) == value
    }
  }

  private func isSpellable(_ numbers: [Int: ExactNumber]) -> Bool {
    numbers.allSatisfy { place, value in
      guard case .number(let old) = solution.pieces[place] else { return false }
      return old.spelling(value, separators: solution.usesSeparators) != nil
    }
  }

  // MARK: Text and critique

  /// The response without its last line.
  func text() -> String {
    var lines: [String] = []
    let count = (solution.lines.last ?? -1) + 1
    for line in 0..<count {
      let places = solution.pieces.indices.filter { solution.lines[$0] == line }
      let (isBroken, kind) = (change.map { solution.steps[$0.step].line } == line, change?.kind)
      if isBroken, kind == .droppedStep { continue }
      lines.append(render(places, numbers))
      if isBroken, kind == .repeatedStep { lines.append(render(places, repeatedNumbers)) }
    }
    return lines.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private func render(_ places: [Int], _ numbers: [Int: ExactNumber]) -> String {
    places.map { place in
      switch solution.pieces[place] {
      case .mark: ""
      case .text(let text): texts[place] ?? text
      case .number(let old):
        numbers[place].flatMap { old.spelling($0, separators: solution.usesSeparators) } ?? old.text
      }
    }.joined().trimmedAsPython
  }

  /// What the oracle says of each step, in order.
  func sentences() -> [String] {
    var sentences: [String] = []
    var number = 0
    for (index, step) in solution.steps.enumerated() {
      let right = Self.equation(step.expression, step.value)
      let isBroken = index == change?.step
      if isBroken, change?.kind == .droppedStep {
        sentences.append("A step is missing here: \(right).")
        continue
      }
      number += 1
      let isRepeated = isBroken && change?.kind == .repeatedStep
      let expression = expressions[index] ?? step.expression
      let said = Self.equation(expression, isRepeated ? step.value : values[index] ?? step.value)
      sentences.append(
        said == right
          ? "Step \(number): \(said), as it should be."
          : "Step \(number): \(said), but it should be \(right)."
      )
      if isRepeated, let repeated {
        number += 1
        let again = Self.equation(repeated.expression, repeated.value)
        sentences.append("Step \(number): \(again), but this step should not be there.")
      }
    }
    return sentences
  }

  private static func equation(_ expression: GSM8KExpression, _ value: ExactNumber) -> String {
    "\(expression.text) = \(value.text() ?? "\(value.numerator)/\(value.denominator)")"
  }
}

/// One change to one step of a solution.
package enum GSM8KChange: Hashable, Sendable {
  case number(step: Int, operand: Int, value: ExactNumber)
  /// Another operation behind an operand.
  case operation(step: Int, operand: Int, sign: Character)
  /// Later steps take an operand of the step for its result.
  case dropped(step: Int, operand: Int)
  /// The step again, with its result as the operand.
  case repeated(step: Int, operand: Int)

  package var step: Int {
    switch self {
    case .number(let step, _, _), .operation(let step, _, _), .dropped(let step, _),
      .repeated(let step, _):
      step
    }
  }

  package var kind: GSM8KBreakKind {
    switch self {
    case .number: .number
    case .operation: .operation
    case .dropped: .droppedStep
    case .repeated: .repeatedStep
    }
  }
}

/// How a worked solution is broken.
package enum GSM8KBreakKind: String, Codable, Hashable, Sendable, CaseIterable {
  /// A step takes a wrong number.
  case number
  /// A step takes the wrong one of `+ - * /`.
  case operation
  /// A step is left out.
  case droppedStep = "dropped-step"
  /// A step is taken once more, on its own result: as much longer as a dropped step is shorter.
  case repeatedStep = "repeated-step"
}
