// What every benchmark is: items read from files, and a rule that makes figures of their scores.
import AssayText

/// A question of a benchmark: a prompt, and responses of which some should score above others.
package struct BenchmarkItem: Sendable, Equatable {
  /// The file's own `pair_id` or `id`, or the 0-based row; see `BenchmarkRow`.
  package var id: String
  /// The smallest part of the benchmark that has a figure of its own.
  package var subset: String
  /// The part that its subset belongs to, where the benchmark has such.
  package var section: String
  /// The conversation up to the assistant's turn.
  package var prompt: [Message]
  /// The responses that should win.
  package var chosen: [String]
  /// The responses that should lose.
  package var rejected: [String]
  /// Whether people found both equally good; `chosen` is then the file's first response.
  package var isTie = false
  /// Whether a judge sees the chosen response as A in the first of the two orders.
  package var isChosenFirst = true
  /// What items are resampled together, such as the prompt that they share; `nil`: alone.
  package var cluster: String?

  /// Makes an item.
  package init(
    id: String,
    subset: String,
    section: String = "",
    prompt: [Message],
    chosen: [String],
    rejected: [String]
  ) {
    self.id = id
    self.subset = subset
    self.section = section
    self.prompt = prompt
    self.chosen = chosen
    self.rejected = rejected
  }

  /// What must be scored: the chosen responses, then the others.
  package var candidates: [BenchmarkCandidate] {
    (chosen + rejected).map { BenchmarkCandidate(prompt: prompt, response: $0) }
  }
}

/// A response that a benchmark asks a score for.
package struct BenchmarkCandidate: Hashable, Sendable {
  /// The conversation up to the assistant's turn.
  package var prompt: [Message]
  /// The assistant's turn.
  package var response: String

  /// Makes a candidate.
  package init(prompt: [Message], response: String) {
    self.prompt = prompt
    self.response = response
  }
}

/// What a benchmark says of scores.
package struct BenchmarkResults: Sendable, Equatable {
  /// Sections, subsets and named figures, beside `overall`.
  package var sections: ResultsFile.Sections
  /// What a reader of the figures must know, such as subsets that were absent; one sentence each.
  package var notes: [String]

  /// Makes results.
  package init(sections: ResultsFile.Sections, notes: [String] = []) {
    self.sections = sections
    self.notes = notes
  }
}

/// A benchmark of reward models, read from files.
package protocol Benchmark: Sendable {
  /// The name on the command line.
  static var name: String { get }
  /// What it asks, in a few words.
  static var summary: String { get }
  /// Whether verdicts of a judge can be counted, beside scores.
  static var takesVerdicts: Bool { get }
  /// The items in the files' order.
  var items: [BenchmarkItem] { get }

  /// What an unparseable verdict counts where the benchmark's authors count.
  static var unparseable: UnparseableRule { get }

  /// Reads the benchmark.
  ///
  /// - Parameter source: A file, or a folder of files.
  /// - Throws: `DataError` for what cannot be read, `EvaluateError` for what does not fit, with the
  ///   file and the row.
  init(_ source: BenchmarkSource) throws

  /// How far the scores of an item's candidates are right, from 0 to 1.
  func outcome(of item: BenchmarkItem, scores: BenchmarkScores) -> Double

  /// How far a judge's verdicts on a pair are right; `nil` is missing.
  func outcome(of item: BenchmarkItem, verdicts: [BenchmarkVerdict], rule: UnparseableRule)
    -> Double?

  /// The benchmark's figures.
  ///
  /// - Parameter tally: The outcomes of all items.
  /// - Returns: Sections, subsets and `overall`, with notes.
  /// - Throws: `StatisticsError`, or `EvaluateError.nothingCounted`.
  func results(_ tally: BenchmarkTally) throws -> BenchmarkResults
}

extension Benchmark {
  /// Verdicts can be counted.
  package static var takesVerdicts: Bool { true }

  /// Nothing: an item without a verdict is left out.
  package static var unparseable: UnparseableRule { .missing }

  /// 1 where every chosen response scores above every rejected one, else 0: equal scores lose.
  ///
  /// Where people found both equally good, 1 where the scores are equal.
  package func outcome(of item: BenchmarkItem, scores: BenchmarkScores) -> Double {
    guard let lowest = scores.chosen.min(), let highest = scores.rejected.max() else { return 0 }
    return (item.isTie ? lowest == highest : lowest > highest) ? 1 : 0
  }

  /// The mean over both orders: 1 for the right verdict, 0 for any other; unparseable ones by `rule`.
  package func outcome(
    of item: BenchmarkItem,
    verdicts: [BenchmarkVerdict],
    rule: UnparseableRule
  ) -> Double? {
    let values = verdicts.compactMap { verdict -> Double? in
      switch verdict {
      case .unparseable: rule.outcome
      case .tie: item.isTie ? 1 : 0
      case .chosen: item.isTie ? 0 : 1
      case .rejected: 0
      }
    }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// The benchmark's figures of records.
  ///
  /// - Parameters:
  ///   - records: One for each item, in the order of `items`.
  ///   - rule: What an unparseable verdict counts; `nil` is the benchmark's own rule.
  /// - Returns: Sections, subsets and `overall`, with notes: where verdicts cannot be read, one with
  ///   what each rule makes of them.
  /// - Throws: `StatisticsError`, or `EvaluateError`.
  package func results(
    _ records: [BenchmarkRecord],
    unparseable rule: UnparseableRule? = nil
  ) throws -> BenchmarkResults {
    let own = rule ?? Self.unparseable
    var found = try results(BenchmarkTally(self, records: records, rule: own))
    if records.contains(where: \.isUnparseable) {
      let figures = UnparseableRule.allCases.map { other in
        let whole = try? results(BenchmarkTally(self, records: records, rule: other))
          .sections["overall"]
        return "\(other.rawValue) \(whole.map { Self.percent($0.accuracy) } ?? "-")"
      }
      found.notes.append(
        "verdicts that cannot be read count as '\(own.rawValue)'; overall by rule: "
          + figures.joined(separator: ", ")
      )
    }
    return found
  }

  private static func percent(_ share: Double) -> String {
    "\((1000 * share).rounded() / 10) %"
  }
}
