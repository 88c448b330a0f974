/// A value of a template: what Python's objects are to Jinja2.
///
/// Lists and mappings never change once made, as the sandbox that `transformers` uses forbids it;
/// only namespaces, loops and iterators have state.
enum JinjaValue {
  case undefined(JinjaUndefined)
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case text(JinjaText)
  case list(JinjaList)
  case tuple(JinjaList)
  case dict(JinjaDict)
  case range(JinjaRange)
  /// `keys()`, `values()` or `items()` of a mapping.
  case view(JinjaView)
  /// What Python's generators and iterators are: gone once it has been read.
  case iterator(JinjaIterator)
  case namespace(JinjaNamespace)
  case loop(JinjaLoop)
  case callable(JinjaCallable)

  static func text(_ text: String) -> JinjaValue { .text(JinjaText(text)) }
}

/// A value that is not there, and how it was asked for.
struct JinjaUndefined {
  /// What to say where it is used as if it were there.
  var message: String

  init(message: String) { self.message = message }

  /// A variable that has no value.
  init(name: String) { message = "'\(name)' is undefined" }

  /// A member that a value does not have.
  init(name: String, of value: JinjaValue) {
    let owner: String = if case .none = value { "None" } else { "\(value.typeName) object" }
    message = "'\(owner)' has no attribute '\(name)'"
  }
}

/// The items of a list or tuple.
final class JinjaList {
  let items: [JinjaValue]
  /// The names by which a named tuple's items are attributes too.
  let names: [String]
  let depth: Int

  init(_ items: [JinjaValue], names: [String] = []) {
    self.items = items
    self.names = names
    depth = JinjaValue.depth(of: items)
  }
}

/// A mapping in the order of its keys.
final class JinjaDict {
  let keys: [JinjaValue]
  let values: [JinjaValue]
  let depth: Int
  private let places: [JinjaKey: Int]

  /// Makes a mapping; of equal keys the first keeps its place and the last its value.
  init(_ pairs: [(key: JinjaKey, name: JinjaValue, value: JinjaValue)]) {
    var keys: [JinjaValue] = []
    var values: [JinjaValue] = []
    var places: [JinjaKey: Int] = [:]
    for pair in pairs {
      if let place = places[pair.key] {
        values[place] = pair.value
      } else {
        places[pair.key] = keys.count
        keys.append(pair.name)
        values.append(pair.value)
      }
    }
    self.keys = keys
    self.values = values
    self.places = places
    depth = max(JinjaValue.depth(of: keys), JinjaValue.depth(of: values))
  }

  subscript(key: JinjaKey) -> JinjaValue? { places[key].map { values[$0] } }

  subscript(name: String) -> JinjaValue? { self[.text(Array(name.unicodeScalars))] }

  /// The key and the value at a place.
  func item(_ index: Int) -> JinjaValue { .tuple(JinjaList([keys[index], values[index]])) }
}

/// What makes two keys of a mapping the same: 1, 1.0 and true are, as in Python.
enum JinjaKey: Hashable {
  case none
  case undefined
  case int(Int)
  case float(Double)
  case text([Unicode.Scalar])
  case tuple([JinjaKey])
  case identity(ObjectIdentifier)

  /// The key of a value; `nil` for one that Python cannot hash.
  init?(_ value: JinjaValue) {
    switch value {
    case .none: self = .none
    case .undefined: self = .undefined
    case .bool(let value): self = .int(value ? 1 : 0)
    case .int(let value): self = .int(value)
    case .float(let value): self = Int(exactly: value).map { .int($0) } ?? .float(value)
    case .text(let text): self = .text(text.scalars)
    case .tuple(let list):
      var keys: [JinjaKey] = []
      for item in list.items {
        guard let key = JinjaKey(item) else { return nil }
        keys.append(key)
      }
      self = .tuple(keys)
    case .callable(let object): self = .identity(ObjectIdentifier(object))
    case .namespace(let object): self = .identity(ObjectIdentifier(object))
    case .list, .dict, .range, .view, .iterator, .loop: return nil
    }
  }
}

/// `range(start, stop, step)`.
struct JinjaRange {
  var start: Int
  var stop: Int
  var step: Int
  var count: Int

  subscript(index: Int) -> Int { start + index * step }
}

/// A view of a mapping.
struct JinjaView {
  enum Kind: String { case keys, values, items }

  var dict: JinjaDict
  var kind: Kind

  var count: Int { dict.keys.count }

  var items: [JinjaValue] {
    switch kind {
    case .keys: dict.keys
    case .values: dict.values
    case .items: dict.keys.indices.map { dict.item($0) }
    }
  }
}

/// Items that can be read once.
final class JinjaIterator {
  let name: String
  let depth: Int
  private var items: ArraySlice<JinjaValue>

  init(_ name: String, _ items: [JinjaValue]) {
    self.name = name
    self.items = items[...]
    depth = JinjaValue.depth(of: items)
  }

  func next() -> JinjaValue? { items.popFirst() }

  func rest() -> [JinjaValue] {
    defer { items = [] }
    return Array(items)
  }
}

/// Attributes that a template may set.
final class JinjaNamespace {
  private(set) var names: [String]
  private(set) var values: [JinjaValue]

  init(_ attributes: [(String, JinjaValue)]) {
    names = []
    values = []
    for (name, value) in attributes { self[name] = value }
  }

  subscript(name: String) -> JinjaValue? {
    get { names.firstIndex(of: name).map { values[$0] } }
    set {
      guard let newValue else { return }
      if let place = names.firstIndex(of: name) {
        values[place] = newValue
      } else {
        names.append(name)
        values.append(newValue)
      }
    }
  }

  /// Lets go of everything, so that namespaces that hold each other end with the rendering.
  func clear() {
    names = []
    values = []
  }
}

/// Something that can be called: a macro, a method of a value, a global function.
final class JinjaCallable {
  typealias Body = (JinjaEvaluator, JinjaArguments) throws -> JinjaValue

  let name: String
  let depth: Int
  let attributes: [(String, JinjaValue)]
  private(set) var body: Body?

  init(
    _ name: String,
    depth: Int = 0,
    attributes: [(String, JinjaValue)] = [],
    body: @escaping Body
  ) {
    self.name = name
    self.depth = depth
    self.attributes = attributes
    self.body = body
  }

  /// Lets go of what the body holds.
  func clear() { body = nil }
}

/// The arguments of a call, a filter or a test.
struct JinjaArguments {
  var positional: [JinjaValue] = []
  var named: [(name: String, value: JinjaValue)] = []
}

extension JinjaValue {
  /// How deep containers stand in each other, so that no chain of them overflows the stack.
  var depth: Int {
    switch self {
    case .undefined, .none, .bool, .int, .float, .text, .range, .namespace: 0
    case .list(let list), .tuple(let list): list.depth
    case .dict(let dict): dict.depth
    case .view(let view): view.dict.depth + 1
    case .iterator(let iterator): iterator.depth
    case .loop(let loop): loop.valueDepth
    case .callable(let callable): callable.depth + 1
    }
  }

  static func depth(of items: [JinjaValue]) -> Int {
    var deepest = 0
    for item in items { deepest = max(deepest, item.depth) }
    return deepest + 1
  }

  /// Python's name of the type.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .bool: "bool"
    case .int: "int"
    case .float: "float"
    case .text: "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dict: "dict"
    case .range: "range"
    case .view(let view): "dict_\(view.kind.rawValue)"
    case .iterator(let iterator): iterator.name
    case .namespace: "Namespace"
    case .loop: "LoopContext"
    case .callable(let callable): callable.name
    }
  }

  /// Python's `bool(x)`.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .int(let value): value != 0
    case .float(let value): value != 0
    case .text(let text): !text.isEmpty
    case .list(let list), .tuple(let list): !list.items.isEmpty
    case .dict(let dict): !dict.keys.isEmpty
    case .range(let range): range.count > 0
    case .view(let view): view.count > 0
    case .iterator, .namespace, .callable, .loop: true
    }
  }

  /// The number as an integer, where it is one or a boolean.
  var integer: Int? {
    switch self {
    case .bool(let value): value ? 1 : 0
    case .int(let value): value
    default: nil
    }
  }

  /// The number, where it is one or a boolean.
  var number: Double? {
    if case .float(let value) = self { return value }
    return integer.map { Double($0) }
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }
  var isNone: Bool { if case .none = self { true } else { false } }
}
