/// What `loop` is within a loop: where it stands, and what comes before and behind.
///
/// Source: Jinja2 3.1.6, `runtime.py`, `LoopContext`.
final class JinjaLoop {
  let valueDepth: Int
  private let depth: Int
  private let items: [JinjaValue]
  private let isSized: Bool
  private var test: ((JinjaValue) throws -> Bool)?
  private var position = 0
  private var index = -1
  private var previous: JinjaValue?
  private var current: JinjaValue?
  /// The next items, where they were asked for ahead of time.
  private var ahead: [JinjaValue] = []
  private var counted: Int?
  private var lastChanged: [JinjaValue]?
  /// Renders the body over other items, where the loop is recursive.
  var recurse: ((JinjaValue) throws -> JinjaText)?

  init(
    _ items: [JinjaValue],
    isSized: Bool,
    depth: Int,
    test: ((JinjaValue) throws -> Bool)?
  ) {
    self.items = items
    self.isSized = isSized
    self.depth = depth
    self.test = test
    valueDepth = JinjaValue.depth(of: items)
  }

  /// The next item that the loop's condition accepts, which is asked as late as in Jinja2.
  private func pull() throws -> JinjaValue? {
    while position < items.count {
      let item = items[position]
      position += 1
      if try test?(item) ?? true { return item }
    }
    return nil
  }

  private func peek() throws -> JinjaValue? {
    if ahead.isEmpty, let item = try pull() { ahead.append(item) }
    return ahead.first
  }

  func next() throws -> JinjaValue? {
    let item = ahead.isEmpty ? try pull() : ahead.removeFirst()
    guard let item else { return nil }
    index += 1
    previous = current
    current = item
    return item
  }

  /// Lets go of the closures, which hold scopes.
  func end() {
    test = nil
    recurse = nil
  }

  private func length() throws -> Int {
    if isSized { return items.count }
    if let counted { return counted }
    while let item = try pull() { ahead.append(item) }
    let count = index + 1 + ahead.count
    counted = count
    return count
  }

  /// A member of `loop`; `nil` for a name that it does not have.
  func member(_ name: String, _ evaluator: JinjaEvaluator) throws -> JinjaValue? {
    switch name {
    case "index": .int(index + 1)
    case "index0": .int(index)
    case "revindex": .int(try length() - index)
    case "revindex0": .int(try length() - index - 1)
    case "first": .bool(index == 0)
    case "last": .bool(try peek() == nil)
    case "length": .int(try length())
    case "depth": .int(depth + 1)
    case "depth0": .int(depth)
    case "previtem":
      (index == 0 ? nil : previous)
        ?? .undefined(JinjaUndefined(message: "there is no previous item"))
    case "nextitem":
      try peek() ?? .undefined(JinjaUndefined(message: "there is no next item"))
    case "cycle":
      try evaluator.callable("cycle") { [index] evaluator, arguments in
        let items = arguments.positional
        guard !items.isEmpty else { throw evaluator.fail("loop.cycle() needs values") }
        return items[index % items.count]
      }
    case "changed":
      try evaluator.callable("changed") { [self] evaluator, arguments in
        let values = arguments.positional
        if let lastChanged, try evaluator.areEqual(lastChanged, values) { return .bool(false) }
        lastChanged = values
        return .bool(true)
      }
    default: nil
    }
  }
}
