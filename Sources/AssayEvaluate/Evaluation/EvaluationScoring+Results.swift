import AssayReward
import AssayText

extension ResultsFile.Evaluation.Part {
  /// Makes one of what was evaluated.
  ///
  /// - Parameters:
  ///   - benchmark: The benchmark.
  ///   - records: One for each item.
  ///   - rule: What an unparseable verdict counts; `nil` is the benchmark's own rule.
  ///   - critiques: What was made of the texts.
  ///   - leaks: What it may have been learnt from.
  package init(
    _ benchmark: any Benchmark,
    _ records: [BenchmarkRecord],
    rule: UnparseableRule? = nil,
    critiques: CritiqueQuality? = nil,
    leaks: TrainingLeaks? = nil
  ) {
    let items = benchmark.items
    self.init(
      items: BenchmarkItem.digest(items),
      n: items.count,
      tokens: records.compactMap(\.tokens).reduce(TokenCount(prompt: 0, completion: 0), +)
    )
    baselines = Baselines.figures(benchmark, records, rule: rule)
    self.critiques = critiques?.figures
    self.leaks = leaks?.figures(benchmark, records, rule: rule)
    labels = LabelNoise.figures(items, records)
  }
}
