/// Breaks one question's solution, each time in another way.
package struct GSM8KBreaker {
  private enum Class: CaseIterable { case number, operation, length }

  private let solution: GSM8KSolution
  private let known: Set<ExactNumber>
  private let gold: GSM8KResponse
  private let propagates: Bool
  private var random: GSM8KRandom

  package init(
    question: String,
    solution: GSM8KSolution,
    seed: UInt64,
    index: Int,
    propagates: Bool
  ) {
    self.solution = solution
    self.propagates = propagates
    known = Set(GSM8KNumberSpelling.values(in: question))
    gold = GSM8KResponse(of: solution)
    random = GSM8KRandom(seed: GSM8KRandom.mixed(seed) ^ UInt64(truncatingIfNeeded: index))
  }

  /// Returns up to `count` broken solutions, no two alike.
  package mutating func breaks(_ count: Int) -> [(kind: GSM8KBreakKind, response: GSM8KResponse)] {
    var result: [(kind: GSM8KBreakKind, response: GSM8KResponse)] = []
    for _ in 0..<count {
      guard let next = nextBreak(besides: Set(result.map(\.response.text))) else { break }
      result.append(next)
    }
    return result
  }

  private mutating func nextBreak(
    besides used: Set<String>
  ) -> (kind: GSM8KBreakKind, response: GSM8KResponse)? {
    // 2 : 1 : 2, so that about as many steps get another number as are dropped or repeated.
    let first: Class
    switch random.next() % 5 {
    case 0, 1: first = .number
    case 2: first = .operation
    default: first = .length
    }
    for kind in [first] + Class.allCases.filter({ $0 != first }) {
      let found =
        switch kind {
        case .number: firstValid(numberChanges(), used)
        case .operation: firstValid(operationChanges(), used)
        case .length: lengthBreak(used)
        }
      if let found { return found }
    }
    return nil
  }

  /// A dropped or a repeated step, evenly: only where both can be, so that length tells nothing.
  private mutating func lengthBreak(
    _ used: Set<String>
  ) -> (kind: GSM8KBreakKind, response: GSM8KResponse)? {
    let steps = solution.steps.indices.map { ($0, naturalOperand(of: $0)) }
    let dropped = firstValid(steps.map { .dropped(step: $0, operand: $1) }, used)
    let repeated = firstValid(steps.map { .repeated(step: $0, operand: $1) }, used)
    let isDropped = random.next() % 2 == 0
    guard let dropped, let repeated else { return nil }
    return isDropped ? dropped : repeated
  }

  private mutating func firstValid(
    _ changes: [GSM8KChange],
    _ used: Set<String>
  ) -> (kind: GSM8KBreakKind, response: GSM8KResponse)? {
    for change in random.shuffled(changes) {
      guard
        let response = GSM8KResponse(
          of: solution,
          change,
          known: known,
          propagates: propagates
        ),
        response.text != gold.text, !propagates || response.answer != gold.answer,
        !used.contains(response.text)
      else { continue }
      return (change.kind, response)
    }
    return nil
  }

  private func numberChanges() -> [GSM8KChange] {
    solution.steps.enumerated().flatMap { step, content in
      content.expression.operands.enumerated().flatMap { operand, old in
        replacements(for: old).map { .number(step: step, operand: operand, value: $0) }
      }
    }
  }

  /// Other numbers of the question, and near ones; not 1, which leaves a product as it is.
  private func replacements(for old: ExactNumber) -> [ExactNumber] {
    var result = known
    for distance in [1, 2, 10] where distance < 10 || old > ExactNumber(20) {
      for offset in [-distance, distance] {
        if let value = old.adding(ExactNumber(offset)) { result.insert(value) }
      }
    }
    result.subtract([old, ExactNumber(1)])
    // Sorted, as the order of a set is another one in each process.
    return result.filter { $0 > ExactNumber(0) }.sorted()
  }

  private func operationChanges() -> [GSM8KChange] {
    solution.steps.enumerated().flatMap { step, content in
      content.expression.operations.sorted { $0.key < $1.key }.flatMap { operand, old in
        "+-*/".filter { $0 != old }.map { .operation(step: step, operand: operand, sign: $0) }
      }
    }
  }

  /// The operand that stands for a step's result: the latest earlier result, or the greatest.
  private func naturalOperand(of index: Int) -> Int {
    let operands = solution.steps[index].expression.operands
    let sources = operands.map { value in
      solution.steps[..<index].lastIndex { $0.value == value } ?? -1
    }
    let latest = sources.max() ?? -1
    return operands.indices.filter { sources[$0] == latest }
      .max { operands[$0] < operands[$1] } ?? 0
  }
}

/// SplitMix64: the same numbers on every machine.
///
/// Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
package struct GSM8KRandom {
  private static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= Self.increment
    return Self.mixed(state)
  }

  /// Fisher-Yates.
  package mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var result = elements
    for last in stride(from: result.count - 1, to: 0, by: -1) {
      result.swapAt(last, Int(next() % UInt64(last + 1)))
    }
    return result
  }

  package static func mixed(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// FNV-1a of a text's bytes, mixed.
  package static func hash(_ text: String) -> UInt64 {
    mixed(text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
  }
}
