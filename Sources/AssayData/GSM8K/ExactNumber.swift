/// A rational number, so that worked arithmetic has no rounding of its own.
package struct ExactNumber: Hashable, Sendable, Comparable {
  private static let maximumDigits = 15

  package let numerator: Int
  /// Above 0, and without a common factor with the numerator.
  package let denominator: Int

  package init(_ value: Int) {
    numerator = value
    denominator = 1
  }

  /// Makes a quotient; `nil` where the divisor is 0 or a part overflows.
  package init?(_ numerator: Int, over denominator: Int) {
    guard denominator != 0, numerator != .min, denominator != .min else { return nil }
    let divisor = Self.commonDivisor(abs(numerator), abs(denominator))
    let sign = denominator < 0 ? -1 : 1
    self.numerator = sign * numerator / divisor
    self.denominator = sign * denominator / divisor
  }

  /// Reads digits with an optional sign, thousands separators and decimals: `-1,250.50`, `.5`.
  package init?(_ text: some StringProtocol) {
    var digits = 0
    var value = 0
    var scale = 1
    var isNegative = false
    var isBehindPoint = false
    for (index, character) in text.enumerated() {
      switch character {
      case "-" where index == 0: isNegative = true
      case "," where !isBehindPoint && digits > 0: continue
      case "." where !isBehindPoint: isBehindPoint = true
      case "0"..."9":
        guard digits < Self.maximumDigits, let byte = character.asciiValue else {
          return nil
        }
        digits += 1
        value = value * 10 + Int(byte) - 0x30
        if isBehindPoint { scale *= 10 }
      default: return nil
      }
    }
    guard digits > 0 else { return nil }
    self.init(isNegative ? -value : value, over: scale)
  }

  package var isInteger: Bool { denominator == 1 }

  /// How many decimals write the number exactly; `nil` where none do, as for 1/3.
  package var decimalCount: Int? {
    var rest = denominator
    var (twos, fives) = (0, 0)
    while rest % 2 == 0 { (rest, twos) = (rest / 2, twos + 1) }
    while rest % 5 == 0 { (rest, fives) = (rest / 5, fives + 1) }
    return rest == 1 ? max(twos, fives) : nil
  }

  /// Writes the number with at least `decimals` decimals; `nil` where no decimals are exact.
  package func text(decimals: Int = 0, separators: Bool = false) -> String? {
    guard let needed = decimalCount else { return nil }
    let places = max(needed, decimals)
    var scaled = abs(numerator)
    var rest = denominator
    for _ in 0..<places {
      let (product, overflow) = scaled.multipliedReportingOverflow(by: 10)
      guard !overflow else { return nil }
      let divisor = Self.commonDivisor(product, rest)
      (scaled, rest) = (product / divisor, rest / divisor)
    }
    var digits = Array(String(scaled))
    while digits.count <= places { digits.insert("0", at: 0) }
    var whole = String(digits.dropLast(places))
    if separators, whole.count > 3 {
      whole = String(
        whole.reversed().enumerated().flatMap { index, digit in
          index > 0 && index % 3 == 0 ? [",", digit] : [digit]
        }.reversed()
      )
    }
    let sign = numerator < 0 ? "-" : ""
    return places == 0 ? sign + whole : "\(sign)\(whole).\(String(digits.suffix(places)))"
  }

  package static func < (left: Self, right: Self) -> Bool {
    let (a, b) = (
      left.numerator.multipliedFullWidth(by: right.denominator),
      right.numerator.multipliedFullWidth(by: left.denominator)
    )
    return a.high == b.high ? a.low < b.low : a.high < b.high
  }

  package func adding(_ other: Self) -> Self? {
    let (a, first) = numerator.multipliedReportingOverflow(by: other.denominator)
    let (b, second) = other.numerator.multipliedReportingOverflow(by: denominator)
    let (sum, third) = a.addingReportingOverflow(b)
    let (bottom, fourth) = denominator.multipliedReportingOverflow(by: other.denominator)
    return first || second || third || fourth ? nil : Self(sum, over: bottom)
  }

  package func subtracting(_ other: Self) -> Self? { other.negated.flatMap(adding) }

  package func multiplied(by other: Self) -> Self? {
    let (top, first) = numerator.multipliedReportingOverflow(by: other.numerator)
    let (bottom, second) = denominator.multipliedReportingOverflow(by: other.denominator)
    return first || second ? nil : Self(top, over: bottom)
  }

  package func divided(by other: Self) -> Self? {
    Self(other.denominator, over: other.numerator).flatMap(multiplied)
  }

  package var negated: Self? { Self(-numerator, over: denominator) }

  private static func commonDivisor(_ left: Int, _ right: Int) -> Int {
    var (a, b) = (left, right)
    while b != 0 { (a, b) = (b, a % b) }
    return max(a, 1)
  }
}
