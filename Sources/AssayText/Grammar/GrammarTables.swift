/// What is worked out of a grammar for a vocabulary: sets of places, and the masks of some.
struct GrammarTables: Sendable {
  private struct Key: Hashable {
    let set: Int32
    /// Most bytes that may be missing behind a token; -1 is any number.
    let limit: Int32
  }

  /// Most places and bytes of masks that are kept; what is there is dropped where there are more.
  private static let mostPlaces = 1_000_000
  private static let mostMaskBytes = 16 << 20
  /// Most new steps for one mask: what is not worked out by then is not allowed.
  private static let mostSteps = 2_000_000

  private(set) var machine: GrammarMachine
  private let vocabulary: GrammarVocabulary
  private var masks: [Key: TokenMask] = [:]
  /// How often what was known was dropped: numbers of sets are of one epoch.
  private(set) var epoch = 0
  private var path: [Int32]

  init(_ automaton: GrammarAutomaton, _ vocabulary: GrammarVocabulary) {
    machine = GrammarMachine(automaton, dropsSpace: vocabulary.dropsSpace)
    self.vocabulary = vocabulary
    path = [Int32](repeating: 0, count: vocabulary.longest + 1)
  }

  /// Drops what is kept where it has become too much: numbers of sets are others then.
  mutating func dropExcess() {
    guard machine.placeCount > Self.mostPlaces else { return }
    machine = GrammarMachine(machine.automaton, dropsSpace: vocabulary.dropsSpace)
    masks = [:]
    epoch += 1
  }

  /// The set behind a whole text.
  mutating func place(behind tokens: [Int32]) -> Int32 {
    tokens.reduce(machine.start) { next($0, $1) }
  }

  /// The set behind a token, or `dead`.
  mutating func next(_ set: Int32, _ token: Int32) -> Int32 {
    let text = vocabulary.text(of: token)
    guard set >= 0, !text.isEmpty else { return GrammarMachine.dead }
    var place = machine.open(set)
    for byte in text {
      place = machine.step(place, byte)
      if place < 0 { return place }
    }
    return place
  }

  /// The tokens that may come at a set.
  mutating func mask(_ set: Int32, remaining: Int, ends: Set<Int32>) -> TokenMask {
    guard set >= 0 else {
      return TokenMask(words: [], mayEnd: false, isComplete: true, decides: false, furthest: 0)
    }
    let place = machine.open(set)
    let all = mask(place, limit: -1, ends)
    let limit = Int32(clamping: remaining - 1)
    guard limit < all.furthest, !all.isComplete else { return all }
    let few = mask(place, limit: max(0, limit), ends)
    return few.isComplete && !few.mayEnd ? all : few
  }

  private mutating func mask(_ place: Int32, limit: Int32, _ ends: Set<Int32>) -> TokenMask {
    let key = Key(set: place, limit: limit)
    if let known = masks[key] { return known }
    var words = [UInt64](repeating: 0, count: (vocabulary.count + 63) / 64)
    var (furthest, isEmpty) = (Int32(0), true)
    path[0] = place
    var node = 0
    let lastStep = machine.stepCount + Self.mostSteps
    while node < vocabulary.bytes.count, machine.stepCount <= lastStep {
      let depth = Int(vocabulary.depths[node])
      let next = machine.step(path[depth - 1], vocabulary.bytes[node])
      guard next >= 0 else {
        node = Int(vocabulary.skips[node])
        continue
      }
      path[depth] = next
      let (first, last) = (vocabulary.firstToken[node], vocabulary.firstToken[node + 1])
      node += 1
      let missing = machine.distances[Int(next)]
      guard first < last, limit < 0 || missing <= limit else { continue }
      isEmpty = false
      furthest = max(furthest, missing)
      for token in vocabulary.tokens[Int(first)..<Int(last)] {
        words[Int(token) / 64] |= 1 << UInt64(token % 64)
      }
    }
    let mayEnd = machine.mayEnd[Int(place)]
    for end in ends {
      guard end >= 0, Int(end) / 64 < words.count else { continue }
      let bit = UInt64(1) << UInt64(end % 64)
      if mayEnd { words[Int(end) / 64] |= bit } else { words[Int(end) / 64] &= ~bit }
    }
    let mask = TokenMask(
      words: words,
      mayEnd: mayEnd,
      isComplete: isEmpty,
      decides: machine.decides[Int(place)],
      furthest: furthest
    )
    if (masks.count + 1) * words.count * 8 > Self.mostMaskBytes { masks = [:] }
    masks[key] = mask
    return mask
  }
}
