/// Numbers or names to put in order.
enum SortingTask {
  private static let lengths = 3...6
  private static let oodLengths = 7...8
  private static let numbers = Array(1...99)

  static func draft(isOOD: Bool, _ random: inout PlaygroundRandom) -> PlaygroundDraft {
    let count = random.integer(isOOD ? oodLengths : lengths)
    let isAscending = random.isHeads()
    let areNumbers = random.isHeads()
    var sorted =
      areNumbers
      ? random.sample(count, of: numbers).sorted().map { "\($0)" }
      : random.sample(count, of: PlaygroundWords.names).sorted()
    if !isAscending { sorted.reverse() }
    let given = random.shuffled(sorted).joined(separator: ", ")
    var wrong = sorted
    let place = random.below(count - 1)
    wrong.swapAt(place, place + 1)
    let ends = areNumbers ? ["smallest", "largest"] : ["first", "last"]
    let order =
      isAscending ? "the \(ends[0]) to the \(ends[1])" : "the \(ends[1]) to the \(ends[0])"
    let noun = areNumbers ? "numbers" : "names"
    let byLetters = areNumbers ? "" : " by the alphabet"
    let prompt =
      switch random.below(3) {
      case 0: "here are some \(noun): \(given). write them\(byLetters) in order from \(order)."
      case 1: "sort the \(noun) \(given). the order must go\(byLetters) from \(order)."
      default: "\(given) are some \(noun). put them\(byLetters) in order from \(order)."
      }
    return PlaygroundDraft(
      prompt: prompt,
      facts: .sorting(sorted: sorted, first: isAscending ? ends[0] : ends[1]),
      chosen: sorted.joined(separator: ", "),
      rejected: wrong.joined(separator: ", ")
    )
  }
}
