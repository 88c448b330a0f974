/// How Python writes and reads numbers.
enum PythonNumber {
  /// `repr` of a float: the shortest digits that read back as the same number.
  static func text(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    let (digits, exponent) = parts(value)
    let sign = value.sign == .minus ? "-" : ""
    let count = digits.count
    if exponent < -4 || exponent >= 16 {
      let mantissa = digits.prefix(1) + (count > 1 ? "." + digits.dropFirst() : "")
      let size = abs(exponent)
      return "\(sign)\(mantissa)e\(exponent < 0 ? "-" : "+")\(size < 10 ? "0" : "")\(size)"
    }
    if exponent < 0 {
      return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits
    }
    if count <= exponent + 1 {
      return sign + digits + String(repeating: "0", count: exponent + 1 - count) + ".0"
    }
    return sign + digits.prefix(exponent + 1) + "." + digits.dropFirst(exponent + 1)
  }

  /// The shortest digits without zeros at the end, and the power of ten of the first.
  private static func parts(_ value: Double) -> (digits: String, exponent: Int) {
    var text = value.magnitude.description
    var exponent = 0
    if let mark = text.firstIndex(of: "e") {
      exponent = Int(text[text.index(after: mark)...]) ?? 0
      text = String(text[..<mark])
    }
    let whole = text.prefix { $0 != "." }
    var digits = String(text.filter { $0 != "." })
    exponent += whole.count - 1
    let zeros = digits.prefix { $0 == "0" }.count
    guard zeros < digits.count else { return ("0", 0) }
    digits.removeFirst(zeros)
    exponent -= zeros
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    return (digits, exponent)
  }
}

extension PythonNumber {
  /// The text without white space around it and without `_` between digits; `nil` for a stray one.
  private static func cleaned(_ text: JinjaText) -> String? {
    let scalars = text.stripped().scalars
    guard scalars.contains("_") else { return JinjaText(scalars).string }
    for (index, scalar) in scalars.enumerated() where scalar == "_" {
      let isBetween =
        index > 0 && index + 1 < scalars.count && scalars[index - 1].isPythonAlphanumeric
        && scalars[index + 1].isPythonAlphanumeric
      guard isBetween else { return nil }
    }
    return JinjaText(scalars.filter { $0 != "_" }).string
  }

  /// Python's `float` of a text.
  static func read(_ text: JinjaText) -> Double? {
    guard let cleaned = cleaned(text) else { return nil }
    let lower = cleaned.lowercased()
    let word = lower.drop { $0 == "+" || $0 == "-" }
    if ["inf", "infinity", "nan"].contains(word) { return Double(lower) }
    guard !lower.isEmpty, lower.allSatisfy({ "0123456789.+-e".contains($0) }) else { return nil }
    let mantissa = lower.prefix { $0 != "e" }
    guard mantissa.contains(where: \.isNumber) else { return nil }
    // Swift reads neither "1." nor ".5".
    var whole = String(mantissa)
    if whole.hasSuffix(".") { whole += "0" }
    if let dot = whole.firstIndex(of: "."),
      dot == whole.startIndex || !whole[whole.index(before: dot)].isNumber
    {
      whole.insert("0", at: dot)
    }
    return Double(whole + lower.dropFirst(mantissa.count))
  }

  /// Python's `int` of a text.
  static func readInteger(_ text: JinjaText, base: Int) -> Int? {
    guard var cleaned = cleaned(text)?.lowercased() else { return nil }
    let isNegative = cleaned.hasPrefix("-")
    if isNegative || cleaned.hasPrefix("+") { cleaned.removeFirst() }
    var radix = base
    for (prefix, value) in [("0x", 16), ("0o", 8), ("0b", 2)] where cleaned.hasPrefix(prefix) {
      if base == value || base == 0 {
        cleaned.removeFirst(2)
        radix = value
      }
    }
    if radix == 0 { radix = 10 }
    guard (2...36).contains(radix), cleaned.first.map({ $0 != "-" && $0 != "+" }) ?? false else {
      return nil
    }
    return Int((isNegative ? "-" : "") + cleaned, radix: radix)
  }
}
