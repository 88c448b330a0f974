import Foundation

/// Python's operators.
extension JinjaEvaluator {
  // MARK: Arithmetic

  func signed(_ value: JinjaValue, isMinus: Bool) throws -> JinjaValue {
    if let integer = value.integer {
      let (result, overflows) = isMinus ? 0.subtractingReportingOverflow(integer) : (integer, false)
      guard !overflows else { throw overflow() }
      return .int(result)
    }
    if case .float(let number) = value { return .float(isMinus ? -number : number) }
    if case .undefined(let undefined) = value { throw fail(undefined.message) }
    throw fail("a \(value.typeName) has no sign")
  }

  private func overflow() -> JinjaError { fail("a number needs more than 64 bits") }

  func result(
    of operation: JinjaOperation,
    _ left: JinjaValue,
    _ right: JinjaValue
  ) throws -> JinjaValue {
    if let left = left.integer, let right = right.integer {
      return try integers(operation, left, right)
    }
    if case .text(let format) = left, operation == .modulo {
      return try text(try formatted(format, right))
    }
    if let left = left.number, let right = right.number {
      return .float(try floats(operation, left, right))
    }
    for case .undefined(let undefined) in [left, right] { throw fail(undefined.message) }
    switch (operation, left, right) {
    case (.plus, .text(var first), .text(let second)):
      first.append(second)
      return try text(first)
    case (.plus, .list(let first), .list(let second)): return try list(first.items + second.items)
    case (.plus, .tuple(let first), .tuple(let second)):
      return try tuple(first.items + second.items)
    case (.times, _, _):
      let product = try right.integer.flatMap { try repeated(left, $0) }
      if let product = try product ?? left.integer.flatMap({ try repeated(right, $0) }) {
        return product
      }
    default: break
    }
    throw fail(
      "'\(operation.rawValue)' does not go between a \(left.typeName) and a \(right.typeName)"
    )
  }

  private func repeated(_ value: JinjaValue, _ count: Int) throws -> JinjaValue? {
    let count = max(0, count)
    func total(_ length: Int) throws -> Int {
      let (total, overflows) = length.multipliedReportingOverflow(by: count)
      guard !overflows else { throw overflow() }
      return total
    }
    switch value {
    case .text(let unit):
      try checkLength(try total(unit.count))
      try charge(count)
      var result = JinjaText()
      if !unit.isEmpty { for _ in 0..<count { result.append(unit) } }
      return try text(result)
    case .list(let unit):
      try charge(try total(unit.items.count))
      return try list(
        Array(repeatElement(unit.items, count: unit.items.isEmpty ? 0 : count).joined())
      )
    case .tuple(let unit):
      try charge(try total(unit.items.count))
      return try tuple(
        Array(repeatElement(unit.items, count: unit.items.isEmpty ? 0 : count).joined())
      )
    default: return nil
    }
  }

  private func integers(
    _ operation: JinjaOperation,
    _ left: Int,
    _ right: Int
  ) throws -> JinjaValue {
    func whole(_ result: (partialValue: Int, overflow: Bool)) throws -> JinjaValue {
      guard !result.overflow else { throw overflow() }
      return .int(result.partialValue)
    }
    switch operation {
    case .plus: return try whole(left.addingReportingOverflow(right))
    case .minus: return try whole(left.subtractingReportingOverflow(right))
    case .times: return try whole(left.multipliedReportingOverflow(by: right))
    case .divided:
      guard right != 0 else { throw fail("division by zero") }
      return .float(Double(left) / Double(right))
    case .floorDivided, .modulo:
      guard right != 0 else { throw fail("division by zero") }
      if right == -1 {
        return operation == .modulo ? .int(0) : try signed(.int(left), isMinus: true)
      }
      let (quotient, rest) = left.quotientAndRemainder(dividingBy: right)
      let isRounded = rest != 0 && (rest < 0) != (right < 0)
      if operation == .modulo { return .int(isRounded ? rest + right : rest) }
      return .int(isRounded ? quotient - 1 : quotient)
    case .power:
      if right < 0 {
        guard left != 0 else { throw fail("division by zero") }
        return .float(pow(Double(left), Double(right)))
      }
      return .int(try power(left, right))
    }
  }

  private func power(_ base: Int, _ exponent: Int) throws -> Int {
    if exponent == 0 || base == 1 { return 1 }
    if base == 0 { return 0 }
    if base == -1 { return exponent % 2 == 0 ? 1 : -1 }
    guard exponent < 64 else { throw overflow() }
    var result = 1
    for _ in 0..<exponent {
      let (next, overflows) = result.multipliedReportingOverflow(by: base)
      guard !overflows else { throw overflow() }
      result = next
    }
    return result
  }

  private func floats(
    _ operation: JinjaOperation,
    _ left: Double,
    _ right: Double
  ) throws -> Double {
    switch operation {
    case .plus: return left + right
    case .minus: return left - right
    case .times: return left * right
    case .divided, .floorDivided, .modulo:
      guard right != 0 else { throw fail("division by zero") }
      if operation == .divided { return left / right }
      var rest = fmod(left, right)
      if rest != 0, (rest < 0) != (right < 0) { rest += right }
      if operation == .modulo { return rest == 0 ? copysign(0, right) : rest }
      let quotient = ((left - rest) / right).rounded(.toNearestOrEven)
      return quotient == 0 ? copysign(0, left / right) : quotient
    case .power:
      guard left != 0 || right >= 0 else { throw fail("division by zero") }
      let result = pow(left, right)
      guard !result.isNaN || left.isNaN || right.isNaN else {
        throw fail("a root of a negative number is no number")
      }
      guard result.isFinite || !left.isFinite || !right.isFinite else { throw overflow() }
      return result
    }
  }

  // MARK: Comparisons

  func holds(
    _ left: JinjaValue,
    _ comparison: JinjaComparison,
    _ right: JinjaValue
  ) throws -> Bool {
    switch comparison {
    case .equal: try areEqual(left, right)
    case .notEqual: try !areEqual(left, right)
    case .isIn: try contains(right, left)
    case .isNotIn: try !contains(right, left)
    case .less: try order(left, right, comparison) { $0 == .orderedAscending }
    case .lessEqual: try order(left, right, comparison) { $0 != .orderedDescending }
    case .greater: try order(left, right, comparison) { $0 == .orderedDescending }
    case .greaterEqual: try order(left, right, comparison) { $0 != .orderedAscending }
    }
  }

  func areEqual(_ left: [JinjaValue], _ right: [JinjaValue]) throws -> Bool {
    guard left.count == right.count else { return false }
    for (left, right) in zip(left, right) where try !areEqual(left, right) { return false }
    return true
  }

  /// Python's `==`.
  func areEqual(_ left: JinjaValue, _ right: JinjaValue) throws -> Bool {
    try charge(1)
    if let left = left.integer, let right = right.integer { return left == right }
    if let left = left.number, let right = right.number { return left == right }
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.text(let left), .text(let right)):
      try charge(min(left.count, right.count) / 64)
      return left == right
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      return try areEqual(left.items, right.items)
    case (.dict(let left), .dict(let right)):
      guard left.keys.count == right.keys.count else { return false }
      for (key, value) in zip(left.keys, left.values) {
        guard let key = JinjaKey(key), let other = right[key], try areEqual(value, other) else {
          return false
        }
      }
      return true
    case (.range(let left), .range(let right)):
      return left.count == right.count
        && (left.count == 0
          || (left.start == right.start && (left.count == 1 || left.step == right.step)))
    case (.callable(let left), .callable(let right)): return left === right
    case (.namespace(let left), .namespace(let right)): return left === right
    case (.loop(let left), .loop(let right)): return left === right
    case (.iterator(let left), .iterator(let right)): return left === right
    default: return false
    }
  }

  private func order(
    _ left: JinjaValue,
    _ right: JinjaValue,
    _ comparison: JinjaComparison,
    _ isRight: (ComparisonResult) -> Bool
  ) throws -> Bool {
    guard let result = try order(left, right) else {
      for case .undefined(let undefined) in [left, right] { throw fail(undefined.message) }
      if left.number != nil, right.number != nil { return false }  // Not a number.
      throw fail(
        "'\(comparison.rawValue)' does not go between a \(left.typeName) and a \(right.typeName)"
      )
    }
    return isRight(result)
  }

  /// The order of two values; `nil` where Python has none.
  func order(_ left: JinjaValue, _ right: JinjaValue) throws -> ComparisonResult? {
    try charge(1)
    if let left = left.integer, let right = right.integer { return Self.order(left, right) }
    if let left = left.number, let right = right.number {
      return left.isNaN || right.isNaN ? nil : Self.order(left, right)
    }
    switch (left, right) {
    case (.text(let left), .text(let right)):
      try charge(min(left.count, right.count) / 64)
      return Self.order(left, right)
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      for (first, second) in zip(left.items, right.items) where try !areEqual(first, second) {
        return try order(first, second)
      }
      return Self.order(left.items.count, right.items.count)
    default: return nil
    }
  }

  private static func order<Value: Comparable>(_ left: Value, _ right: Value) -> ComparisonResult {
    left < right ? .orderedAscending : left == right ? .orderedSame : .orderedDescending
  }

  /// Python's `in`.
  func contains(_ container: JinjaValue, _ value: JinjaValue) throws -> Bool {
    switch container {
    case .text(let text):
      guard case .text(let part) = value else {
        throw fail("'in' asks a text for a text, not for a \(value.typeName)")
      }
      try charge(text.count / 8)
      return text.firstIndex(of: part.scalars) != nil
    case .dict(let dict): return dict[try key(value)] != nil
    case .view(let view) where view.kind == .keys: return view.dict[try key(value)] != nil
    case .undefined: return false
    case .none, .bool, .int, .float, .callable, .namespace:
      throw fail("'in' does not ask a \(container.typeName)")
    default:
      for item in try items(of: container) where try areEqual(item, value) { return true }
      return false
    }
  }

  /// What a loop over a value sees.
  ///
  /// - Throws: `JinjaError` for a value that is no sequence.
  func items(of value: JinjaValue) throws -> [JinjaValue] {
    switch value {
    case .undefined: return []
    case .list(let list), .tuple(let list): return list.items
    case .dict(let dict): return dict.keys
    case .view(let view):
      try charge(view.count)
      return view.items
    case .range(let range):
      try charge(range.count)
      return (0..<range.count).map { .int(range[$0]) }
    case .text(let text):
      try charge(text.count)
      return (0..<text.count).map { .text(text[$0]) }
    case .iterator(let iterator): return iterator.rest()
    case .loop, .none, .bool, .int, .float, .namespace, .callable:
      throw fail("a \(value.typeName) cannot be looped over")
    }
  }

  /// Python's `len`; `nil` for a value that has none.
  func length(of value: JinjaValue) -> Int? {
    switch value {
    case .undefined: 0
    case .text(let text): text.count
    case .list(let list), .tuple(let list): list.items.count
    case .dict(let dict): dict.keys.count
    case .view(let view): view.count
    case .range(let range): range.count
    case .none, .bool, .int, .float, .iterator, .namespace, .callable, .loop: nil
    }
  }
}

extension JinjaValue {
  /// Whether a loop knows its length from the start.
  var isSized: Bool { if case .iterator = self { false } else { true } }
}
