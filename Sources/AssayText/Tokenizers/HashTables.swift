// Open-addressing tables for the two look-ups that tokenizing spends its time on. Swift's
// Dictionary was the first choice; its SipHash dominates at a few bytes a key, and String keys
// compare by canonical equivalence, which a vocabulary must not.

/// From a pair of 32-bit numbers to a pair of 32-bit numbers.
struct PairTable: Sendable {
  private static let empty = UInt64.max

  private var keys: [UInt64]
  private var values: [UInt64]
  private var shift: UInt64
  private(set) var count = 0

  init(minimumCapacity: Int = 8) {
    var bits: UInt64 = 4
    while (1 << bits) < minimumCapacity * 2 { bits += 1 }
    keys = [UInt64](repeating: Self.empty, count: 1 << Int(bits))
    values = [UInt64](repeating: 0, count: 1 << Int(bits))
    shift = 64 - bits
  }

  static func key(_ first: Int32, _ second: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: first)) << 32 | UInt64(UInt32(bitPattern: second))
  }

  /// Returns the slot of a key, or of the empty place where it belongs.
  private func slot(of key: UInt64) -> Int {
    let mask = keys.count - 1
    // Fibonacci hashing: 2^64 over the golden ratio, mixed once as both halves vary little.
    let mixed = (key ^ (key >> 29)) &* 0x9E37_79B9_7F4A_7C15
    var slot = Int(truncatingIfNeeded: mixed >> shift)
    while keys[slot] != key && keys[slot] != Self.empty { slot = (slot + 1) & mask }
    return slot
  }

  func find(_ first: Int32, _ second: Int32) -> (Int32, Int32)? {
    let slot = slot(of: Self.key(first, second))
    guard keys[slot] != Self.empty else { return nil }
    let value = values[slot]
    return (Int32(truncatingIfNeeded: value >> 32), Int32(truncatingIfNeeded: value))
  }

  /// Sets the value of a pair of non-negative numbers.
  mutating func insert(_ first: Int32, _ second: Int32, _ value: (Int32, Int32)) {
    if (count + 1) * 2 > keys.count { grow() }
    let key = Self.key(first, second)
    let slot = slot(of: key)
    if keys[slot] == Self.empty { count += 1 }
    keys[slot] = key
    values[slot] = Self.key(value.0, value.1)
  }

  private mutating func grow() {
    var larger = PairTable(minimumCapacity: keys.count)
    for (slot, key) in keys.enumerated() where key != Self.empty {
      let place = larger.slot(of: key)
      larger.keys[place] = key
      larger.values[place] = values[slot]
    }
    larger.count = count
    self = larger
  }
}

/// From byte strings to numbers, byte for byte.
///
/// Entries are numbered from 0 in the order added.
struct ByteTable: Sendable {
  // Seeded per process, so that no input can be made to collide.
  private static let seed = UInt64(bitPattern: Int64(Hasher().finalize()))

  private var slots: [Int32]
  private var hashes: [UInt64] = []
  private var ends: [Int] = [0]
  private var bytes: [UInt8] = []
  /// The number that belongs to each entry.
  var values: [Int32] = []

  init(minimumCapacity: Int = 8) {
    var capacity = 16
    while capacity < minimumCapacity * 2 { capacity *= 2 }
    slots = [Int32](repeating: -1, count: capacity)
  }

  var count: Int { values.count }
  var byteCount: Int { bytes.count }

  /// The bytes of an entry.
  subscript(entry: Int) -> ArraySlice<UInt8> { bytes[ends[entry]..<ends[entry + 1]] }

  private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash = seed ^ 0xCBF2_9CE4_8422_2325
    for byte in key { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return (hash ^ (hash >> 32)) &* 0x9E37_79B9_7F4A_7C15
  }

  private func slot(of key: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash >> 20) & mask
    while slots[slot] >= 0 {
      let entry = Int(slots[slot])
      if hashes[entry] == hash, ends[entry + 1] - ends[entry] == key.count,
        self[entry].elementsEqual(key)
      {
        break
      }
      slot = (slot + 1) & mask
    }
    return slot
  }

  /// Returns the entry of a key, or `nil`.
  func find(_ key: UnsafeBufferPointer<UInt8>) -> Int? {
    let entry = slots[slot(of: key, hash: Self.hash(key))]
    return entry >= 0 ? Int(entry) : nil
  }

  /// Returns the number of a key, or `nil`.
  func value(of key: some Sequence<UInt8>) -> Int32? {
    Array(key).withUnsafeBufferPointer { find($0).map { values[$0] } }
  }

  /// Returns the entry of a key, made with a value where there was none.
  mutating func entry(
    of key: UnsafeBufferPointer<UInt8>,
    default value: Int32
  ) -> (entry: Int, isNew: Bool) {
    let hash = Self.hash(key)
    var place = slot(of: key, hash: hash)
    if slots[place] >= 0 { return (Int(slots[place]), false) }
    if (count + 1) * 2 > slots.count {
      grow()
      place = slot(of: key, hash: hash)
    }
    slots[place] = Int32(count)
    hashes.append(hash)
    bytes.append(contentsOf: key)
    ends.append(bytes.count)
    values.append(value)
    return (count - 1, true)
  }

  /// Adds a key, or sets its number.
  ///
  /// Returns whether it is new.
  @discardableResult
  mutating func insert(_ key: some Sequence<UInt8>, _ value: Int32) -> Bool {
    Array(key).withUnsafeBufferPointer { key in
      let (entry, isNew) = entry(of: key, default: value)
      values[entry] = value
      return isNew
    }
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: slots.count * 2)
    let mask = slots.count - 1
    for (entry, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash >> 20) & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(entry)
    }
  }
}
