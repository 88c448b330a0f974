// Whether figures can be made, asked before anything else is.

extension Benchmark {
  /// Refuses items of which no figure could be made, whatever were said of them: neither of scores nor of verdicts.
  ///
  /// - Throws: `EvaluateError.nothingCounted`, as where a file has none of the subsets that sections are made of.
  package func requireFigures() throws {
    guard let refusal = refusal else { return }
    let judged = forJudges
    if Self.takesVerdicts, !judged.items.isEmpty, judged.refusal == nil { return }
    throw refusal
  }

  /// Why no figure can be made of scores of all items; `nil` where some can.
  private var refusal: EvaluateError? {
    let records = items.map { item in
      BenchmarkRecord(
        id: item.id,
        chosen: item.chosen.map { _ in 0 },
        rejected: item.rejected.map { _ in 0 }
      )
    }
    var tally = BenchmarkTally(self, records: records, rule: Self.unparseable ?? .half)
    // Nothing is asked about intervals here.
    tally.resamples = 2
    do {
      _ = try results(tally)
    } catch let error as EvaluateError {
      if case .nothingCounted = error { return error }
    } catch {}
    return nil
  }
}
