import AssayReward
import AssayText

extension ResultsFile.Evaluation.Part {
  /// Makes one of what was evaluated.
  package init(_ items: [BenchmarkItem], _ records: [BenchmarkRecord]) {
    self.init(
      items: BenchmarkItem.digest(items),
      n: items.count,
      tokens: records.compactMap(\.tokens).reduce(TokenCount(prompt: 0, completion: 0), +)
    )
  }
}
