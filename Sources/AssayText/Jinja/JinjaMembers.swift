/// Attributes, items and slices, as the sandbox of `transformers` gives them.
///
/// Source: Jinja2 3.1.6, `sandbox.py`, `ImmutableSandboxedEnvironment`.
extension JinjaEvaluator {
  /// `owner.name`: an attribute, or else an item.
  func member(_ name: JinjaText, of owner: JinjaValue) throws -> JinjaValue {
    if case .undefined(let undefined) = owner { throw fail(undefined.message) }
    if case .dict(let dict) = owner {
      // Few members have the name of a method.
      if !JinjaMethods.dictNames.contains(name), let value = dict[.text(name.scalars)] {
        return value
      }
    }
    if let value = try attribute(name.string, of: owner) { return value }
    if case .dict(let dict) = owner, let value = dict[.text(name.scalars)] { return value }
    return .undefined(JinjaUndefined(name: name.string, of: owner))
  }

  /// `owner[key]`: an item, or else an attribute.
  func item(_ key: JinjaValue, of owner: JinjaValue) throws -> JinjaValue {
    switch owner {
    case .undefined(let undefined): throw fail(undefined.message)
    case .dict(let dict):
      if let key = JinjaKey(key), let value = dict[key] { return value }
    case .list(let list), .tuple(let list):
      if let index = key.integer, let place = Self.place(index, list.items.count) {
        return list.items[place]
      }
    case .text(let text):
      if let index = key.integer, let place = Self.place(index, text.count) {
        return .text(text[place])
      }
    case .range(let range):
      if let index = key.integer, let place = Self.place(index, range.count) {
        return .int(range[place])
      }
    default: break
    }
    if case .text(let name) = key {
      return try attribute(name.string, of: owner)
        ?? .undefined(JinjaUndefined(name: name.string, of: owner))
    }
    let shown = try representation(of: key).string
    return .undefined(JinjaUndefined(message: "a \(owner.typeName) has no element \(shown)"))
  }

  private static func place(_ index: Int, _ count: Int) -> Int? {
    let place = index < 0 ? index + count : index
    return (0..<count).contains(place) ? place : nil
  }

  /// `owner[start:stop:step]`.
  func slice(
    _ owner: JinjaValue,
    from start: Int?,
    to stop: Int?,
    step: Int?
  ) throws -> JinjaValue {
    if case .undefined(let undefined) = owner { throw fail(undefined.message) }
    guard step != 0 else { throw fail("the step of a slice cannot be 0") }
    func indices(_ count: Int) throws -> [Int] {
      let indices = Self.indices(count, start, stop, step ?? 1)
      try charge(indices.count / 8)
      return indices
    }
    switch owner {
    case .text(let whole):
      let places = try indices(whole.count)
      guard step ?? 1 == 1 else { return try text(whole.stepped(places)) }
      guard let first = places.first else { return .text("") }
      return try text(whole[first..<first + places.count])
    case .list(let items): return try list(try indices(items.items.count).map { items.items[$0] })
    case .tuple(let items): return try tuple(try indices(items.items.count).map { items.items[$0] })
    case .range(let range):
      let places = try indices(range.count)
      let step = places.count > 1 ? range[places[1]] - range[places[0]] : range.step
      let start = places.first.map { range[$0] } ?? range.start
      return .range(
        JinjaRange(
          start: start,
          stop: start &+ places.count &* step,
          step: step,
          count: places.count
        )
      )
    default: throw fail("a \(owner.typeName) cannot be sliced")
    }
  }

  /// The places that Python's `slice.indices` names.
  private static func indices(_ count: Int, _ start: Int?, _ stop: Int?, _ step: Int) -> [Int] {
    func bound(_ value: Int?, _ standard: Int) -> Int {
      guard let value else { return standard }
      let (low, high) = step > 0 ? (0, count) : (-1, count - 1)
      let (moved, overflows) = value < 0 ? value.addingReportingOverflow(count) : (value, false)
      return overflows ? low : min(max(moved, low), high)
    }
    let first = bound(start, step > 0 ? 0 : count - 1)
    let end = bound(stop, step > 0 ? count : -1)
    // A step beyond the length takes one item, as does the length itself.
    let stride = step > 0 ? min(step, max(count, 1)) : max(step, -max(count, 1))
    return Array(Swift.stride(from: first, to: end, by: stride))
  }

  /// An attribute; `nil` where the value has none of that name.
  func attribute(_ name: String, of owner: JinjaValue) throws -> JinjaValue? {
    switch owner {
    case .text(let text):
      guard let method = JinjaMethods.text[name] else { return nil }
      return try callable(name) { try method($0, text, $1) }
    case .dict(let dict):
      if JinjaMethods.changing.dict.contains(name) { return refused(name, owner) }
      guard let method = JinjaMethods.dict[name] else { return nil }
      return try callable(name, holding: [owner]) { try method($0, dict, $1) }
    case .list(let list):
      if JinjaMethods.changing.list.contains(name) { return refused(name, owner) }
      if name == "copy" { return try callable(name, holding: [owner]) { _, _ in owner } }
      return try sequenceMethod(name, list.items)
    case .tuple(let list):
      if let place = list.names.firstIndex(of: name) { return list.items[place] }
      return try sequenceMethod(name, list.items)
    case .namespace(let namespace): return namespace[name]
    case .loop(let loop): return try loop.member(name, self)
    case .callable(let callable): return callable.attributes.first { $0.0 == name }?.1
    case .range(let range):
      switch name {
      case "start": return .int(range.start)
      case "step": return .int(range.step)
      case "stop": return .int(range.stop)
      default: return nil
      }
    case .undefined, .none, .bool, .int, .float, .view, .iterator: return nil
    }
  }

  /// Methods that change a value are there and fail when they are called.
  private func refused(_ name: String, _ owner: JinjaValue) -> JinjaValue {
    .undefined(
      JinjaUndefined(
        message: "'\(name)' would change a \(owner.typeName), which chat templates may not do"
      )
    )
  }

  private func sequenceMethod(_ name: String, _ items: [JinjaValue]) throws -> JinjaValue? {
    guard name == "index" || name == "count" else { return nil }
    let depth = [JinjaValue.tuple(JinjaList(items))]
    return try callable(name, holding: depth) { evaluator, arguments in
      let value = try evaluator.arguments(arguments, name, ["value"], required: 1)[0]
      if name == "index" {
        for (place, item) in items.enumerated() where try evaluator.areEqual(item, value) {
          return .int(place)
        }
        throw evaluator.fail("the value that 'index' looks for is not in the list")
      }
      return .int(try items.filter { try evaluator.areEqual($0, value) }.count)
    }
  }
}
