/// Byte-pair merges over ids: words in, ids out.
struct BPEModel: Sendable {
  /// The id of each single byte; -1 where the vocabulary lacks it.
  var byteIDs: [Int32]
  /// From a pair of neighbours to its rank (lower first) and the id that replaces it.
  var merges: PairTable
  /// Whole words of the vocabulary, in raw bytes; looked up first when merges are ignored.
  var words: ByteTable?
  /// What stands for a byte that the vocabulary lacks; such bytes are dropped where it is `nil`.
  var unknownID: Int32?
  /// Whether neighbouring unknown bytes become one token.
  var fusesUnknown: Bool

  /// Up to this many symbols, scanning for the best pair beats a heap.
  private static let scanLimit = 48

  /// Appends the ids of a word.
  func encode(
    _ word: UnsafeBufferPointer<UInt8>,
    into ids: inout [Int32],
    scratch: inout MergeScratch
  ) {
    if let words, let entry = words.find(word) {
      ids.append(words.values[entry])
      return
    }
    scratch.symbols.removeAll(keepingCapacity: true)
    var previousIsUnknown = false
    for byte in word {
      let id = byteIDs[Int(byte)]
      if id >= 0 {
        scratch.symbols.append(id)
      } else if let unknownID, !(fusesUnknown && previousIsUnknown) {
        scratch.symbols.append(unknownID)
      }
      previousIsUnknown = id < 0
    }
    if scratch.symbols.count <= Self.scanLimit {
      mergeByScanning(&scratch)
    } else {
      mergeByHeap(&scratch)
    }
    ids.append(contentsOf: scratch.symbols)
  }

  private func mergeByScanning(_ scratch: inout MergeScratch) {
    // ranks[i]: of the pair at i and i + 1, `Int32.max` for none.
    scratch.ranks.removeAll(keepingCapacity: true)
    scratch.merged.removeAll(keepingCapacity: true)
    for index in scratch.symbols.indices.dropLast() {
      let found = merges.find(scratch.symbols[index], scratch.symbols[index + 1])
      scratch.ranks.append(found?.0 ?? .max)
      scratch.merged.append(found?.1 ?? -1)
    }
    while !scratch.ranks.isEmpty {
      var best = 0
      for index in scratch.ranks.indices where scratch.ranks[index] < scratch.ranks[best] {
        best = index
      }
      guard scratch.ranks[best] < .max else { break }
      scratch.symbols[best] = scratch.merged[best]
      scratch.symbols.remove(at: best + 1)
      scratch.ranks.remove(at: best)
      scratch.merged.remove(at: best)
      for index in [best - 1, best] where index >= 0 && index < scratch.ranks.count {
        let found = merges.find(scratch.symbols[index], scratch.symbols[index + 1])
        scratch.ranks[index] = found?.0 ?? .max
        scratch.merged[index] = found?.1 ?? -1
      }
    }
  }

  private func mergeByHeap(_ scratch: inout MergeScratch) {
    let count = scratch.symbols.count
    scratch.next = Array(1...count)
    scratch.previous = Array(-1..<count - 1)
    scratch.heap.removeAll()
    for index in 0..<count - 1 { push(index, index + 1, &scratch) }
    while let candidate = scratch.heap.pop() {
      let left = candidate.position
      let right = scratch.next[left]
      // Stale where either side has changed since.
      guard scratch.symbols[left] >= 0, right < count,
        let found = merges.find(scratch.symbols[left], scratch.symbols[right]),
        found.0 == candidate.rank
      else { continue }
      scratch.symbols[left] = found.1
      scratch.symbols[right] = -1
      let following = scratch.next[right]
      scratch.next[left] = following
      if following < count {
        scratch.previous[following] = left
        push(left, following, &scratch)
      }
      if scratch.previous[left] >= 0 { push(scratch.previous[left], left, &scratch) }
    }
    scratch.symbols.removeAll { $0 < 0 }
  }

  private func push(_ left: Int, _ right: Int, _ scratch: inout MergeScratch) {
    guard let found = merges.find(scratch.symbols[left], scratch.symbols[right]) else { return }
    scratch.heap.push(MergeCandidate(rank: found.0, position: left))
  }
}

/// A pair that could be merged: the lowest rank first, and there the leftmost.
struct MergeCandidate: Comparable, Sendable {
  var rank: Int32
  var position: Int

  static func < (left: MergeCandidate, right: MergeCandidate) -> Bool {
    (left.rank, left.position) < (right.rank, right.position)
  }
}

/// Working storage of merging, kept between words.
struct MergeScratch: Sendable {
  var symbols: [Int32] = []
  var ranks: [Int32] = []
  var merged: [Int32] = []
  var next: [Int] = []
  var previous: [Int] = []
  var heap = Heap<MergeCandidate>()
}

/// The ids of words seen before, with the working storage of merging.
///
/// One encoding at a time uses one; when it is full it starts anew, which bounds it to a few megabytes.
struct WordCache: Sendable {
  private static let maximumWords = 1 << 16
  private static let maximumWordBytes = 64

  var scratch = MergeScratch()
  private var table = ByteTable(minimumCapacity: 1024)
  private var ids: [Int32] = []
  private var starts: [Int] = [0]

  mutating func encode(
    _ word: UnsafeBufferPointer<UInt8>,
    with model: BPEModel,
    into result: inout [Int32]
  ) {
    guard word.count > 1, word.count <= Self.maximumWordBytes else {
      model.encode(word, into: &result, scratch: &scratch)
      return
    }
    if let entry = table.find(word) {
      result.append(contentsOf: ids[starts[entry]..<starts[entry + 1]])
      return
    }
    let start = result.count
    model.encode(word, into: &result, scratch: &scratch)
    if table.count == Self.maximumWords {
      table = ByteTable(minimumCapacity: 1024)
      ids.removeAll(keepingCapacity: true)
      starts = [0]
    }
    _ = table.entry(of: word, default: 0)
    ids.append(contentsOf: result[start...])
    starts.append(ids.count)
  }
}
