extension JinjaEvaluator {
  /// Returns the value of an expression.
  ///
  /// - Throws: `JinjaError` where it has none.
  func evaluate(_ expression: JinjaExpression) throws -> JinjaValue {
    try enter()
    defer { leave() }
    switch expression.kind {
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .float(let value): return .float(value)
    case .text(let text): return .text(text)
    case .name(let id): return lookup(id)
    case .list(let items): return try list(items.map { try evaluate($0) })
    case .tuple(let items): return try tuple(items.map { try evaluate($0) })
    case .dict(let pairs):
      return try dict(pairs.map { (try evaluate($0.key), try evaluate($0.value)) })
    case .member(let owner, let name): return try member(name, of: try evaluate(owner))
    case .item(let owner, let key): return try item(try evaluate(key), of: try evaluate(owner))
    case .slice(let owner, let bounds): return try evaluateSlice(owner, bounds)
    case .call: return try evaluateCall(expression, caller: nil)
    case .filters(let value, let filters): return try apply(filters, to: try evaluate(value))
    case .test(let value, let test): return .bool(try evaluateTest(test, try evaluate(value)))
    case .not(let value): return .bool(!(try evaluate(value).isTrue))
    case .sign(let value, let isMinus): return try signed(try evaluate(value), isMinus: isMinus)
    case .any(let items): return try evaluateLogic(items, until: true)
    case .all(let items): return try evaluateLogic(items, until: false)
    case .compare(let left, let rest): return try evaluateComparison(left, rest)
    case .arithmetic(let left, let rest): return try evaluateArithmetic(left, rest)
    case .concatenation(let items): return try evaluateConcatenation(items)
    case .conditional(let test, let yes, let no):
      return try evaluateConditional(test, yes, no, line: expression.line)
    }
  }

  private func evaluateLogic(_ items: [JinjaExpression], until end: Bool) throws -> JinjaValue {
    var value = JinjaValue.none
    for item in items {
      value = try evaluate(item)
      if value.isTrue == end { break }
    }
    return value
  }

  private func evaluateConditional(
    _ test: JinjaExpression,
    _ yes: JinjaExpression,
    _ no: JinjaExpression?,
    line: Int
  ) throws -> JinjaValue {
    if try evaluate(test).isTrue { return try evaluate(yes) }
    if let no { return try evaluate(no) }
    return .undefined(
      JinjaUndefined(message: "the 'if' expression at line \(line) is false and has no 'else'")
    )
  }

  private func evaluateComparison(
    _ left: JinjaExpression,
    _ rest: [(comparison: JinjaComparison, right: JinjaExpression)]
  ) throws -> JinjaValue {
    var value = try evaluate(left)
    for (comparison, right) in rest {
      let next = try evaluate(right)
      guard try holds(value, comparison, next) else { return .bool(false) }
      value = next
    }
    return .bool(true)
  }

  private func evaluateArithmetic(
    _ left: JinjaExpression,
    _ rest: [(operation: JinjaOperation, right: JinjaExpression)]
  ) throws -> JinjaValue {
    var value = try evaluate(left)
    for (operation, right) in rest {
      let next = try evaluate(right)
      if operation == .plus, case .text(var sum) = value, case .text(let added) = next {
        value = .none  // So that the text has one owner and grows in place.
        sum.append(added)
        try checkLength(sum.count)
        try charge(added.count / 8)
        value = .text(sum)
      } else {
        value = try result(of: operation, value, next)
      }
    }
    return value
  }

  private func evaluateConcatenation(_ items: [JinjaExpression]) throws -> JinjaValue {
    var result = JinjaText()
    for item in items {
      result.append(try string(try evaluate(item)))
      try checkLength(result.count)
    }
    return try text(result)
  }

  private func evaluateSlice(
    _ owner: JinjaExpression,
    _ bounds: [JinjaExpression?]
  ) throws -> JinjaValue {
    let value = try evaluate(owner)
    let numbers: [Int?] = try bounds.map { bound in
      guard let bound else { return nil }
      let value = try evaluate(bound)
      if value.isNone { return nil }
      guard let number = value.integer else {
        throw fail("a \(value.typeName) cannot be the bound of a slice")
      }
      return number
    }
    func bound(_ index: Int) -> Int? { index < numbers.count ? numbers[index] : nil }
    return try slice(value, from: bound(0), to: bound(1), step: bound(2))
  }

  // MARK: Calls

  func evaluate(_ arguments: JinjaSyntaxArguments) throws -> JinjaArguments {
    var result = JinjaArguments()
    result.positional = try arguments.positional.map { try evaluate($0) }
    for (name, value) in arguments.named { result.named.append((name, try evaluate(value))) }
    if let list = arguments.list {
      result.positional += try items(of: try evaluate(list))
    }
    if let mapping = arguments.mapping {
      guard case .dict(let dict) = try evaluate(mapping) else {
        throw fail("what follows '**' must be a mapping")
      }
      for (key, value) in zip(dict.keys, dict.values) {
        guard case .text(let name) = key else { throw fail("the names of arguments are texts") }
        result.named.append((name.string, value))
      }
    }
    var seen: Set<String> = []
    for (name, _) in result.named where !seen.insert(name).inserted {
      throw fail("the argument '\(name)' is given twice")
    }
    return result
  }

  /// Calls what a call names; `caller` is what its `call` block is.
  func evaluateCall(_ call: JinjaExpression, caller: JinjaValue?) throws -> JinjaValue {
    guard case .call(let function, let written) = call.kind else { return .none }
    let value = try evaluate(function)
    var arguments = try evaluate(written)
    if let caller { arguments.named.append(("caller", caller)) }
    return try self.call(value, arguments)
  }

  func call(_ value: JinjaValue, _ arguments: JinjaArguments) throws -> JinjaValue {
    try enter()
    defer { leave() }
    switch value {
    case .callable(let callable):
      guard let body = callable.body else { throw fail("'\(callable.name)' cannot be called") }
      return try body(self, arguments)
    case .loop(let loop):
      guard let recurse = loop.recurse else {
        throw fail("a loop is called that is not marked 'recursive'")
      }
      return .text(try recurse(try self.arguments(arguments, "loop", ["items"], required: 1)[0]))
    case .undefined(let undefined): throw fail(undefined.message)
    default: throw fail("a \(value.typeName) cannot be called")
    }
  }

  /// Puts arguments into the order of a function's parameters.
  ///
  /// - Parameters:
  ///   - arguments: What the call gives.
  ///   - function: The function's name, for messages.
  ///   - names: The parameters.
  ///   - required: How many of them must be given.
  /// - Returns: One value a parameter, undefined where it is not given.
  /// - Throws: `JinjaError` where arguments are missing, unknown or given twice.
  func arguments(
    _ arguments: JinjaArguments,
    _ function: String,
    _ names: [String],
    required: Int = 0
  ) throws -> [JinjaValue] {
    let given = try optional(arguments, function, names, required: required)
    return given.map { $0 ?? .none }
  }

  /// The same, `nil` where a parameter is not given.
  func optional(
    _ arguments: JinjaArguments,
    _ function: String,
    _ names: [String],
    required: Int = 0
  ) throws -> [JinjaValue?] {
    guard arguments.positional.count <= names.count else {
      throw fail("'\(function)' takes no more than \(names.count) arguments")
    }
    var values: [JinjaValue?] = arguments.positional.map { $0 }
    values += repeatElement(nil, count: names.count - values.count)
    for (name, value) in arguments.named {
      guard let place = names.firstIndex(of: name) else {
        throw fail("'\(function)' takes no argument named '\(name)'")
      }
      guard values[place] == nil else { throw fail("'\(function)' is given '\(name)' twice") }
      values[place] = value
    }
    for index in 0..<required where values[index] == nil {
      throw fail("'\(function)' needs '\(names[index])'")
    }
    return values
  }

  // MARK: Filters and tests

  func apply(_ filters: [JinjaApplication], to value: JinjaValue) throws -> JinjaValue {
    var value = value
    for filter in filters {
      value = try apply(filter.name, to: value, try evaluate(filter.arguments))
    }
    return value
  }

  func apply(
    _ name: String,
    to value: JinjaValue,
    _ arguments: JinjaArguments
  ) throws -> JinjaValue {
    guard let filter = JinjaFilters.all[name] else {
      throw fail("there is no filter named '\(name)'")
    }
    return try filter(self, value, arguments)
  }

  private func evaluateTest(_ test: JinjaApplication, _ value: JinjaValue) throws -> Bool {
    try passes(test.name, value, try evaluate(test.arguments))
  }

  func passes(_ name: String, _ value: JinjaValue, _ arguments: JinjaArguments) throws -> Bool {
    guard let test = JinjaTests.all[name] else { throw fail("there is no test named '\(name)'") }
    return try test(self, value, arguments)
  }
}
