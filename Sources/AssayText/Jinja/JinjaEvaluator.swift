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
  private enum Flow { case normal, breaks, continues }

  let limits: JinjaLimits
  /// The time that `strftime_now` tells.
  let now: Date
  let names: [String]
  private(set) var line = 1
  private var remaining: Int
  private var depth = 0
  private var output = JinjaText()
  private var scope: JinjaScope
  /// What may hold itself and is emptied at the end.
  private var scopes: [JinjaScope] = []
  private var namespaces: [JinjaNamespace] = []
  private var callables: [JinjaCallable] = []

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
      throw fail("it takes more than \(limits.steps) steps; does it end?", kind: .limit)
    }
  }

  /// Charges a text that was made.
  func made(_ text: JinjaText) throws -> JinjaText {
    try checkLength(text.count)
    try charge(1 + text.count / 8)
    return text
  }

  func text(_ text: JinjaText) throws -> JinjaValue { .text(try made(text)) }

  func checkLength(_ count: Int) throws {
    guard count <= limits.textLength else {
      throw fail("it makes a text of more than \(limits.textLength) characters", kind: .limit)
    }
  }

  func list(_ items: [JinjaValue]) throws -> JinjaValue { .list(try checked(items)) }

  func tuple(_ items: [JinjaValue]) throws -> JinjaValue { .tuple(try checked(items)) }

  func iterator(_ items: [JinjaValue], named name: String = "generator") throws -> JinjaValue {
    .iterator(JinjaIterator(name, try checked(items).items))
  }

  private func checked(_ items: [JinjaValue]) throws -> JinjaList {
    try charge(1 + items.count)
    let list = JinjaList(items)
    try checkDepth(list.depth)
    return list
  }

  func dict(_ pairs: [(JinjaValue, JinjaValue)]) throws -> JinjaValue {
    try charge(1 + pairs.count)
    let dict = JinjaDict(try pairs.map { (try key($0.0), $0.0, $0.1) })
    try checkDepth(dict.depth)
    return .dict(dict)
  }

  func key(_ value: JinjaValue) throws -> JinjaKey {
    guard let key = JinjaKey(value) else { throw fail("a \(value.typeName) cannot be a key") }
    return key
  }

  private func checkDepth(_ depth: Int) throws {
    guard depth <= limits.depth else {
      throw fail("values nested deeper than \(limits.depth) levels", kind: .limit)
    }
  }

  func callable(
    _ name: String,
    holding held: [JinjaValue] = [],
    attributes: [(String, JinjaValue)] = [],
    _ body: @escaping JinjaCallable.Body
  ) throws -> JinjaValue {
    let depth = JinjaValue.depth(of: held)
    try checkDepth(depth)
    return .callable(JinjaCallable(name, depth: depth, attributes: attributes, body: body))
  }

  func namespace(_ attributes: [(String, JinjaValue)]) throws -> JinjaValue {
    try charge(8 + attributes.count)
    let namespace = JinjaNamespace(attributes)
    namespaces.append(namespace)
    return .namespace(namespace)
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

  private func within<Result>(_ inner: JinjaScope, _ body: () throws -> Result) rethrows -> Result {
    let outer = scope
    scope = inner
    defer { scope = outer }
    return try body()
  }

  /// Runs something and returns what it writes.
  private func captured(_ body: () throws -> Void) throws -> JinjaText {
    let outer = output
    output = JinjaText()
    defer { output = outer }
    try body()
    return output
  }

  // MARK: Statements

  private func run(_ statements: [JinjaStatement]) throws -> Flow {
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

  // MARK: Macros

  private func id(of name: String) -> Int? { names.firstIndex(of: name) }

  private func function(of macro: JinjaMacro) throws -> JinjaValue {
    let home = scope
    scopes.append(home)
    try charge(8)
    let callable = JinjaCallable(
      macro.name,
      attributes: [("name", .text(macro.name))]
    ) { evaluator, arguments in
      try evaluator.call(macro, in: home, arguments)
    }
    callables.append(callable)
    return .callable(callable)
  }

  private func call(
    _ macro: JinjaMacro,
    in home: JinjaScope,
    _ arguments: JinjaArguments
  ) throws -> JinjaValue {
    let inner = JinjaScope(parent: home)
    var named = arguments.named
    var missing: [(id: Int, name: String, standard: JinjaExpression?)] = []
    for (index, parameter) in macro.parameters.enumerated() {
      if index < arguments.positional.count {
        inner.set(parameter.id, arguments.positional[index])
      } else if let place = named.firstIndex(where: { $0.name == parameter.name }) {
        inner.set(parameter.id, named.remove(at: place).value)
      } else {
        missing.append((parameter.id, parameter.name, parameter.standard))
      }
    }
    let extra = arguments.positional.dropFirst(macro.parameters.count)
    guard extra.isEmpty || macro.asksFor.contains("varargs") else {
      throw fail("the macro '\(macro.name)' takes no more than \(macro.parameters.count) arguments")
    }
    if macro.asksFor.contains("caller"), let id = id(of: "caller") {
      let place = named.firstIndex { $0.name == "caller" }
      inner.set(
        id,
        place.map { named.remove(at: $0).value }
          ?? .undefined(JinjaUndefined(message: "the macro was called without a 'call' block"))
      )
    }
    if macro.asksFor.contains("kwargs"), let id = id(of: "kwargs") {
      inner.set(id, try dict(named.map { (.text($0.name), $0.value) }))
    } else if let unknown = named.first {
      throw fail("the macro '\(macro.name)' takes no argument named '\(unknown.name)'")
    }
    if macro.asksFor.contains("varargs"), let id = id(of: "varargs") {
      inner.set(id, try tuple(Array(extra)))
    }
    return try within(inner) {
      for parameter in missing {
        let message = "parameter '\(parameter.name)' was not provided"
        let value = try parameter.standard.map { try evaluate($0) }
        inner.set(parameter.id, value ?? .undefined(JinjaUndefined(message: message)))
      }
      return .text(try captured { _ = try run(macro.body) })
    }
  }

  /// Sets the line that errors name.
  func at(_ line: Int) { self.line = line }
}
