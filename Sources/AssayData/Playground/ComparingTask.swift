/// People who are compared two by two, and a question about all of them.
enum ComparingTask {
  private static let counts = 3...5
  private static let oodCount = 6
  /// More, less, most, least.
  private static let scales = [
    ["taller", "shorter", "tallest", "shortest"], ["older", "younger", "oldest", "youngest"],
    ["faster", "slower", "fastest", "slowest"],
  ]

  static func draft(isOOD: Bool, _ random: inout PlaygroundRandom) -> PlaygroundDraft {
    let count = isOOD ? oodCount : random.integer(counts)
    let names = random.sample(count, of: PlaygroundWords.names)
    let scale = random.pick(scales)
    let sentences = zip(names, names.dropFirst()).map { greater, lesser in
      random.isHeads()
        ? "\(greater) is \(scale[0]) than \(lesser)." : "\(lesser) is \(scale[1]) than \(greater)."
    }
    let asksGreatest = random.isHeads()
    let superlative = asksGreatest ? scale[2] : scale[3]
    let question =
      random.isHeads()
      ? "who is the \(superlative) of all of them?" : "tell me who is the \(superlative) of them."
    let right = asksGreatest ? names[0] : names[count - 1]
    let wrong = random.pick(names.filter { $0 != right })
    let wording = random.below(3)
    func response(_ name: String) -> String {
      switch wording {
      case 0: name
      case 1: "it is \(name)."
      default: "\(name) is the \(superlative)."
      }
    }
    return PlaygroundDraft(
      prompt: (random.shuffled(sentences) + [question]).joined(separator: " "),
      facts: .comparing(names: names, asksGreatest: asksGreatest, superlative: superlative),
      chosen: response(right),
      rejected: response(wrong)
    )
  }
}
