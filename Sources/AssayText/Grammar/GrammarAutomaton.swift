import HeapModule

/// Rules as states and edges over bytes; an edge may call another rule, as in a pushdown automaton.
///
/// Source: Thompson's construction (1968), and for rules that call one another Woods' recursive
/// transition networks (1970).
struct GrammarAutomaton: Sendable {
  /// A way from one node to another.
  struct Edge: Sendable {
    enum Kind: Sendable {
      /// By a byte of the classes from the first to the last.
      case bytes(first: UInt8, last: UInt8)
      /// By nothing.
      case nothing
      /// By nothing, where a token ends and another begins.
      case boundary
      /// By what a rule says.
      case call(Int32)
    }

    var kind: Kind
    var target: Int32
  }

  /// Most nodes of all rules.
  static let mostNodes = 100_000

  /// The edges of node n are those from `firstEdge[n]` to `firstEdge[n + 1]`.
  private(set) var firstEdge: [Int32] = [0]
  private(set) var edges: [Edge] = []
  /// Where each rule begins and ends.
  let starts: [Int32]
  let ends: [Int32]
  /// Whether a node ends its rule.
  private(set) var isEnd: [Bool]
  /// Nodes before a letter whose probability is read.
  let decisions: Set<Int32>
  /// The texts between which those letters decide.
  let decided: [[UInt8]]
  /// The class of each byte: bytes of one class are never told apart.
  let classes: [UInt8]
  /// How many classes there are.
  let classCount: Int
  /// Fewest bytes from a node to the end of its rule; `unreachable` where there is no way.
  private(set) var distances: [Int32] = []
  /// How many rules are called within one another at least on the way to the end of a node's rule.
  private(set) var heights: [Int32] = []

  /// The distance of what cannot be reached.
  static let unreachable = Int32.max

  /// Compiles rules.
  ///
  /// - Parameters:
  ///   - rules: The rules; a text is what the first one says.
  ///   - spellable: Whether each byte may occur.
  /// - Throws: `GrammarError.tooLarge`, `unspellable` where no text is left, or `schema` where a rule
  ///   begins with itself.
  init(_ rules: GrammarRules, spellable: [Bool]? = nil) throws(GrammarError) {
    var builder = GrammarBuilder(rules)
    for rule in rules.nodes.indices { try builder.build(rule) }
    (starts, ends, decided) = (builder.starts, builder.ends, builder.decided)
    decisions = builder.decisions
    (classes, classCount) = builder.classes(spellable)
    isEnd = [Bool](repeating: false, count: builder.edges.count)
    for end in ends { isEnd[Int(end)] = true }
    let bytes: [Bool] = spellable ?? [Bool](repeating: true, count: 256)
    for own in builder.edges {
      for edge in own { add(edge, bytes) }
      firstEdge.append(Int32(edges.count))
    }
    distances = least(ofByte: 1) { inner, rest, _ in inner.addingWithLimit(rest) }
    // What is called last leaves nothing to come back to.
    heights = least(ofByte: 0) { inner, rest, isLast in
      isLast ? inner : max(inner.addingWithLimit(1), rest)
    }
    guard distances[Int(starts[0])] != Self.unreachable else {
      throw .unspellable(grammar: rules.names[0])
    }
    trim()
    try refuseLeftRecursion(names: builder.names)
  }

  /// The edges of a node.
  func edges(of node: Int32) -> ArraySlice<Edge> {
    edges[Int(firstEdge[Int(node)])..<Int(firstEdge[Int(node) + 1])]
  }

  private mutating func add(_ edge: GrammarBuilder.Edge, _ spellable: [Bool]) {
    switch edge.label {
    case .nothing: edges.append(Edge(kind: .nothing, target: edge.target))
    case .boundary: edges.append(Edge(kind: .boundary, target: edge.target))
    case .call(let rule): edges.append(Edge(kind: .call(Int32(rule)), target: edge.target))
    case .bytes(let range):
      // Runs of bytes that may occur; a class holds no other.
      var start: UInt8?
      for byte in range {
        if spellable[Int(byte)], start == nil { start = byte }
        guard let first = start else { continue }
        let isLast = byte == range.upperBound || !spellable[Int(byte) + 1]
        guard isLast else { continue }
        let kind = Edge.Kind.bytes(first: classes[Int(first)], last: classes[Int(byte)])
        edges.append(Edge(kind: kind, target: edge.target))
        start = nil
      }
    }
  }

  /// Drops edges that lead to no end.
  private mutating func trim() {
    var kept: [Edge] = []
    var first: [Int32] = [0]
    for node in isEnd.indices {
      for edge in edges(of: Int32(node)) {
        guard distances[Int(edge.target)] != Self.unreachable else { continue }
        if case .call(let rule) = edge.kind,
          distances[Int(starts[Int(rule)])] == Self.unreachable
        {
          continue
        }
        kept.append(edge)
      }
      first.append(Int32(kept.count))
    }
    (edges, firstEdge) = (kept, first)
  }

  private struct Candidate: Comparable {
    let value: Int32
    let node: Int32
    static func < (left: Candidate, right: Candidate) -> Bool { left.value < right.value }
  }

  /// The least sum of every node to the end of its rule.
  ///
  /// Source: Knuth, "A generalization of Dijkstra's algorithm" (1977).
  private func least(
    ofByte cost: Int32,
    call: (_ inner: Int32, _ rest: Int32, _ isLast: Bool) -> Int32
  ) -> [Int32] {
    var before = [[(node: Int32, edge: Edge)]](repeating: [], count: isEnd.count)
    var callers = [[(node: Int32, target: Int32)]](repeating: [], count: starts.count)
    var ruleOf: [Int32: Int] = [:]
    for (rule, start) in starts.enumerated() { ruleOf[start] = rule }
    for node in isEnd.indices {
      for edge in edges(of: Int32(node)) {
        before[Int(edge.target)].append((Int32(node), edge))
        if case .call(let rule) = edge.kind {
          callers[Int(rule)].append((Int32(node), edge.target))
        }
      }
    }
    var values = [Int32](repeating: Self.unreachable, count: isEnd.count)
    var heap = Heap(ends.map { Candidate(value: 0, node: $0) })
    func offer(_ node: Int32, _ value: Int32) {
      if values[Int(node)] == Self.unreachable { heap.insert(Candidate(value: value, node: node)) }
    }
    while let candidate = heap.popMin() {
      let node = candidate.node
      guard values[Int(node)] == Self.unreachable else { continue }
      values[Int(node)] = candidate.value
      for (previous, edge) in before[Int(node)] {
        switch edge.kind {
        case .bytes: offer(previous, candidate.value.addingWithLimit(cost))
        case .nothing, .boundary: offer(previous, candidate.value)
        case .call(let rule):
          let inner = values[Int(starts[Int(rule)])]
          guard inner != Self.unreachable else { continue }
          offer(previous, call(inner, candidate.value, isEnd[Int(node)]))
        }
      }
      guard let rule = ruleOf[node] else { continue }
      for (caller, target) in callers[rule] where values[Int(target)] != Self.unreachable {
        offer(caller, call(candidate.value, values[Int(target)], isEnd[Int(target)]))
      }
    }
    return values
  }

  /// Refuses rules that call themselves before a byte is read.
  private func refuseLeftRecursion(names: [String]) throws(GrammarError) {
    let first = starts.map(firstCalls)
    // 1 while a rule is looked at, 2 behind that.
    var marks = [UInt8](repeating: 0, count: starts.count)
    for root in starts.indices where marks[root] == 0 {
      var path = [(rule: root, next: 0)]
      marks[root] = 1
      while let (rule, next) = path.last {
        guard next < first[rule].count else {
          marks[rule] = 2
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let called = Int(first[rule][next])
        guard marks[called] != 1 else {
          throw .schema(place: names[called], reason: "it refers to itself without an end")
        }
        if marks[called] == 0 {
          marks[called] = 1
          path.append((called, 0))
        }
      }
    }
  }

  /// The rules that may be called before a byte is read behind a node.
  private func firstCalls(_ start: Int32) -> [Int32] {
    var seen: Set<Int32> = [start]
    var waiting = [start]
    var called: Set<Int32> = []
    while let node = waiting.popLast() {
      for edge in edges(of: node) {
        switch edge.kind {
        case .bytes: continue
        case .nothing, .boundary: break
        case .call(let rule):
          called.insert(rule)
          guard distances[Int(starts[Int(rule)])] == 0 else { continue }
        }
        if seen.insert(edge.target).inserted { waiting.append(edge.target) }
      }
    }
    return called.sorted()
  }
}

extension Int32 {
  /// The sum, or the largest number.
  func addingWithLimit(_ other: Int32) -> Int32 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
