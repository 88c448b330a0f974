// Equations in texts, calculated again.
import AssayData
import Foundation

/// An equation that a text states.
package struct ArithmeticClaim: Equatable, Sendable {
  /// Both sides, as `12 + 3 = 15`.
  package let text: String
  /// Whether both sides are equal; what is written with decimals may be rounded.
  package let isRight: Bool

  /// The equations in a text that have numbers alone, and an operation on the left.
  ///
  /// Neighbouring equations share a side: `3 * 4 = 2 * 6 = 12` states two. What has letters beside its
  /// numbers is left alone.
  ///
  /// - Parameter text: A critique.
  /// - Returns: The equations, in order.
  package static func all(in text: String) -> [ArithmeticClaim] {
    let scan = Array(text.map { signs[$0] ?? $0 })
    return scan.indices.filter { scan[$0] == "=" }.compactMap { claim(at: $0, in: scan) }
  }

  private static let signs: [Character: Character] = [
    "\u{00d7}": "*", "\u{00f7}": "/", "\u{2212}": "-", "\u{00b7}": "*",
  ]

  private static func claim(at equals: Int, in scan: [Character]) -> ArithmeticClaim? {
    guard let left = side(scan, from: equals - 1, step: -1).flatMap(expression),
      let right = side(scan, from: equals + 1, step: 1).flatMap(expression),
      left.own.tokens.contains(where: \.isOperation),
      let value = left.own.value, let stated = right.own.value
    else { return nil }
    return ArithmeticClaim(
      text: "\(left.text) = \(right.text)",
      isRight: value == stated || isRounded(value, to: stated, as: right.text)
    )
  }

  /// The characters beside an equals sign that an expression can have; `nil` where letters touch them.
  private static func side(_ scan: [Character], from start: Int, step: Int) -> String? {
    var place = start
    var found: [Character] = []
    while scan.indices.contains(place) {
      let character = scan[place]
      let isTimes = character.lowercased() == "x" && isBetweenNumbers(place, in: scan)
      // A point or comma before white space ends a sentence, or a part of it.
      let isEnd =
        ".,".contains(character)
        && (!scan.indices.contains(place + 1) || !scan[place + 1].isASCIIDigit)
      guard isTimes || allowed.contains(character), !isEnd else { break }
      found.append(isTimes ? "*" : character)
      place += step
    }
    if scan.indices.contains(place), found.last?.isASCIIDigit == true,
      scan[place].isLetter || "^_:\\".contains(scan[place])
    {
      return nil
    }
    return String(step < 0 ? found.reversed() : found)
  }

  private static let allowed: Set<Character> = Set("0123456789.,+-*/()%$ ")

  private static func isBetweenNumbers(_ place: Int, in scan: [Character]) -> Bool {
    let before = scan[..<place].last { $0 != " " }
    let after = scan[(place + 1)...].first { $0 != " " }
    guard let before, let after else { return false }
    return (before.isASCIIDigit || ")%".contains(before))
      && (after.isASCIIDigit || "($".contains(after))
  }

  private static func expression(_ side: String) -> (own: GSM8KExpression, text: String)? {
    var text = side.filter { $0 != "$" }.trimmed
    // A list's mark, or a bracket around the equation.
    if text.hasPrefix("- ") || text.hasPrefix("* ") { text = String(text.dropFirst(2)).trimmed }
    let (opened, closed) = (text.count { $0 == "(" }, text.count { $0 == ")" })
    if opened > closed, text.hasPrefix("(") { text.removeFirst() }
    if closed > opened, text.hasSuffix(")") { text.removeLast() }
    if opened > closed, text.hasSuffix("(") { text.removeLast() }
    text = text.trimmed
    // Numbers side by side, as in 3 1/2, are no expression.
    let parts = text.split(separator: " ")
    let isSplit = zip(parts, parts.dropFirst()).contains {
      $0.last?.isASCIIDigit == true && $1.first?.isASCIIDigit == true
    }
    guard !isSplit, !text.isEmpty, let own = GSM8KExpression(text) else { return nil }
    return (own, text)
  }

  /// Whether a value rounds to what is stated with decimals.
  private static func isRounded(
    _ value: ExactNumber,
    to stated: ExactNumber,
    as text: String
  ) -> Bool {
    guard let point = text.lastIndex(of: ".") else { return false }
    let decimals = text[text.index(after: point)...].prefix(while: \.isASCIIDigit).count
    let scale = text.hasSuffix("%") ? 0.01 : 1
    func number(_ value: ExactNumber) -> Double {
      Double(value.numerator) / Double(value.denominator)
    }
    // Half of the last decimal, and what doubles lose.
    return abs(number(value) - number(stated)) <= 0.5000001 * scale * pow(10, -Double(decimals))
  }
}

extension GSM8KExpression.Token {
  fileprivate var isOperation: Bool { if case .operation = self { true } else { false } }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}

extension String {
  fileprivate var trimmed: String { trimmingCharacters(in: .whitespaces) }
}
