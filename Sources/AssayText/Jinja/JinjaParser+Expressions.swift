extension JinjaParser {
  private func make(
    _ kind: JinjaExpression.Kind,
    over children: [JinjaExpression],
    line: Int
  ) throws -> JinjaExpression {
    let height = 1 + (children.map(\.height).max() ?? 0)
    guard height <= Self.maximumHeight else {
      throw fail("an expression nested deeper than \(Self.maximumHeight) levels", line: line)
    }
    return JinjaExpression(kind, line: line, height: height)
  }

  /// Reads an expression.
  mutating func expression(allowsConditional: Bool = true) throws -> JinjaExpression {
    try nested { parser in
      let pending = parser.unknown.count
      var value = try parser.disjunction()
      guard allowsConditional else { return value }
      while parser.isName("if") {
        // What stands in a conditional expression is looked for only when it is evaluated.
        parser.unknown.removeSubrange(pending...)
        let line = parser.token.line
        parser.advance()
        let wasLenient = parser.isLenient
        parser.isLenient = true
        defer { parser.isLenient = wasLenient }
        let test = try parser.disjunction()
        let no = parser.skip(name: "else") ? try parser.expression() : nil
        value = try parser.make(
          .conditional(test: test, yes: value, no: no),
          over: [test, value] + (no.map { [$0] } ?? []),
          line: line
        )
      }
      return value
    }
  }

  /// Reads an expression, or several with commas between them, which are a tuple.
  mutating func tuple(
    allowsConditional: Bool = true,
    end: String? = nil,
    isInBrackets: Bool = false
  ) throws -> JinjaExpression {
    let line = token.line
    var items: [JinjaExpression] = []
    var isTuple = false
    while true {
      if !items.isEmpty { try expect(.mark(",")) }
      let isEnd =
        token.kind == .variableEnd || token.kind == .blockEnd || isMark(")")
        || (end.map { isName($0) } ?? false)
      if isEnd { break }
      items.append(try expression(allowsConditional: allowsConditional))
      guard isMark(",") else { break }
      isTuple = true
    }
    if !isTuple {
      if let item = items.first { return item }
      guard isInBrackets else {
        throw fail("expected an expression, found \(Self.shown(token.kind))")
      }
    }
    return try make(.tuple(items), over: items, line: line)
  }

  private mutating func disjunction() throws -> JinjaExpression {
    let line = token.line
    var items = [try conjunction()]
    while skip(name: "or") { items.append(try conjunction()) }
    return items.count == 1 ? items[0] : try make(.any(items), over: items, line: line)
  }

  private mutating func conjunction() throws -> JinjaExpression {
    let line = token.line
    var items = [try negation()]
    while skip(name: "and") { items.append(try negation()) }
    return items.count == 1 ? items[0] : try make(.all(items), over: items, line: line)
  }

  private mutating func negation() throws -> JinjaExpression {
    let line = token.line
    guard skip(name: "not") else { return try comparison() }
    let value = try nested { try $0.negation() }
    return try make(.not(value), over: [value], line: line)
  }

  private mutating func comparison() throws -> JinjaExpression {
    let line = token.line
    let left = try arithmetic(0)
    var rest: [(JinjaComparison, JinjaExpression)] = []
    while let comparison = readComparison() { rest.append((comparison, try arithmetic(0))) }
    guard !rest.isEmpty else { return left }
    return try make(.compare(left, rest), over: [left] + rest.map(\.1), line: line)
  }

  private mutating func readComparison() -> JinjaComparison? {
    switch token.kind {
    case .mark(let mark):
      guard let comparison = JinjaComparison(rawValue: mark) else { return nil }
      advance()
      return comparison
    case .name("in"):
      advance()
      return .isIn
    case .name("not") where next.kind == .name("in"):
      advance()
      advance()
      return .isNotIn
    default: return nil
    }
  }

  /// The operations by precedence, the weakest first; `~` stands between the sums and products.
  private static let operations: [Set<JinjaOperation>] = [
    [.plus, .minus], [], [.times, .divided, .floorDivided, .modulo], [.power],
  ]

  private mutating func arithmetic(_ level: Int) throws -> JinjaExpression {
    guard level < Self.operations.count else { return try unary() }
    let line = token.line
    let left = try arithmetic(level + 1)
    if level == 1 {
      var items = [left]
      while skip(mark: "~") { items.append(try arithmetic(2)) }
      return items.count == 1 ? left : try make(.concatenation(items), over: items, line: line)
    }
    var rest: [(JinjaOperation, JinjaExpression)] = []
    while case .mark(let mark) = token.kind, let operation = JinjaOperation(rawValue: mark),
      Self.operations[level].contains(operation)
    {
      advance()
      rest.append((operation, try arithmetic(level + 1)))
    }
    guard !rest.isEmpty else { return left }
    return try make(.arithmetic(left, rest), over: [left] + rest.map(\.1), line: line)
  }

  private mutating func unary(appliesFilters: Bool = true) throws -> JinjaExpression {
    let line = token.line
    var value: JinjaExpression
    if isMark("-") || isMark("+") {
      let isMinus = isMark("-")
      advance()
      let inner = try nested { try $0.unary(appliesFilters: false) }
      value = try make(.sign(inner, isMinus: isMinus), over: [inner], line: line)
    } else {
      value = try primary()
    }
    value = try postfix(value)
    return appliesFilters ? try filtered(value) : value
  }

  private mutating func primary() throws -> JinjaExpression {
    let (line, kind) = (token.line, token.kind)
    func leaf(_ kind: JinjaExpression.Kind) -> JinjaExpression {
      JinjaExpression(kind, line: line, height: 1)
    }
    switch kind {
    case .name(let name):
      advance()
      switch name {
      case "true", "True": return leaf(.bool(true))
      case "false", "False": return leaf(.bool(false))
      case "none", "None": return leaf(.none)
      default:
        let id = id(of: name)
        loadedNames.append(id)
        return leaf(.name(id))
      }
    case .text(var text):
      advance()
      while case .text(let more) = token.kind {
        text.append(more)
        advance()
      }
      return leaf(.text(text))
    case .integer(let value):
      advance()
      return leaf(.int(value))
    case .float(let value):
      advance()
      return leaf(.float(value))
    case .mark("("):
      advance()
      let value = try tuple(isInBrackets: true)
      try expect(.mark(")"))
      return value
    case .mark("["):
      advance()
      let items = try list(until: "]")
      return try make(.list(items), over: items, line: line)
    case .mark("{"): return try dict()
    default: throw fail("unexpected \(Self.shown(kind))")
    }
  }

  private mutating func list(until end: String) throws -> [JinjaExpression] {
    var items: [JinjaExpression] = []
    while !isMark(end) {
      if !items.isEmpty { try expect(.mark(",")) }
      if isMark(end) { break }
      items.append(try expression())
    }
    advance()
    return items
  }

  private mutating func dict() throws -> JinjaExpression {
    let line = token.line
    advance()
    var pairs: [(JinjaExpression, JinjaExpression)] = []
    while !isMark("}") {
      if !pairs.isEmpty { try expect(.mark(",")) }
      if isMark("}") { break }
      let key = try expression()
      try expect(.mark(":"))
      pairs.append((key, try expression()))
    }
    advance()
    return try make(.dict(pairs), over: pairs.flatMap { [$0.0, $0.1] }, line: line)
  }

  // MARK: What follows a value

  private mutating func postfix(_ start: JinjaExpression) throws -> JinjaExpression {
    var value = start
    while true {
      let line = token.line
      if skip(mark: ".") {
        if case .integer(let index) = token.kind {
          advance()
          let item = JinjaExpression(.int(index), line: line, height: 1)
          value = try make(.item(value, item), over: [value], line: line)
        } else {
          let name = JinjaText(try expectName())
          value = try make(.member(value, name), over: [value], line: line)
        }
      } else if skip(mark: "[") {
        value = try subscripted(value, line: line)
      } else if isMark("(") {
        value = try called(value)
      } else {
        return value
      }
    }
  }

  private mutating func called(_ value: JinjaExpression) throws -> JinjaExpression {
    let line = token.line
    let arguments = try arguments()
    return try make(.call(value, arguments), over: [value] + arguments.all, line: line)
  }

  private mutating func subscripted(
    _ value: JinjaExpression,
    line: Int
  ) throws -> JinjaExpression {
    var bounds: [JinjaExpression?] = []
    func isBoundEnd(_ parser: JinjaParser) -> Bool { parser.isMark(":") || parser.isMark("]") }
    bounds.append(isMark(":") ? nil : try expression())
    if isMark(",") {
      let items = try [bounds[0]].compactMap { $0 } + restOfTuple()
      let key = try make(.tuple(items), over: items, line: line)
      return try make(.item(value, key), over: [value, key], line: line)
    }
    guard isMark(":") else {
      try expect(.mark("]"))
      guard let key = bounds[0] else { throw fail("expected an index") }
      return try make(.item(value, key), over: [value, key], line: line)
    }
    while bounds.count < 3, skip(mark: ":") {
      bounds.append(isBoundEnd(self) ? nil : try expression())
    }
    try expect(.mark("]"))
    return try make(.slice(value, bounds), over: [value] + bounds.compactMap { $0 }, line: line)
  }

  private mutating func restOfTuple() throws -> [JinjaExpression] {
    try expect(.mark(","))
    return try list(until: "]")
  }

  private mutating func filtered(_ start: JinjaExpression) throws -> JinjaExpression {
    var value = start
    while true {
      let line = token.line
      if isMark("|") {
        let filters = try applications(startsInline: false)
        value = try make(
          .filters(value, filters),
          over: [value] + filters.flatMap { $0.arguments.all },
          line: line
        )
      } else if isName("is") {
        value = try test(of: value)
      } else if isMark("(") {
        value = try called(value)
      } else {
        return value
      }
    }
  }

  /// Reads filters: `| a | b(1)`, or `a | b(1)` where the first bar is not written.
  mutating func applications(startsInline: Bool) throws -> [JinjaApplication] {
    var filters: [JinjaApplication] = []
    var isInline = startsInline
    while isInline || isMark("|") {
      if !isInline { advance() }
      isInline = false
      let line = token.line
      let name = try dottedName()
      let arguments = isMark("(") ? try arguments() : JinjaSyntaxArguments()
      if JinjaFilters.all[name] == nil { reportUnknown("filter", name, line: line) }
      filters.append(JinjaApplication(name: name, arguments: arguments, line: line))
    }
    return filters
  }

  private mutating func reportUnknown(_ kind: String, _ name: String, line: Int) {
    guard !isLenient else { return }
    unknown.append(fail("there is no \(kind) named '\(name)'", line: line))
  }

  private mutating func dottedName() throws -> String {
    var name = try expectName()
    while skip(mark: ".") { name += "." + (try expectName()) }
    return name
  }

  private mutating func test(of value: JinjaExpression) throws -> JinjaExpression {
    let line = token.line
    advance()
    let isNegated = skip(name: "not")
    let name = try dottedName()
    var arguments = JinjaSyntaxArguments()
    if isMark("(") {
      arguments = try self.arguments()
    } else if startsTestArgument {
      if isName("is") { throw fail("tests cannot be chained with 'is'") }
      arguments.positional = [try postfix(try primary())]
    }
    if JinjaTests.all[name] == nil { reportUnknown("test", name, line: line) }
    let application = JinjaApplication(name: name, arguments: arguments, line: line)
    let test = try make(.test(value, application), over: [value] + arguments.all, line: line)
    return isNegated ? try make(.not(test), over: [test], line: line) : test
  }

  private var startsTestArgument: Bool {
    switch token.kind {
    case .name(let name): !["else", "or", "and"].contains(name)
    case .text, .integer, .float, .mark("("), .mark("["), .mark("{"): true
    default: false
    }
  }

  private mutating func arguments() throws -> JinjaSyntaxArguments {
    let line = token.line
    try expect(.mark("("))
    var arguments = JinjaSyntaxArguments()
    var isFirst = true
    func ensure(_ isValid: Bool) throws {
      guard isValid else { throw fail("the arguments of a call are in a wrong order", line: line) }
    }
    while !isMark(")") {
      if !isFirst { try expect(.mark(",")) }
      if !isFirst, isMark(")") { break }
      isFirst = false
      if skip(mark: "*") {
        try ensure(arguments.list == nil && arguments.mapping == nil)
        arguments.list = try expression()
      } else if skip(mark: "**") {
        try ensure(arguments.mapping == nil)
        arguments.mapping = try expression()
      } else if case .name(let name) = token.kind, next.kind == .mark("=") {
        try ensure(arguments.mapping == nil)
        advance()
        advance()
        arguments.named.append((name, try expression()))
      } else {
        try ensure(arguments.list == nil && arguments.mapping == nil && arguments.named.isEmpty)
        arguments.positional.append(try expression())
      }
    }
    advance()
    return arguments
  }
}
