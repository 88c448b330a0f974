import Foundation

/// Filters of numbers.
extension JinjaFilters {
  static let numbers: [String: Filter] = [
    "abs": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "abs", [])
      if case .float(let number) = value { return .float(number.magnitude) }
      let number = try evaluator.integer(value, "abs")
      return try evaluator.signed(.int(number), isMinus: number < 0)
    },
    "int": { evaluator, value, arguments in
      let values = try evaluator.optional(arguments, "int", ["default", "base"])
      let base = try values[1].map { try evaluator.integer($0, "int") } ?? 10
      return try evaluator.toInteger(value, base: base) ?? values[0] ?? .int(0)
    },
    "float": { evaluator, value, arguments in
      let values = try evaluator.optional(arguments, "float", ["default"])
      if case .undefined(let undefined) = value { throw evaluator.fail(undefined.message) }
      if case .text(let text) = value {
        return PythonNumber.read(text).map { .float($0) } ?? values[0] ?? .float(0)
      }
      return value.number.map { .float($0) } ?? values[0] ?? .float(0)
    },
    "round": { evaluator, value, arguments in
      let values = try evaluator.optional(arguments, "round", ["precision", "method"])
      let precision = try values[0].map { try evaluator.integer($0, "round") } ?? 0
      let method = try values[1].map { try evaluator.text($0, "round").string } ?? "common"
      return try evaluator.rounded(value, precision, method)
    },
    "filesizeformat": { evaluator, value, arguments in
      let isBinary = try evaluator.arguments(arguments, "filesizeformat", ["binary"])[0].isTrue
      var number = value.number
      if case .text(let text) = value { number = PythonNumber.read(text) }
      guard let number else { throw evaluator.fail("'filesizeformat' takes a number") }
      let base: Double = isBinary ? 1024 : 1000
      if number == 1 { return .text("1 Byte") }
      if number < base {
        guard let whole = Int(exactly: number.rounded(.towardZero)) else {
          throw evaluator.fail("'filesizeformat' takes a number of less than 64 bits")
        }
        return .text("\(whole) Bytes")
      }
      let units =
        isBinary
        ? ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
        : ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
      var (size, unit) = (base, 0)
      while number >= size * base, unit < units.count - 1 {
        size *= base
        unit += 1
      }
      return .text(String(format: "%.1f", number / size) + " " + units[unit])
    },
  ]
}

extension JinjaEvaluator {
  /// Python's `int`, with Jinja2's way round by a float; `nil` where the value is no number.
  fileprivate func toInteger(_ value: JinjaValue, base: Int) throws -> JinjaValue? {
    if let number = value.integer { return .int(number) }
    switch value {
    case .undefined(let undefined): throw fail(undefined.message)
    case .text(let text):
      if let number = PythonNumber.readInteger(text, base: base) { return .int(number) }
      return PythonNumber.read(text).flatMap { Int(exactly: $0.rounded(.towardZero)) }
        .map { .int($0) }
    case .float(let number): return Int(exactly: number.rounded(.towardZero)).map { .int($0) }
    default: return nil
    }
  }

  fileprivate func rounded(
    _ value: JinjaValue,
    _ precision: Int,
    _ method: String
  ) throws -> JinjaValue {
    guard ["common", "ceil", "floor"].contains(method) else {
      throw fail("'round' rounds by 'common', 'ceil' or 'floor'")
    }
    if case .undefined(let undefined) = value { throw fail(undefined.message) }
    guard let number = value.number else {
      throw fail("'round' takes a number, not a \(value.typeName)")
    }
    let scale = pow(10, Double(precision))
    if method != "common" {
      let scaled = number * scale
      return .float((method == "ceil" ? scaled.rounded(.up) : scaled.rounded(.down)) / scale)
    }
    if let integer = value.integer {
      guard precision < 0 else { return .int(integer) }
      let rounded = (number * scale).rounded(.toNearestOrEven) / scale
      return .int(Int(exactly: rounded.rounded()) ?? 0)
    }
    guard number.isFinite, precision < 300 else { return value }
    if precision < 0 { return .float((number * scale).rounded(.toNearestOrEven) / scale) }
    return .float(Double(String(format: "%.\(precision)f", number)) ?? number)
  }
}
