// Positions with jumps: a model that is tuned on short texts fits the distances in them, and does not
// find what lies further back in a longer one. Jumps at random places make every distance up to the
// longest familiar, while neighbours stay neighbours nearly everywhere.
//
// Source: Zhu et al. 2023 (arXiv:2309.10400), which skips positions between chunks of a text to
// extend a context; Ruoss et al. 2023 (arXiv:2305.16843) on why random positions generalize.

import AssayBase
import AssayReward

/// The positions of a sequence, with two jumps in every second one.
///
/// The others stay as they are read elsewhere. Whether and where it jumps is a function of the tokens
/// alone: the same sequence has the same positions whenever it is read, so that a reference model's
/// log probabilities are those of the same text.
///
/// - Parameters:
///   - tokens: The sequence.
///   - room: The largest number of positions that are jumped over in all.
///   - limit: The first position that the model does not have.
/// - Returns: As many positions as tokens, from 0, rising, all below `limit`.
/// - Precondition: There are no more tokens than `limit`.
package func jumpingPositions(of tokens: [Int32], room: Int, limit: Int) -> [Int32] {
  let room = min(room, limit - tokens.count)
  guard room > 0, tokens.count > 1 else { return Array(0..<Int32(tokens.count)) }
  // FNV-1a, a token at a time.
  let key = tokens.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
    ($0 ^ UInt64(bitPattern: Int64($1))) &* 0x100_0000_01b3
  }
  var random = SeededRandom(key)
  guard random.below(2) == 0 else { return Array(0..<Int32(tokens.count)) }
  let total = random.below(room + 1)
  let first = random.below(total + 1)
  let places = [1 + random.below(tokens.count - 1), 1 + random.below(tokens.count - 1)]
  return tokens.indices.map { index in
    Int32(index + (index >= places[0] ? first : 0) + (index >= places[1] ? total - first : 0))
  }
}
