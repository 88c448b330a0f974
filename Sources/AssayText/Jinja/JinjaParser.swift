/// Reads the statements of a template.
///
/// Source: Jinja2 3.1.6, `parser.py`, with the extension `loopcontrols` and the `generation` block
/// of `transformers`.
struct JinjaParser {
  /// Nesting of statements or brackets; Python's own parser stops at about the same depth.
  static let maximumNesting = 64
  /// The height of an expression's tree.
  static let maximumHeight = 200

  private let tokens: [JinjaToken]
  private var index = 0
  private var nesting = 0
  private var loopDepth = 0
  /// Filters and tests that do not exist, where Jinja2 would find that only when it gets there.
  var isLenient = false
  var unknown: [JinjaError] = []
  /// The names that were read, in order: what a macro's body asks for.
  var loadedNames: [Int] = []
  private(set) var names: [String] = []
  private var nameIDs: [String: Int] = [:]

  /// Reads a template.
  ///
  /// - Parameter template: The text.
  /// - Returns: Its statements and the names of its variables by their ids.
  /// - Throws: `JinjaError` of kind `syntax`.
  static func parse(_ template: String) throws -> (statements: [JinjaStatement], names: [String]) {
    var parser = JinjaParser(tokens: try JinjaLexer.tokens(of: template))
    let statements = try parser.statements(until: [])
    if let error = parser.unknown.first { throw error }
    return (statements, parser.names)
  }

  private init(tokens: [JinjaToken]) { self.tokens = tokens }

  var token: JinjaToken { tokens[index] }
  var next: JinjaToken { tokens[min(index + 1, tokens.count - 1)] }

  mutating func advance() { index = min(index + 1, tokens.count - 1) }

  mutating func id(of name: String) -> Int {
    if let id = nameIDs[name] { return id }
    names.append(name)
    nameIDs[name] = names.count - 1
    return names.count - 1
  }

  func fail(_ reason: String, line: Int? = nil) -> JinjaError {
    JinjaError(line: line ?? token.line, kind: .syntax, reason: reason)
  }

  /// Reads something nested, unless that is nested too deep.
  mutating func nested<Result>(_ body: (inout JinjaParser) throws -> Result) throws -> Result {
    nesting += 1
    defer { nesting -= 1 }
    guard nesting <= Self.maximumNesting else {
      throw fail("nesting deeper than \(Self.maximumNesting) levels")
    }
    return try body(&self)
  }

  func isMark(_ mark: String) -> Bool { token.kind == .mark(mark) }
  func isName(_ name: String) -> Bool { token.kind == .name(name) }

  mutating func skip(mark: String) -> Bool {
    guard isMark(mark) else { return false }
    advance()
    return true
  }

  mutating func skip(name: String) -> Bool {
    guard isName(name) else { return false }
    advance()
    return true
  }

  mutating func expect(_ kind: JinjaToken.Kind) throws {
    guard token.kind == kind else {
      throw fail("expected \(Self.shown(kind)), found \(Self.shown(token.kind))")
    }
    advance()
  }

  mutating func expectName() throws -> String {
    guard case .name(let name) = token.kind else {
      throw fail("expected a name, found \(Self.shown(token.kind))")
    }
    advance()
    return name
  }

  static func shown(_ kind: JinjaToken.Kind) -> String {
    switch kind {
    case .data: "text"
    case .variableBegin: "'{{'"
    case .variableEnd: "'}}'"
    case .blockBegin: "'{%'"
    case .blockEnd: "'%}'"
    case .name(let name): "'\(name)'"
    case .text(let text): "the text '\(text.string)'"
    case .integer(let value): "\(value)"
    case .float(let value): "\(value)"
    case .mark(let mark): "'\(mark)'"
    case .end: "the end of the template"
    }
  }

  /// Reads statements up to a tag that ends them, which is left to the caller.
  mutating func statements(until ends: Set<String>) throws -> [JinjaStatement] {
    var result: [JinjaStatement] = []
    while true {
      let line = token.line
      switch token.kind {
      case .data(let text):
        result.append(JinjaStatement(kind: .data(text), line: line))
        advance()
      case .variableBegin:
        advance()
        let value = try tuple()
        try expect(.variableEnd)
        result.append(JinjaStatement(kind: .output(value), line: line))
      case .blockBegin:
        advance()
        guard case .name(let name) = token.kind else {
          throw fail("expected the name of a tag, found \(Self.shown(token.kind))")
        }
        if ends.contains(name) { return result }
        let read = try nested { try $0.statement(name) }
        result += read.map { JinjaStatement(kind: $0, line: line) }
        try expect(.blockEnd)
      default:
        guard ends.isEmpty else {
          let looking = ends.sorted().map { "'\($0)'" }.joined(separator: " or ")
          throw fail("the template ends where \(looking) is looked for")
        }
        return result
      }
    }
  }

  /// Reads the body of a tag, from behind its head to the name of the tag that ends it.
  mutating func body(until ends: Set<String>) throws -> [JinjaStatement] {
    _ = skip(mark: ":")
    try expect(.blockEnd)
    return try statements(until: ends)
  }

  /// Reads a body with its closing tag.
  private mutating func body(closedBy end: String) throws -> [JinjaStatement] {
    let statements = try body(until: [end])
    advance()
    return statements
  }

  private mutating func statement(_ name: String) throws -> [JinjaStatement.Kind] {
    let line = token.line
    advance()
    switch name {
    case "set": return [try set()]
    case "if": return [try conditional()]
    case "for": return [try loop()]
    case "macro": return [try macro()]
    case "call": return [try callBlock()]
    case "print": return try printed()
    case "filter":
      let filters = try applications(startsInline: true)
      return [.filter(filters, try body(closedBy: "endfilter"))]
    case "with": return [try with()]
    case "generation":
      return [.scope(try macroBody { try $0.body(closedBy: "endgeneration") }.body)]
    case "break", "continue":
      guard loopDepth > 0 else { throw fail("'\(name)' outside a loop", line: line) }
      return [name == "break" ? .breakLoop : .continueLoop]
    case "autoescape":
      // The sandbox writes plain text; nothing in use turns that off.
      throw fail("'autoescape' is not supported: chat templates are plain text", line: line)
    case "block", "extends", "include", "import", "from":
      throw fail("'\(name)' needs other templates, which a chat template does not have", line: line)
    default:
      throw fail("unknown tag '\(name)'", line: line)
    }
  }

  private mutating func set() throws -> JinjaStatement.Kind {
    let target = try assignmentTarget(allowsNamespace: true)
    if skip(mark: "=") { return .set(target, try tuple()) }
    let filters = try applications(startsInline: false)
    return .setBlock(target, filters, try body(closedBy: "endset"))
  }

  private mutating func conditional() throws -> JinjaStatement.Kind {
    var branches: [(JinjaExpression, [JinjaStatement])] = []
    var otherwise: [JinjaStatement] = []
    let wasLenient = isLenient
    defer { isLenient = wasLenient }
    isLenient = true
    while true {
      let test = try tuple(allowsConditional: false)
      branches.append((test, try body(until: ["elif", "else", "endif"])))
      if skip(name: "elif") { continue }
      if skip(name: "else") { otherwise = try body(until: ["endif"]) }
      advance()
      return .conditional(branches, otherwise: otherwise)
    }
  }

  private mutating func loop() throws -> JinjaStatement.Kind {
    let line = token.line
    let target = try assignmentTarget(allowsNamespace: false, end: "in")
    guard !target.names.contains(id(of: "loop")) else {
      throw fail("a loop cannot assign to 'loop'", line: line)
    }
    try expect(.name("in"))
    let items = try tuple(allowsConditional: false, end: "recursive")
    let test = skip(name: "if") ? try expression() : nil
    let isRecursive = skip(name: "recursive")
    let wasLenient = isLenient
    defer { isLenient = wasLenient }
    isLenient = false
    loopDepth += 1
    let statements = try body(until: ["endfor", "else"])
    loopDepth -= 1
    var otherwise: [JinjaStatement] = []
    if skip(name: "else") { otherwise = try body(until: ["endfor"]) }
    advance()
    return .loop(
      JinjaLoopSyntax(
        target: target,
        items: items,
        test: test,
        isRecursive: isRecursive,
        body: statements,
        otherwise: otherwise
      )
    )
  }

  private mutating func with() throws -> JinjaStatement.Kind {
    var values: [(JinjaTarget, JinjaExpression)] = []
    while token.kind != .blockEnd {
      if !values.isEmpty { try expect(.mark(",")) }
      let target = try assignmentTarget(allowsNamespace: false)
      try expect(.mark("="))
      values.append((target, try expression()))
    }
    return .with(values, try body(closedBy: "endwith"))
  }

  private mutating func printed() throws -> [JinjaStatement.Kind] {
    var values: [JinjaStatement.Kind] = []
    while token.kind != .blockEnd {
      if !values.isEmpty { try expect(.mark(",")) }
      values.append(.output(try expression()))
    }
    return values
  }

  // MARK: Macros

  private typealias Parameters = [(name: String, id: Int, standard: JinjaExpression?)]

  private mutating func signature() throws -> Parameters {
    var parameters: Parameters = []
    try expect(.mark("("))
    while !isMark(")") {
      if !parameters.isEmpty { try expect(.mark(",")) }
      let name = try expectName()
      let standard = skip(mark: "=") ? try expression() : nil
      if standard == nil, parameters.last?.standard != nil {
        throw fail("a parameter without default follows one that has a default")
      }
      parameters.append((name, id(of: name), standard))
    }
    advance()
    return parameters
  }

  /// Reads a body that is a function of its own: no loop reaches into it.
  private mutating func macroBody(
    _ read: (inout JinjaParser) throws -> [JinjaStatement]
  ) throws -> (body: [JinjaStatement], asksFor: Set<String>) {
    let (depth, lenient, start) = (loopDepth, isLenient, loadedNames.count)
    (loopDepth, isLenient) = (0, false)
    defer { (loopDepth, isLenient) = (depth, lenient) }
    let body = try read(&self)
    let asked = Set(loadedNames[start...].map { names[$0] })
    return (body, asked.intersection(["caller", "varargs", "kwargs"]))
  }

  private mutating func macro() throws -> JinjaStatement.Kind {
    let name = try expectName()
    let parameters = try signature()
    let (body, asksFor) = try macroBody { try $0.body(closedBy: "endmacro") }
    return .macro(
      JinjaMacro(
        name: name,
        id: id(of: name),
        parameters: parameters,
        body: body,
        asksFor: asksFor.subtracting(parameters.map(\.name))
      )
    )
  }

  private mutating func callBlock() throws -> JinjaStatement.Kind {
    let line = token.line
    let parameters = isMark("(") ? try signature() : []
    let call = try expression()
    guard case .call = call.kind else { throw fail("'call' needs a call", line: line) }
    let (body, asksFor) = try macroBody { try $0.body(closedBy: "endcall") }
    let macro = JinjaMacro(
      name: "caller",
      id: id(of: "caller"),
      parameters: parameters,
      body: body,
      asksFor: asksFor.subtracting(parameters.map(\.name))
    )
    return .call(macro, call)
  }

  // MARK: Targets

  private mutating func assignmentTarget(
    allowsNamespace: Bool,
    end: String? = nil
  ) throws -> JinjaTarget {
    var targets: [JinjaTarget] = []
    var isTuple = false
    while true {
      if !targets.isEmpty { try expect(.mark(",")) }
      if isTargetEnd(end) { break }
      targets.append(try singleTarget(allowsNamespace: allowsNamespace))
      guard isMark(",") else { break }
      isTuple = true
    }
    guard let first = targets.first else { throw fail("expected a name to assign to") }
    return isTuple ? .tuple(targets) : first
  }

  private func isTargetEnd(_ end: String?) -> Bool {
    token.kind == .blockEnd || token.kind == .variableEnd || isMark(")")
      || (end.map { isName($0) } ?? false)
  }

  private mutating func singleTarget(allowsNamespace: Bool) throws -> JinjaTarget {
    if skip(mark: "(") {
      // Within brackets Jinja2 reads an expression, which cannot be a namespace's attribute.
      let target = try nested { try $0.assignmentTarget(allowsNamespace: false) }
      try expect(.mark(")"))
      return target
    }
    let name = try expectName()
    guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
      throw fail("cannot assign to '\(name)'")
    }
    guard allowsNamespace, skip(mark: ".") else { return .name(id(of: name)) }
    let id = id(of: name)
    loadedNames.append(id)
    return .member(namespace: id, name: try expectName())
  }
}
