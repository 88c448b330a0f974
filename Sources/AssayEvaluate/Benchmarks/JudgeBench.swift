import AssayText

/// JudgeBench: columns `pair_id`, `source`, `question`, `response_A`, `response_B`, `label` (`A>B` or
/// `B>A`).
///
/// Of a judge's verdicts in the two orders the right one counts 1 and the opposite one -1; an item is
/// right where the sum is above 0: right and tie passes, right and wrong fails, and so does an item
/// without any verdict. Scores are of one order. Figures for Knowledge, Reasoning, Math and Coding and
/// for each source; `overall` counts every pair once.
///
/// Source: ScalerLab/JudgeBench, utils/metrics.py (`compute_final_metrics`) and run_judge.py.
package struct JudgeBench: Benchmark {
  package static let name = "judgebench"
  package static let summary = "JudgeBench: responses that are right or wrong, in both orders"
  package static let unparseable: UnparseableRule? = .wrong
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.items { row in
      let responses = (a: try row.text("response_A"), b: try row.text("response_B"))
      let label = try row.text("label")
      guard label == "A>B" || label == "B>A" else {
        throw row.failure("'label' must be A>B or B>A, found '\(label)'")
      }
      let source = try row.text("source")
      let isFirst = label == "A>B"
      var item = BenchmarkItem(
        id: row.id,
        subset: source,
        section: Self.section(of: source),
        prompt: [.user(try row.text("question"))],
        chosen: [isFirst ? responses.a : responses.b],
        rejected: [isFirst ? responses.b : responses.a]
      )
      item.isChosenFirst = isFirst
      return item
    }
  }

  private static func section(of source: String) -> String {
    switch source {
    case _ where source.hasPrefix("mmlu-pro"): "Knowledge"
    case "livebench-reasoning": "Reasoning"
    case "livebench-math": "Math"
    case "livecodebench": "Coding"
    default: ""
    }
  }

  package func outcome(
    of item: BenchmarkItem,
    verdicts: [BenchmarkVerdict],
    rule: UnparseableRule
  ) -> Double? {
    let sum = verdicts.count { $0 == .chosen } - verdicts.count { $0 == .rejected }
    if verdicts.allSatisfy({ $0 == .unparseable }) { return rule.outcome }
    return sum > 0 ? 1 : 0
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    var sections = try tally.pooled(\.subset)
    for group in tally.groups(\.section) { sections[group.name] = try tally.figure(group.indices) }
    return try tally.results(of: Self.name, sections)
  }
}
