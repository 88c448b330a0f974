import HeapModule
import AssayBase

/// The part of a tokenizer that turns a piece of text into ids.
protocol TokenModel: Sendable {
  /// Appends the ids of a word.
  ///
  /// - Parameters:
  ///   - word: UTF-8 text, or any bytes where the vocabulary is one of bytes; not empty.
  ///   - ids: What they are appended to.
  ///   - scratch: Working storage, kept between words.
  func encode(
    _ word: UnsafeBufferPointer<UInt8>,
    into ids: inout [Int32],
    scratch: inout MergeScratch
  )

  /// The members of a `tokenizer.json` model that hold the vocabulary.
  func members(spellings: [String?], vocabulary: JSONValue) -> [JSONMember]
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
    with model: some TokenModel,
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

/// Working storage of merging, kept between words.
struct MergeScratch: Sendable {
  var symbols: [Int32] = []
  var ranks: [Int32] = []
  var merged: [Int32] = []
  var next: [Int] = []
  var previous: [Int] = []
  var heap = Heap<MergeCandidate>()
}

/// A pair that could be merged: the lowest rank first, and there the leftmost.
struct MergeCandidate: Comparable, Sendable {
  var rank: Int32
  var position: Int

  static func < (left: MergeCandidate, right: MergeCandidate) -> Bool {
    (left.rank, left.position) < (right.rank, right.position)
  }
}
