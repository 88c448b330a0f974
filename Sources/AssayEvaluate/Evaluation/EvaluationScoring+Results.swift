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
  ///   - others: What other baselines recorded, by name.
  package init(
    _ benchmark: any Benchmark,
    _ records: [BenchmarkRecord],
    rule: UnparseableRule? = nil,
    critiques: CritiqueQuality? = nil,
    leaks: TrainingLeaks? = nil,
    others: [String: [BenchmarkRecord]] = [:]
  ) {
    let items = benchmark.items
    self.init(
      items: BenchmarkItem.digest(items),
      n: items.count,
      tokens: records.compactMap(\.tokens).reduce(TokenCount(prompt: 0, completion: 0), +)
    )
    baselines = Baselines.figures(benchmark, records, rule: rule, others: others)
    let cut = records.count(where: \.isCut)
    self.cut = cut == 0 ? nil : cut
    self.critiques = critiques?.figures
    self.leaks = leaks?.figures(benchmark, records, rule: rule)
    agreementCeiling = AgreementCeiling.shares(of: items)
    labels = LabelNoise.figures(items, records)
  }
}
