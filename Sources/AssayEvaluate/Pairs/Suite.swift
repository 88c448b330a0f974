import AssayBase
import AssayData
import AssayReward
import AssayText

/// Pairs under a name.
package struct Suite: Sendable {
  /// Such as `test` or `ood`.
  package var name: String
  /// The pairs.
  package var pairs: [PreferencePair]

  /// Makes a suite.
  package init(name: String, pairs: [PreferencePair]) {
    self.name = name
    self.pairs = pairs
  }

  /// The hash of all pairs.
  package var digest: String {
    let parts = pairs.map { pair in
      let turns = pair.prompt.map { "\($0.role):\($0.content)" }.joined(separator: "\n")
      return "\(pair.id)\n\(turns)\n\(pair.chosen)\n\(pair.rejected)"
    }
    return Digest.hex(parts.map { "\($0.utf8.count):\($0)" }.joined())
  }
}

extension Sequence<[Message]> {
  /// A number for each prompt that is there more than once; rows without one say nothing of theirs.
  var repeated: [[Message]: Int] {
    var counts: [[Message]: Int] = [:]
    var order: [[Message]] = []
    for prompt in self where prompt.contains(where: { !$0.content.isEmpty }) {
      counts[prompt, default: 0] += 1
      if counts[prompt] == 2 { order.append(prompt) }
    }
    return Dictionary(uniqueKeysWithValues: zip(order, 0...))
  }
}

extension [PreferencePair] {
  /// A number for each pair, the same for those of one prompt; `nil` where none is there twice.
  package var promptNumbers: [Int]? {
    let repeated = map(\.prompt).repeated
    return Statistics.clusters(map { repeated[$0.prompt].map(String.init) })
  }
}
