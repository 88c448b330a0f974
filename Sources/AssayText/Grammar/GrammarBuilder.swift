/// Lays rules out as nodes and edges, before bytes have classes.
struct GrammarBuilder {
  /// A way from a node to another.
  struct Edge {
    enum Label {
      case bytes(ClosedRange<UInt8>)
      case nothing
      case boundary
      case call(Int)
    }

    let label: Label
    let target: Int32
  }

  private var rules: [GrammarNode]
  /// What each rule is called.
  private(set) var names: [String]
  /// The edges of each node.
  private(set) var edges: [[Edge]] = []
  private(set) var starts: [Int32] = []
  private(set) var ends: [Int32] = []
  private(set) var decisions: Set<Int32> = []
  private(set) var decided: [[UInt8]] = []
  private var spellings: [ScalarSet: [[ClosedRange<UInt8>]]] = [:]

  /// Begins with a first and a last node for each rule.
  init(_ rules: GrammarRules) {
    self.rules = rules.nodes
    names = rules.names
    for _ in rules.nodes { appendRule() }
  }

  private mutating func appendRule() {
    starts.append(Int32(edges.count))
    ends.append(Int32(edges.count + 1))
    edges += [[], []]
  }

  /// Builds a rule.
  ///
  /// - Throws: `GrammarError.tooLarge`.
  mutating func build(_ rule: Int) throws(GrammarError) {
    try build(rules[rule], from: starts[rule], to: ends[rule])
  }

  private mutating func node() throws(GrammarError) -> Int32 {
    guard edges.count < GrammarAutomaton.mostNodes else {
      throw .tooLarge(reason: "needs more than \(GrammarAutomaton.mostNodes) nodes")
    }
    edges.append([])
    return Int32(edges.count - 1)
  }

  private mutating func connect(_ from: Int32, _ label: Edge.Label, _ to: Int32) {
    edges[Int(from)].append(Edge(label: label, target: to))
  }

  private mutating func build(
    _ node: GrammarNode,
    from: Int32,
    to: Int32
  ) throws(GrammarError) {
    switch node {
    case .characters(let set): try build(set, from: from, to: to)
    case .literals(let texts): try build(texts, from: from, to: to)
    case .sequence(let parts):
      var place = from
      for (index, part) in parts.enumerated() {
        let end = index == parts.count - 1 ? to : try self.node()
        try build(part, from: place, to: end)
        place = end
      }
      if parts.isEmpty { connect(from, .nothing, to) }
    case .choice(let options):
      for option in options { try build(option, from: from, to: to) }
    case .repeated(let part, let minimum, let maximum):
      try build(part, minimum, maximum, from: from, to: to)
    case .rule(let rule): connect(from, .call(rule), to)
    case .text(let avoided): try build(avoiding: avoided, from: from, to: to)
    case .decision(let texts):
      let start = try self.node()
      let (first, last) = (try self.node(), try self.node())
      // A node of its own, so that no other way leads through the boundary.
      connect(from, .nothing, start)
      connect(start, .boundary, first)
      try build(texts, from: first, to: last)
      connect(last, .boundary, to)
      decisions.insert(start)
      decided += texts.filter { !decided.contains($0) }
    }
  }

  /// A set of characters by the bytes of their spellings.
  private mutating func build(
    _ set: ScalarSet,
    from: Int32,
    to: Int32
  ) throws(GrammarError) {
    let sequences = spellings[set] ?? set.byteSequences
    spellings[set] = sequences
    // Sequences whose last bytes are the same share their ends.
    var tails: [[ClosedRange<UInt8>]: Int32] = [:]
    for sequence in sequences {
      var place = to
      for depth in stride(from: sequence.count - 1, to: 0, by: -1) {
        let tail = Array(sequence[depth...])
        if let known = tails[tail] {
          place = known
          continue
        }
        let made = try node()
        connect(made, .bytes(sequence[depth]), place)
        tails[tail] = made
        place = made
      }
      connect(from, .bytes(sequence[0]), place)
    }
  }

  /// Some texts by their common beginnings.
  private mutating func build(
    _ texts: [[UInt8]],
    from: Int32,
    to: Int32
  ) throws(GrammarError) {
    let root = try node()
    connect(from, .nothing, root)
    var children: [Int64: Int32] = [:]
    var ended: Set<Int32> = []
    for text in texts {
      var place = root
      for byte in text {
        let key = Int64(place) << 8 | Int64(byte)
        if let known = children[key] {
          place = known
          continue
        }
        let made = try node()
        connect(place, .bytes(byte...byte), made)
        children[key] = made
        place = made
      }
      if ended.insert(place).inserted { connect(place, .nothing, to) }
    }
  }

  private mutating func build(
    _ part: GrammarNode,
    _ minimum: Int,
    _ maximum: Int?,
    from: Int32,
    to: Int32
  ) throws(GrammarError) {
    var part = part
    // What is copied often is laid out once and called.
    if max(minimum, maximum ?? 0) > 2, !part.isSmall {
      rules.append(part)
      names.append("a repeated part")
      appendRule()
      let rule = rules.count - 1
      try build(rule)
      part = .rule(rule)
    }
    var place = from
    for _ in 0..<minimum {
      let next = try node()
      try build(part, from: place, to: next)
      place = next
    }
    guard let maximum else {
      let (loop, back) = (try node(), try node())
      connect(place, .nothing, loop)
      try build(part, from: loop, to: back)
      connect(back, .nothing, loop)
      connect(loop, .nothing, to)
      return
    }
    for _ in minimum..<maximum {
      connect(place, .nothing, to)
      let next = try node()
      try build(part, from: place, to: next)
      place = next
    }
    connect(place, .nothing, to)
  }

  /// Any text without some texts in it, which are of ASCII.
  ///
  /// Source: Aho and Corasick, "Efficient string matching" (1975).
  private mutating func build(
    avoiding avoided: [[UInt8]],
    from: Int32,
    to: Int32
  ) throws(GrammarError) {
    // Beginnings of what is avoided; each knows its longest end that is one, too.
    var beginnings: [[UInt8]] = [[]]
    for text in avoided {
      for count in 1..<text.count where !beginnings.contains(Array(text.prefix(count))) {
        beginnings.append(Array(text.prefix(count)))
      }
    }
    var places: [Int32] = []
    for _ in beginnings { places.append(try node()) }
    connect(from, .nothing, places[0])
    for (index, beginning) in beginnings.enumerated() {
      connect(places[index], .nothing, to)
      try build(ScalarSet([0x80...0x10FFFF]), from: places[index], to: places[0])
      for byte in UInt8(0)..<0x80 {
        let read = beginning + [byte]
        if avoided.contains(where: { read.suffix($0.count) == $0[...] }) { continue }
        let next = beginnings.indices.filter {
          read.suffix(beginnings[$0].count) == beginnings[$0][...]
        }
        .max { beginnings[$0].count < beginnings[$1].count }
        connect(places[index], .bytes(byte...byte), places[next ?? 0])
      }
    }
  }

  /// The classes of bytes that no edge tells apart, numbered in the order of bytes.
  ///
  /// - Parameter spellable: Whether each byte may occur.
  /// - Returns: The class of each byte, and their number.
  func classes(_ spellable: [Bool]?) -> (of: [UInt8], count: Int) {
    var begins = [Bool](repeating: false, count: 257)
    begins[0] = true
    // The space at a text's beginning may be dropped.
    (begins[0x20], begins[0x21]) = (true, true)
    for edge in edges.joined() {
      guard case .bytes(let range) = edge.label else { continue }
      begins[Int(range.lowerBound)] = true
      begins[Int(range.upperBound) + 1] = true
    }
    for byte in 1..<256 where spellable?[byte - 1] != spellable?[byte] { begins[byte] = true }
    var classes: [UInt8] = []
    var last = -1
    for byte in 0..<256 {
      if begins[byte] { last += 1 }
      classes.append(UInt8(last))
    }
    return (classes, last + 1)
  }
}

extension GrammarNode {
  /// Whether it takes only a few nodes.
  fileprivate var isSmall: Bool {
    switch self {
    case .characters(let set): set.ranges.allSatisfy { $0.upperBound < 0x80 }
    case .rule: true
    default: false
    }
  }
}
