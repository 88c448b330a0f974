// One or two evaluations of a benchmark as a page.
import AssayReward
import AssayText
import Foundation

/// The page of one run, or of two beside each other: figures, and all items.
package struct RunPage {
  /// The benchmark's name.
  package let benchmark: String
  /// The runs' names, one or two.
  package let runs: [String]
  /// The outcomes of each run, of the same items.
  let tallies: [BenchmarkTally]
  /// What is said of each run's texts; `nil` of one without texts.
  package let qualities: [CritiqueQuality?]
  /// From which margin on a score is in the surer half.
  let sureMargin: Double

  /// Makes a page.
  ///
  /// - Parameters:
  ///   - benchmark: The benchmark's name.
  ///   - runs: The runs' names, one or two.
  ///   - tallies: The outcomes of each run, of the same items.
  /// - Throws: `StatisticsError`.
  package init(_ benchmark: String, runs: [String], _ tallies: [BenchmarkTally]) throws {
    (self.benchmark, self.runs, self.tallies) = (benchmark, runs, tallies)
    qualities = try tallies.map { try CritiqueQuality($0.items, $0.records) }
    let margins = tallies[0].records.compactMap { Self.margin($0.content).map(abs) }.sorted()
    sureMargin = margins.isEmpty ? 0 : margins[margins.count / 2]
  }

  /// The outcomes of records, by a benchmark's rule.
  ///
  /// - Parameters:
  ///   - benchmark: The benchmark.
  ///   - records: One for each item, in the order of the items.
  ///   - rule: What an unparseable verdict counts; `nil` is the benchmark's own rule.
  /// - Returns: The outcomes.
  package static func tally(
    _ benchmark: some Benchmark,
    _ records: [BenchmarkRecord],
    rule: UnparseableRule?
  ) -> BenchmarkTally {
    BenchmarkTally(
      benchmark,
      records: records,
      rule: rule ?? type(of: benchmark).unparseable ?? .half
    )
  }

  /// The figures of runs on a benchmark, and of whoever prefers the longer response.
  ///
  /// - Parameters:
  ///   - benchmark: The benchmark.
  ///   - runs: The figures of each run by name.
  /// - Returns: Runs by name, with the benchmark as split.
  package static func figures(
    _ benchmark: any Benchmark,
    _ runs: [String: ResultsFile.Sections]
  ) -> ResultsFile {
    let name = type(of: benchmark).name
    var results = ResultsFile(seconds: 0, methods: runs.mapValues { [name: $0] })
    guard type(of: benchmark).takesVerdicts else { return results }
    func lengths(_ texts: [String]) -> [Double] { texts.map { Double($0.unicodeScalars.count) } }
    let longer = benchmark.items.map { item in
      BenchmarkRecord(id: item.id, chosen: lengths(item.chosen), rejected: lengths(item.rejected))
    }
    // A benchmark that cannot count this has no such line.
    if let own = try? benchmark.results(longer) {
      results.methods[longerName] = [name: own.sections]
    }
    return results
  }

  private static let longerName = "longer response wins"

  /// The page.
  ///
  /// - Parameters:
  ///   - results: The figures, as `figures` gives them.
  ///   - difference: Of two runs, what changed.
  ///   - part: Of one run, what stands beside its figures.
  ///   - facts: How it was evaluated, by option.
  ///   - notes: What a reader of the figures must know.
  /// - Returns: One HTML file that needs nothing else.
  /// - Throws: `EncodingError`.
  package func html(
    _ results: ResultsFile,
    difference: RunDifference? = nil,
    part: ResultsFile.Evaluation.Part? = nil,
    facts: [String: String] = [:],
    notes: [String] = []
  ) throws -> String {
    var report = HTMLReport(
      title: runs.joined(separator: " and ") + " on \(benchmark)",
      results: results
    )
    report.methodOrder = runs
    let isPairs = tallies[0].items.allSatisfy { $0.chosen.count == 1 && $0.rejected.count == 1 }
    report.chance = isPairs ? 0.5 : nil
    report.summary = difference.map(Self.sentence) ?? ""
    if let difference {
      report.parts = [
        .init(
          title: "What changed side",
          note: "In percent; p is the exact sign test of the items on which one run does better, "
            + "McNemar's where each is right or wrong, corrected for the number of sections.",
          tables: [
            .init(
              title: "",
              columns: difference.table.titles,
              rows: difference.table.rows
            )
          ]
        )
      ]
    }
    report.facts = facts.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }
    if let part { open(&report, part) } else { report.highlights = highlights }
    report.footer = notes
    report.items = ItemBrowser(runs: runs, items: browserItems)
    return try report.page()
  }

  /// The verdict in one sentence.
  private static func sentence(_ difference: RunDifference) -> String {
    let (whole, runs) = (difference.sections[0], difference.runs)
    let ends = whole.difference.ci95.map { String(format: "%+.1f", 100 * $0) }
    let size =
      "\(String(format: "%+.1f", 100 * whole.difference.value)) points [\(ends.joined(separator: ", "))]"
    let told = difference.sections.dropFirst().filter { $0.correctedPValue < 0.05 }.map(\.name)
    let isTold = whole.pValue < 0.05
    return "\(runs[1]) against \(runs[0]): \(size) over \(whole.n) items"
      + (isTold ? "" : ", not told apart")
      + (told.isEmpty ? "." : "; told apart in \(told.joined(separator: ", ")).")
  }
}
