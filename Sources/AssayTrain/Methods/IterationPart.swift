import AssayBase
import AssayData

extension [PreferencePair] {
  /// The pairs of an iteration of several: equal parts of a shuffled order, none in two of them.
  func part(_ iteration: Int, of iterations: Int, seed: Int) -> [PreferencePair] {
    var random = SeededRandom(UInt64(seed), 0x50_4152_54)
    let order = random.shuffled([Int](indices))
    let (start, end) = (
      count * (iteration - 1) / iterations, count * iteration / iterations
    )
    return order[start..<end].map { self[$0] }
  }
}
