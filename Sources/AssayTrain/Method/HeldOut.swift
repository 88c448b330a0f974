import AssayBase
import AssayText

/// Draws prompts that are not learnt from, with all of their rows.
///
/// - Parameters:
///   - rows: All rows.
///   - share: Which share of the prompts is held out; at least one prompt stays on either side.
///   - seed: Same seed, same prompts.
///   - prompt: A row's prompt.
/// - Returns: The rows that are learnt from, and those held out, each in the order of the file.
package func heldOut<Row>(
  of rows: [Row],
  share: Double,
  seed: Int,
  prompt: (Row) -> [Message]
) -> (learnt: [Row], heldOut: [Row]) {
  guard share > 0 else { return (rows, []) }
  var places: [[String]: Int] = [:]
  let groups = rows.map { row in
    let key = prompt(row).flatMap { [$0.role, $0.content] }
    let place = places[key] ?? places.count
    places[key] = place
    return place
  }
  guard places.count > 1 else { return (rows, []) }
  let count = Int((share * Double(places.count)).rounded())
  var random = SeededRandom(UInt64(seed), 0x4845_4c44)
  let order = random.shuffled(Array(0..<places.count))
  let drawn = Set(order.prefix(min(max(1, count), places.count - 1)))
  let parts = zip(rows, groups)
  return (
    parts.filter { !drawn.contains($0.1) }.map(\.0), parts.filter { drawn.contains($0.1) }.map(\.0)
  )
}
