/// Makes values within the limits.
extension JinjaEvaluator {
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
}
