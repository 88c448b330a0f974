import Foundation

/// The variables of a block, within those around it.
final class JinjaScope {
  let parent: JinjaScope?
  private var ids: [Int] = []
  private var values: [JinjaValue] = []

  init(parent: JinjaScope?) { self.parent = parent }

  func own(_ id: Int) -> JinjaValue? { ids.firstIndex(of: id).map { values[$0] } }

  func set(_ id: Int, _ value: JinjaValue) {
    if let place = ids.firstIndex(of: id) {
      values[place] = value
    } else {
      ids.append(id)
      values.append(value)
    }
  }

  /// Lets go of everything, so that macros that hold their own scope end with the rendering.
  func clear() {
    ids = []
    values = []
  }
}

/// Runs a template once.
///
/// Source: Jinja2 3.1.6, `compiler.py` and `runtime.py`, for what statements mean.
final class JinjaEvaluator {
  /// How statements end.
  enum Flow { case normal, breaks, continues }

  let limits: JinjaLimits
  /// The time that `strftime_now` tells.
  let now: Date
  let names: [String]
  private(set) var line = 1
  private var remaining: Int
  private var depth = 0
  private var output = JinjaText()
  private(set) var scope: JinjaScope
  /// What may hold itself and is emptied at the end.
  var scopes: [JinjaScope] = []
  var namespaces: [JinjaNamespace] = []
  var callables: [JinjaCallable] = []

  init(names: [String], limits: JinjaLimits, now: Date) {
    self.names = names
    self.limits = limits
    self.now = now
    remaining = limits.steps
    scope = JinjaScope(parent: nil)
  }

  /// Runs statements.
  ///
  /// - Parameters:
  ///   - statements: The template.
  ///   - variables: Their variables, by the ids of their names.
  /// - Returns: The text.
  /// - Throws: `JinjaError`.
  func render(_ statements: [JinjaStatement], variables: [Int: JinjaValue]) throws -> JinjaText {
    defer {
      for scope in scopes { scope.clear() }
      for namespace in namespaces { namespace.clear() }
      for callable in callables { callable.clear() }
    }
    for (id, name) in names.enumerated() {
      if let value = variables[id] ?? JinjaGlobals.all[name].map({ .callable($0()) }) {
        scope.set(id, value)
      }
    }
    scope = JinjaScope(parent: scope)
    _ = try run(statements)
    return output
  }

  // MARK: Limits and failures

  func fail(_ reason: String, kind: JinjaError.Kind = .evaluation) -> JinjaError {
    JinjaError(line: line, kind: kind, reason: reason)
  }

  /// Takes work from what is left.
  func charge(_ steps: Int) throws {
    remaining -= steps
    guard remaining >= 0 else {
      throw fail("it takes more than \(limits.steps) steps, so it may never end", kind: .limit)
    }
  }

  /// Begins something nested, unless that is nested too deep; `leave` ends it.
  func enter() throws {
    depth += 1
    remaining -= 1
    if depth > limits.depth || remaining < 0 {
      depth -= 1
      try charge(0)
      throw fail("calls and expressions nested deeper than \(limits.depth) levels", kind: .limit)
    }
  }

  func leave() { depth -= 1 }

  // MARK: Scopes

  func lookup(_ id: Int) -> JinjaValue {
    var current: JinjaScope? = scope
    while let scope = current {
      if let value = scope.own(id) { return value }
      current = scope.parent
    }
    return .undefined(JinjaUndefined(name: names[id]))
  }

  func within<Result>(_ inner: JinjaScope, _ body: () throws -> Result) rethrows -> Result {
    let outer = scope
    scope = inner
    defer { scope = outer }
    return try body()
  }

  /// Runs something and returns what it writes.
  func captured(_ body: () throws -> Void) throws -> JinjaText {
    let outer = output
    output = JinjaText()
    defer { output = outer }
    try body()
    return output
  }

  // MARK: Statements

  func run(_ statements: [JinjaStatement]) throws -> Flow {
    for statement in statements {
      line = statement.line
      let flow = try run(statement)
      if flow != .normal { return flow }
    }
    return .normal
  }

  private func run(_ statement: JinjaStatement) throws -> Flow {
    try enter()
    defer { leave() }
    switch statement.kind {
    case .data(let text): try write(text)
    case .output(let value): try write(string(try evaluate(value)))
    case .set(let target, let value): try assign(target, try evaluate(value))
    case .setBlock(let target, let filters, let body):
      return try runSetBlock(target, filters, body)
    case .conditional(let branches, let otherwise):
      for (test, body) in branches where try evaluate(test).isTrue { return try run(body) }
      return try run(otherwise)
    case .loop(let syntax): return try runLoop(syntax)
    case .macro(let macro): scope.set(macro.id, try function(of: macro))
    case .call(let macro, let call):
      try write(string(try evaluateCall(call, caller: try function(of: macro))))
    case .filter(let filters, let body):
      var flow = Flow.normal
      let text = try captured { flow = try within(JinjaScope(parent: scope)) { try run(body) } }
      if flow != .normal { return flow }
      try write(string(try apply(filters, to: .text(text))))
    case .with(let values, let body): return try runWith(values, body)
    case .scope(let body): return try within(JinjaScope(parent: scope)) { try run(body) }
    case .breakLoop: return .breaks
    case .continueLoop: return .continues
    }
    return .normal
  }

  private func write(_ text: JinjaText) throws {
    try charge(1 + text.count / 8)
    output.append(text)
    try checkLength(output.count)
  }

  private func runSetBlock(
    _ target: JinjaTarget,
    _ filters: [JinjaApplication],
    _ body: [JinjaStatement]
  ) throws -> Flow {
    var flow = Flow.normal
    var value = JinjaValue.none
    try within(JinjaScope(parent: scope)) {
      let text = try captured { flow = try run(body) }
      if flow == .normal { value = try apply(filters, to: .text(text)) }
    }
    if flow == .normal { try assign(target, value) }
    return flow
  }

  private func runWith(
    _ values: [(target: JinjaTarget, value: JinjaExpression)],
    _ body: [JinjaStatement]
  ) throws -> Flow {
    let evaluated = try values.map { try evaluate($0.value) }
    return try within(JinjaScope(parent: scope)) {
      for (item, value) in zip(values, evaluated) { try assign(item.target, value) }
      return try run(body)
    }
  }

  private func assign(_ target: JinjaTarget, _ value: JinjaValue) throws {
    switch target {
    case .name(let id): scope.set(id, value)
    case .member(let id, let name):
      guard case .namespace(let namespace) = lookup(id) else {
        throw fail("cannot set '\(name)' of '\(names[id])', which is no namespace")
      }
      try checkNamespaceName(name)
      try charge(namespace.names.count)
      namespace[name] = value
    case .tuple(let targets):
      let items = try self.items(of: value)
      guard items.count == targets.count else {
        throw fail("\(items.count) values cannot be assigned to \(targets.count) names")
      }
      for (target, item) in zip(targets, items) { try assign(target, item) }
    }
  }

  func checkNamespaceName(_ name: String) throws {
    guard !name.hasPrefix("_") else {
      throw fail("a namespace cannot hold '\(name)': names that start with '_' are refused")
    }
  }

  // MARK: Loops

  private func runLoop(_ syntax: JinjaLoopSyntax) throws -> Flow {
    let value = try evaluate(syntax.items)
    guard syntax.isRecursive else { return try runLoop(syntax, over: value, depth: 0) }
    let text = try captured { _ = try runLoop(syntax, over: value, depth: 0) }
    try write(text)
    return .normal
  }

  private func runLoop(_ syntax: JinjaLoopSyntax, over value: JinjaValue, depth: Int) throws -> Flow
  {
    let outer = scope
    var test: ((JinjaValue) throws -> Bool)?
    if let condition = syntax.test {
      test = { [self] item in
        try within(JinjaScope(parent: outer)) {
          try assign(syntax.target, item)
          return try evaluate(condition).isTrue
        }
      }
    }
    let items = try self.items(of: value)
    let loop = JinjaLoop(
      items,
      isSized: value.isSized && syntax.test == nil,
      depth: depth,
      test: test
    )
    if syntax.isRecursive {
      loop.recurse = { [self] value in
        try within(outer) {
          try captured { _ = try runLoop(syntax, over: value, depth: depth + 1) }
        }
      }
    }
    defer { loop.end() }
    var ran = false
    while let item = try loop.next() {
      ran = true
      let inner = JinjaScope(parent: outer)
      if let loopID { inner.set(loopID, .loop(loop)) }
      let flow = try within(inner) {
        try assign(syntax.target, item)
        return try run(syntax.body)
      }
      if flow == .breaks { break }
    }
    if !ran { return try within(JinjaScope(parent: outer)) { try run(syntax.otherwise) } }
    return .normal
  }

  private lazy var loopID: Int? = names.firstIndex(of: "loop")

  /// Sets the line that errors name.
  func at(_ line: Int) { self.line = line }
}
