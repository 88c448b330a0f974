import AssayTestSupport
import Foundation

/// A file's bytes with random damage: changed, extreme, doubled or removed bytes, or a cut.
///
/// - Parameters:
///   - valid: The whole file.
///   - header: How many bytes at its start are changed.
///   - round: Decides the kind of damage.
///   - random: Decides where it is.
/// - Returns: The damaged bytes.
func mutated(
  _ valid: Data,
  header: Int,
  round: Int,
  _ random: inout SeededGenerator
) -> Data {
  var data = valid
  let place = Int.random(in: 0..<min(header, valid.count), using: &random)
  switch round % 5 {
  case 0:
    return data.prefix(Int.random(in: 0..<valid.count, using: &random))
  case 1:
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0..<min(header, valid.count), using: &random)
      data[place] = UInt8.random(in: 0...255, using: &random)
    }
  case 2:
    for offset in 0..<min(Int.random(in: 1...8, using: &random), valid.count - place) {
      data[place + offset] = [0, 0xFF, 0x7F, 0x80].randomElement(using: &random) ?? 0
    }
  case 3:
    data.removeSubrange(place..<min(place + Int.random(in: 1...8, using: &random), data.count))
  default:
    data.insert(contentsOf: valid[place..<min(place + 8, valid.count)], at: place)
  }
  return data
}
