import AssayReward

/// ProcessBench: columns `id`, `problem`, `steps` (a list), `label` (the index of the first wrong step,
/// -1 where all are right); the file's name is the split.
///
/// Scored are the solution's beginnings, each up to and with one step: those before the first error are
/// the item's `chosen`, those from it on `rejected` (`rejected` is empty where all steps are right,
/// `chosen` where the first is wrong). The first beginning with a score below 0, a logit, is the step
/// that the model calls wrong. A split's figure is F1, the harmonic mean of the accuracies on items with
/// an error and on items without one, which are keys too; `overall` is the mean over the splits.
///
/// A judge is asked for the first wrong step itself, in `\boxed{}`, -1 for none; what cannot be read is never
/// right.
///
/// Source: Zheng et al. 2024 (arXiv:2412.06559); QwenLM/ProcessBench, code/run_eval.py, which compares
/// probabilities with 0.5: a head that gives probabilities is read by their logits. A Bradley-Terry reward has no natural zero, so expect little of a classic
/// model here.
package struct ProcessBench: Benchmark {
  package static let name = "processbench"
  package static let summary = "ProcessBench: the first wrong step of a solution, F1"
  package static let takesVerdicts = false
  package static let readsLogits = true
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.items { row in
      let steps = try row.texts("steps")
      let label = try row.integer("label")
      guard (-1..<steps.count).contains(label) else {
        throw row.failure("'label' must be -1 or one of the \(steps.count) steps, found \(label)")
      }
      let beginnings = steps.indices.map { steps[...$0].joined(separator: "\n\n") }
      let rightCount = label < 0 ? steps.count : label
      var item = BenchmarkItem(
        id: row.id,
        subset: row.stem,
        section: label < 0 ? "correct" : "error",
        prompt: try row.prompt("problem"),
        chosen: Array(beginnings[..<rightCount]),
        rejected: Array(beginnings[rightCount...])
      )
      item.steps = steps
      // Marked in the whole solution, whose critique has all steps to choose from.
      if label >= 0 {
        item.error = MarkedError(response: item.rejected.count - 1, step: label, steps: steps)
      }
      return item
    }
  }

  /// The first wrong step, however other benchmarks are judged.
  package static func question(of item: BenchmarkItem, _ form: JudgingForm) -> ItemQuestion? {
    .step
  }

  /// 1 where the first score below 0 is that of the first wrong step, or where neither is there.
  package func outcome(of item: BenchmarkItem, scores: BenchmarkScores) -> Double {
    scores.chosen.allSatisfy { $0 >= 0 } && (scores.rejected.first.map { $0 < 0 } ?? true) ? 1 : 0
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    var sections: ResultsFile.Sections = [:]
    var notes: [String] = []
    var splits: [(error: [Double], correct: [Double])] = []
    for group in tally.groups(\.subset) {
      let parts = ["error", "correct"].map { part in
        group.indices.filter { tally.items[$0].section == part }
      }
      for (name, indices) in zip(["error", "correct"], parts) {
        sections["\(group.name) \(name)"] = try tally.figure(indices)
      }
      let outcomes = parts.map { $0.compactMap { tally.outcomes[$0] } }
      guard !outcomes[0].isEmpty, !outcomes[1].isEmpty else {
        notes.append("\(group.name) has no F1: it needs items with an error and items without one")
        continue
      }
      splits.append((outcomes[0], outcomes[1]))
      sections[group.name] = tally.withRates(
        Self.figure([(outcomes[0], outcomes[1])], tally.resamples),
        group.indices
      )
    }
    guard !splits.isEmpty else {
      throw EvaluateError.nothingCounted(
        benchmark: Self.name,
        reason: "no split has items with an error and items without one"
      )
    }
    sections["overall"] = tally.withRates(
      Self.figure(splits, tally.resamples),
      Array(tally.items.indices)
    )
    return try tally.results(of: Self.name, sections, notes: notes)
  }

  /// The mean F1 of splits.
  private static func figure(
    _ splits: [(error: [Double], correct: [Double])],
    _ resamples: Int
  ) -> ResultsFile.Figure {
    func counted(_ outcomes: [Double]) -> RightCount {
      RightCount(right: outcomes.reduce(0, +), count: outcomes.count)
    }
    let counts = splits.map { (counted($0.error), counted($0.correct)) }
    let values = counts.map { HarmonicMean.of($0.0.share, $0.1.share) }
    let ends = HarmonicMean.interval(counts, draws: resamples)
    return ResultsFile.Figure(
      accuracy: values.reduce(0, +) / Double(values.count),
      lower: ends.lower,
      upper: ends.upper,
      n: splits.reduce(0) { $0 + $1.error.count + $1.correct.count }
    )
  }
}
