// Whether figures can be made, asked before anything else is.

extension Benchmark {
  /// Refuses items of which no figure could be made, whatever were said of them.
  ///
  /// - Throws: `EvaluateError.nothingCounted`, as where a file has none of the subsets that sections are made of.
  package func requireFigures() throws {
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
      guard case .nothingCounted = error else { return }
      throw error
    }
  }
}
