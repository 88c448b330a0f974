// The one list of benchmarks.
import AssayText

/// All benchmarks, by name.
package enum BenchmarkCatalogue {
  /// All benchmarks, in the order of the help.
  package static let all: [any Benchmark.Type] = [
    PairsBenchmark.self, RewardBench.self, RewardBench2.self, RMBench.self, JudgeBench.self,
    LLMBar.self, PPE.self, PPEBestOfK.self, RMB.self, CrossEval.self, AutoJ.self, PandaLM.self,
    HHH.self,
    ProcessBench.self, MarkedErrors.self,
  ]

  /// Reads a benchmark.
  ///
  /// - Parameters:
  ///   - name: Its name on the command line.
  ///   - path: A file, or a folder of files.
  /// - Returns: The benchmark.
  /// - Throws: `EvaluateError.unknownBenchmark`, or what reading throws.
  package static func load(_ name: String, path: String) throws -> any Benchmark {
    try load(name, from: BenchmarkSource(path))
  }

  /// Reads a benchmark; the source then tells what became of its rows.
  ///
  /// - Parameters:
  ///   - name: Its name on the command line.
  ///   - source: A file, or a folder of files.
  /// - Returns: The benchmark.
  /// - Throws: `EvaluateError.unknownBenchmark`, or what reading throws.
  package static func load(
    _ name: String,
    from source: BenchmarkSource
  ) throws -> any Benchmark {
    guard let type = all.first(where: { $0.name == name }) else {
      throw EvaluateError.unknownBenchmark(name: name, known: all.map { $0.name })
    }
    let benchmark = try type.init(source)
    var ids: Set<String> = []
    if let item = benchmark.items.first(where: { !ids.insert($0.id).inserted }) {
      throw EvaluateError.badFile(file: source.path, reason: "two items have the id '\(item.id)'")
    }
    return benchmark
  }
}
