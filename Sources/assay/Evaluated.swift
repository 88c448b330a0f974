import AssayEvaluate

/// What is known of a benchmark's items.
struct Evaluated {
  let benchmark: any Benchmark
  let records: [BenchmarkRecord]
  /// What baselines recorded, by name.
  var others: [String: [BenchmarkRecord]]
  /// Rows that were left out.
  let leftOut: Int

  init(
    _ benchmark: any Benchmark,
    _ records: [BenchmarkRecord],
    _ others: [String: [BenchmarkRecord]] = [:],
    leftOut: Int
  ) {
    (self.benchmark, self.records, self.others) = (benchmark, records, others)
    self.leftOut = leftOut
  }
}
