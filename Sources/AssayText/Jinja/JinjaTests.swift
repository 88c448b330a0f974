/// The tests of Jinja2, such as `is defined`.
///
/// Source: Jinja2 3.1.6, `tests.py`.
enum JinjaTests {
  typealias Test = @Sendable (JinjaEvaluator, JinjaValue, JinjaArguments) throws -> Bool

  /// The tests by name.
  static let all: [String: Test] = kinds.merging(comparisons) { $1 }.merging(others) { $1 }

  private static func kind(
    _ name: String,
    _ body: @escaping @Sendable (JinjaValue) -> Bool
  ) -> Test {
    { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, name, [])
      return body(value)
    }
  }

  private static let kinds: [String: Test] = [
    "defined": kind("defined") { !$0.isUndefined },
    "undefined": kind("undefined") { $0.isUndefined },
    "none": kind("none") { $0.isNone },
    "boolean": kind("boolean") { if case .bool = $0 { true } else { false } },
    "true": kind("true") { if case .bool(true) = $0 { true } else { false } },
    "false": kind("false") { if case .bool(false) = $0 { true } else { false } },
    "integer": kind("integer") { if case .int = $0 { true } else { false } },
    "float": kind("float") { if case .float = $0 { true } else { false } },
    "number": kind("number") { $0.number != nil },
    "string": kind("string") { if case .text = $0 { true } else { false } },
    "mapping": kind("mapping") { if case .dict = $0 { true } else { false } },
    "escaped": kind("escaped") { _ in false },
    "callable": kind("callable") { value in
      switch value {
      case .callable, .loop, .undefined: true
      default: false
      }
    },
    "sequence": kind("sequence") { value in
      switch value {
      case .undefined, .text, .list, .tuple, .dict, .range: true
      default: false
      }
    },
    "iterable": kind("iterable") { value in
      switch value {
      case .none, .bool, .int, .float, .callable, .namespace: false
      default: true
      }
    },
  ]

  private static func comparison(_ name: String, _ comparison: JinjaComparison) -> Test {
    { evaluator, value, arguments in
      let other = try evaluator.arguments(arguments, name, ["other"], required: 1)[0]
      return try evaluator.holds(value, comparison, other)
    }
  }

  private static let comparisons: [String: Test] = {
    let names: [(JinjaComparison, [String])] = [
      (.equal, ["==", "eq", "equalto"]), (.notEqual, ["!=", "ne"]),
      (.less, ["<", "lt", "lessthan"]), (.lessEqual, ["<=", "le"]),
      (.greater, [">", "gt", "greaterthan"]), (.greaterEqual, [">=", "ge"]), (.isIn, ["in"]),
    ]
    var tests: [String: Test] = [:]
    for (sign, words) in names { for word in words { tests[word] = comparison(word, sign) } }
    return tests
  }()

  private static func divides(
    _ evaluator: JinjaEvaluator,
    _ value: JinjaValue,
    by number: JinjaValue
  )
    throws -> JinjaValue
  {
    try evaluator.result(of: .modulo, value, number)
  }

  private static let others: [String: Test] = [
    "odd": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "odd", [])
      return try evaluator.areEqual(try divides(evaluator, value, by: .int(2)), .int(1))
    },
    "even": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "even", [])
      return try evaluator.areEqual(try divides(evaluator, value, by: .int(2)), .int(0))
    },
    "divisibleby": { evaluator, value, arguments in
      let number = try evaluator.arguments(arguments, "divisibleby", ["num"], required: 1)[0]
      return try evaluator.areEqual(try divides(evaluator, value, by: number), .int(0))
    },
    "lower": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "lower", [])
      return try evaluator.string(value).isCase(upper: false)
    },
    "upper": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "upper", [])
      return try evaluator.string(value).isCase(upper: true)
    },
    "filter": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "filter", [])
      guard case .text(let name) = value else { return false }
      return JinjaFilters.all[name.string] != nil
    },
    "test": { evaluator, value, arguments in
      _ = try evaluator.arguments(arguments, "test", [])
      guard case .text(let name) = value else { return false }
      return JinjaTests.all[name.string] != nil
    },
    "sameas": { evaluator, value, arguments in
      let other = try evaluator.arguments(arguments, "sameas", ["other"], required: 1)[0]
      return try evaluator.isSame(value, other)
    },
  ]
}

extension JinjaEvaluator {
  /// Python's `is`, for what templates ask it of: constants and objects.
  fileprivate func isSame(_ left: JinjaValue, _ right: JinjaValue) throws -> Bool {
    switch (left, right) {
    case (.bool(let left), .bool(let right)): left == right
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      left === right
    case (.dict(let left), .dict(let right)): left === right
    case (.bool, _), (_, .bool), (.int, .float), (.float, .int): false
    default: try areEqual(left, right)
    }
  }
}
