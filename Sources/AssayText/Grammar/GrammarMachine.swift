/// An automaton run by sets of places, as one that is deterministic and made as it is needed.
///
/// A place is a node and the rules that were called to get there; places of one set are told apart by
/// bytes still to come. Sets are numbered; a set that was seen before has its number.
///
/// Source: the subset construction of Rabin and Scott (1959), with stacks shared as in Tomita's
/// graph-structured stack (1985).
struct GrammarMachine: Sendable {
  /// Deepest nesting of rules; texts that are nested deeper are not allowed.
  static let deepest: Int32 = 256
  /// Most places of one set.
  static let mostPlaces = 2048

  /// A rule that was called, and where it goes on behind.
  private struct Frame {
    let target: Int32
    let parent: Int32
    let depth: Int32
    /// Fewest bytes from `target` to the end of the text.
    let distance: Int32
  }

  /// What a set has where the text may end: no node has this number.
  private static let end = UInt64.max
  private static let unknown: Int32 = -2
  /// The number of no set: nothing goes on.
  static let dead: Int32 = -1

  let automaton: GrammarAutomaton
  private var frames: [Frame] = []
  private var frameOf: [UInt64: Int32] = [:]
  private var sets: [[UInt64]] = []
  private var numberOf: [[UInt64]: Int32] = [:]
  private var rows: [Int32] = []
  private var opened: [Int32] = []
  /// Fewest bytes from each set to the end of the text.
  private(set) var distances: [Int32] = []
  /// Whether the text may end at each set.
  private(set) var mayEnd: [Bool] = []
  /// Whether a letter whose probability is read may come next; of sets that tokens begin at.
  private(set) var decides: [Bool] = []
  /// The set that texts begin with.
  private(set) var start: Int32 = 0
  /// How many places all sets have together: what the machine takes of memory.
  private(set) var placeCount = 0
  /// Steps that have been worked out.
  private(set) var stepCount = 0
  /// Whether a set had too many places, so that something that is allowed is taken for not.
  private(set) var isOverfull = false

  /// Begins with the set that texts begin with.
  ///
  /// - Parameters:
  ///   - automaton: What is run.
  ///   - dropsSpace: Whether a space at the very beginning is not part of the text.
  init(_ automaton: GrammarAutomaton, dropsSpace: Bool = false) {
    self.automaton = automaton
    let first = closure([(automaton.starts[0], -1)], opens: false)
    start = first
    guard dropsSpace, first >= 0 else { return }
    // A set of its own, which differs by what a space leads to.
    let open = open(first)
    start = append(sets[Int(open)])
    decides[Int(start)] = decides[Int(open)]
    opened[Int(start)] = start
    rows[Int(start) * automaton.classCount + Int(automaton.classes[0x20])] = first
  }

  /// How many sets there are.
  var count: Int { sets.count }

  /// The set behind a byte, or `dead`.
  mutating func step(_ set: Int32, _ byte: UInt8) -> Int32 {
    stepClass(set, automaton.classes[Int(byte)])
  }

  private mutating func stepClass(_ set: Int32, _ group: UInt8) -> Int32 {
    let place = Int(set) * automaton.classCount + Int(group)
    let known = rows[place]
    if known != Self.unknown { return known }
    var seeds: [(Int32, Int32)] = []
    for key in sets[Int(set)] where key != Self.end {
      let (node, frame) = Self.place(key)
      for edge in automaton.edges(of: node) {
        guard case .bytes(let first, let last) = edge.kind, first <= group, group <= last else {
          continue
        }
        seeds.append((edge.target, frame))
      }
    }
    stepCount += sets[Int(set)].count
    let next = seeds.isEmpty ? Self.dead : closure(seeds, opens: false)
    rows[place] = next
    return next
  }

  /// The set with which a token begins behind another: where boundaries between tokens are passed.
  mutating func open(_ set: Int32) -> Int32 {
    let known = opened[Int(set)]
    if known != Self.unknown { return known }
    let places = sets[Int(set)].filter { $0 != Self.end }.map(Self.place)
    let boundaries = places.filter { place in
      automaton.edges(of: place.0).contains { edge in
        if case .boundary = edge.kind { true } else { false }
      }
    }
    guard !boundaries.isEmpty else {
      opened[Int(set)] = set
      return set
    }
    let open = closure(places, opens: true, ends: mayEnd[Int(set)])
    guard open >= 0 else { return set }
    opened[Int(set)] = open
    opened[Int(open)] = open
    if boundaries.contains(where: { automaton.decisions.contains($0.0) }) {
      decides[Int(open)] = true
    }
    return open
  }

  /// Works out what can be reached from the beginning.
  ///
  /// - Parameters:
  ///   - mostStates: Most sets.
  ///   - mostSteps: Most steps, each of one place.
  /// - Returns: Whether that is all.
  mutating func explore(mostStates: Int, mostSteps: Int) -> Bool {
    guard start >= 0 else { return false }
    var next = 0
    while next < sets.count {
      for group in 0..<automaton.classCount { _ = stepClass(Int32(next), UInt8(group)) }
      guard !isOverfull, sets.count <= mostStates, stepCount <= mostSteps else { return false }
      next += 1
    }
    return true
  }

  // MARK: Sets

  private static func place(_ key: UInt64) -> (Int32, Int32) {
    (Int32(truncatingIfNeeded: key >> 32), Int32(truncatingIfNeeded: key))
  }

  private mutating func frame(_ target: Int32, _ parent: Int32) -> Int32 {
    let key = UInt64(UInt32(bitPattern: target)) << 32 | UInt64(UInt32(bitPattern: parent))
    if let known = frameOf[key] { return known }
    let outer = parent < 0 ? nil : frames[Int(parent)]
    frames.append(
      Frame(
        target: target,
        parent: parent,
        depth: (outer?.depth ?? 0) + 1,
        distance: automaton.distances[Int(target)].addingWithLimit(outer?.distance ?? 0)
      )
    )
    placeCount += 1
    frameOf[key] = Int32(frames.count - 1)
    return Int32(frames.count - 1)
  }

  private func depth(_ frame: Int32) -> Int32 { frame < 0 ? 0 : frames[Int(frame)].depth }

  /// The set of places and all that is reached from them without a byte.
  ///
  /// - Parameters:
  ///   - seeds: Nodes and frames.
  ///   - opens: Whether boundaries between tokens are passed.
  ///   - ends: Whether the text may end here whatever is reached.
  /// - Returns: Its number, or `dead`.
  private mutating func closure(
    _ seeds: [(Int32, Int32)],
    opens: Bool,
    ends: Bool = false
  ) -> Int32 {
    var keys: Set<UInt64> = ends ? [Self.end] : []
    var seen: Set<UInt64> = []
    var waiting = seeds
    while let (node, frame) = waiting.popLast() {
      let key = UInt64(UInt32(bitPattern: node)) << 32 | UInt64(UInt32(bitPattern: frame))
      guard depth(frame) + automaton.heights[Int(node)] <= Self.deepest,
        seen.insert(key).inserted
      else { continue }
      guard seen.count <= 8 * Self.mostPlaces, keys.count <= Self.mostPlaces else {
        isOverfull = true
        return Self.dead
      }
      if automaton.isEnd[Int(node)] {
        if frame < 0 {
          keys.insert(Self.end)
        } else {
          waiting.append((frames[Int(frame)].target, frames[Int(frame)].parent))
        }
      }
      for edge in automaton.edges(of: node) {
        switch edge.kind {
        case .bytes: keys.insert(key)
        case .nothing: waiting.append((edge.target, frame))
        case .boundary:
          if opens { waiting.append((edge.target, frame)) } else { keys.insert(key) }
        case .call(let rule) where automaton.isEnd[Int(edge.target)]:
          // Nothing to come back to: where the called rule ends, this one does.
          waiting.append((automaton.starts[Int(rule)], frame))
        case .call(let rule):
          guard depth(frame) + automaton.heights[Int(edge.target)] <= Self.deepest,
            depth(frame) < Self.deepest
          else { continue }
          waiting.append((automaton.starts[Int(rule)], self.frame(edge.target, frame)))
        }
      }
    }
    guard !keys.isEmpty else { return Self.dead }
    return number(keys.sorted())
  }

  private mutating func number(_ set: [UInt64]) -> Int32 {
    if let known = numberOf[set] { return known }
    let number = append(set)
    numberOf[set] = number
    return number
  }

  private mutating func append(_ set: [UInt64]) -> Int32 {
    sets.append(set)
    rows += repeatElement(Self.unknown, count: automaton.classCount)
    opened.append(Self.unknown)
    mayEnd.append(set.last == Self.end)
    decides.append(false)
    let distance = set.map { key -> Int32 in
      guard key != Self.end else { return 0 }
      let (node, frame) = Self.place(key)
      return automaton.distances[Int(node)].addingWithLimit(
        frame < 0 ? 0 : frames[Int(frame)].distance
      )
    }
    distances.append(distance.min() ?? 0)
    placeCount += set.count + automaton.classCount
    return Int32(sets.count - 1)
  }
}
