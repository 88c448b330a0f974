/// A small generator of random numbers, the same on every machine.
///
/// Draws by its own rules rather than the standard library's, which may change.
///
/// Source: Steele, Lea and Flood 2014 (SplitMix64).
package struct PlaygroundRandom: RandomNumberGenerator, Sendable {
  private static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

  private var state: UInt64

  /// Makes a generator.
  ///
  /// - Parameter seed: Where the sequence starts; close seeds give unrelated sequences.
  package init(seed: UInt64) { state = Self.mixed(seed &+ Self.increment) }

  /// Makes the generator of one item, a pure function of the three.
  init(seed: UInt64, split: PlaygroundSplit, index: Int) {
    let splitSeed = Self.mixed(seed) &+ Self.hash(split.rawValue)
    self.init(seed: Self.mixed(splitSeed) &+ UInt64(bitPattern: Int64(index)))
  }

  /// The next 64 random bits.
  package mutating func next() -> UInt64 {
    state &+= Self.increment
    return Self.mixed(state)
  }

  /// A whole number below a positive bound, by the high half of a product.
  mutating func below(_ bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  mutating func integer(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.count)
  }

  /// Whether something of a share happens.
  mutating func happens(_ share: Double) -> Bool { Double(next() >> 11) * 0x1p-53 < share }

  mutating func isHeads(percent: Int = 50) -> Bool { below(100) < percent }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    precondition(!elements.isEmpty, "nothing to pick from")
    return elements[below(elements.count)]
  }

  /// Returns elements in another order, each order as likely.
  package mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var result = elements
    for last in stride(from: result.count - 1, to: 0, by: -1) {
      result.swapAt(last, below(last + 1))
    }
    return result
  }

  mutating func sample<Element>(_ count: Int, of elements: [Element]) -> [Element] {
    Array(shuffled(elements).prefix(count))
  }

  /// A hash of a text, the same in every process: FNV-1a, mixed.
  static func hash(_ text: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return mixed(hash)
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// The parts of the Playground; no prompt is in two of them.
///
/// `allCases` are those that every Playground has.
package enum PlaygroundSplit: String, Codable, Hashable, Sendable, CaseIterable {
  /// Worked solutions to pretrain on.
  case corpus
  /// Pairs to train on.
  case train
  /// Pairs to test on, drawn as those of training.
  case test
  /// Pairs to test on that are longer, or ask for two things at once.
  case ood
  /// Pairs to test on of kinds, contents and wordings that are held out of the others, where they are;
  /// what is held out keeps its prompts apart from theirs.
  case unseen

  package static let allCases: [PlaygroundSplit] = [.corpus, .train, .test, .ood]

  private static let shareCount: UInt64 = 16

  /// The share of all prompts that may be in the split, in sixteenths.
  private var share: Range<UInt64> {
    switch self {
    case .corpus: 0..<7
    case .train: 7..<12
    case .test: 12..<14
    case .ood, .unseen: 14..<Self.shareCount
    }
  }

  /// Whether a prompt belongs to the split.
  func owns(_ prompt: String) -> Bool {
    share.contains(PlaygroundRandom.hash(prompt) % Self.shareCount)
  }
}
