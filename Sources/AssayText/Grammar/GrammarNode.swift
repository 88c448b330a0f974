/// What a text may be, as a tree.
indirect enum GrammarNode: Sendable {
  /// One of these characters.
  case characters(ScalarSet)
  /// One of these texts, in UTF-8.
  case literals([[UInt8]])
  /// One behind another; of none the empty text.
  case sequence([GrammarNode])
  /// One of them.
  case choice([GrammarNode])
  /// As often as `minimum` to `maximum` times; `nil` is without end.
  case repeated(GrammarNode, minimum: Int, maximum: Int?)
  /// What another rule says, which may speak of this one.
  case rule(Int)
  /// Any text in which none of these stands.
  case text(avoiding: [[UInt8]])
  /// One of these texts, which is a token of its own: its probability is read.
  case decision([[UInt8]])

  /// The empty text.
  static let empty = GrammarNode.sequence([])

  /// One text.
  static func literal(_ text: String) -> GrammarNode { .literals([Array(text.utf8)]) }

  /// Something or nothing.
  static func optional(_ node: GrammarNode) -> GrammarNode {
    .repeated(node, minimum: 0, maximum: 1)
  }

  /// Something as often as one likes.
  static func any(_ node: GrammarNode) -> GrammarNode {
    .repeated(node, minimum: 0, maximum: nil)
  }
}

/// Rules that speak of one another; a text is what the first one says.
struct GrammarRules: Sendable {
  /// What each rule says.
  var nodes: [GrammarNode]
  /// What each rule is called in messages.
  var names: [String]

  /// Makes rules of one.
  init(_ root: GrammarNode, name: String) {
    nodes = [root]
    names = [name]
  }

  /// Adds a rule.
  ///
  /// - Returns: Its number.
  mutating func add(_ node: GrammarNode, name: String) -> Int {
    nodes.append(node)
    names.append(name)
    return nodes.count - 1
  }
}
