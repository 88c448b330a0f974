// Training prompts among a benchmark's.
import AssayBase
import AssayData
import AssayReward
import AssayText

/// The prompts of training data, as what a benchmark's prompts are looked for in.
package struct TrainingLeaks: Sendable {
  /// How an item's prompt stands in the training data.
  package enum Kind: Sendable {
    /// It is a training prompt, but for case and white space.
    case exact
    /// Most of its runs of words stand in training prompts.
    case near
  }

  private static let runLength = 8
  private static let nearShare = 0.7
  private let files: [String]
  private var prompts: Set<String> = []
  private var runs: Set<UInt64> = []

  /// Reads the prompts of pairs.
  ///
  /// - Parameters:
  ///   - files: Their names.
  ///   - pairs: The pairs of all of them.
  package init(files: [String], _ pairs: [PreferencePair]) {
    self.files = files
    for pair in pairs {
      let words = Self.words(pair.prompt)
      if prompts.insert(words.joined(separator: " ")).inserted { runs.formUnion(Self.runs(words)) }
    }
  }

  /// Whether, and how, a prompt is among the training prompts.
  ///
  /// Near are prompts of at least eight words of whose runs of eight words at least 70 % are there.
  ///
  /// Source: Chowdhery et al. 2022 (arXiv:2204.02311), 8.
  package func kind(of prompt: [Message]) -> Kind? {
    let words = Self.words(prompt)
    if prompts.contains(words.joined(separator: " ")) { return .exact }
    let own = Self.runs(words)
    guard !own.isEmpty else { return nil }
    let known = own.count(where: runs.contains)
    return Double(known) >= Self.nearShare * Double(own.count) ? .near : nil
  }

  /// What was found in a benchmark.
  ///
  /// - Parameters:
  ///   - benchmark: The benchmark.
  ///   - records: One for each item.
  ///   - rule: What an unparseable verdict counts; `nil` is the benchmark's own rule.
  /// - Returns: The counts, and the figure without these items.
  package func figures(
    _ benchmark: any Benchmark,
    _ records: [BenchmarkRecord],
    rule: UnparseableRule?
  ) -> ResultsFile.Leaks {
    func tallied(_ own: some Benchmark) -> (kinds: [Kind?], clean: ResultsFile.Figure?) {
      let kinds = own.items.map { kind(of: $0.prompt) }
      let whole = BenchmarkTally(
        own,
        records: records,
        rule: rule ?? type(of: own).unparseable ?? .half
      )
      let rest = whole.keeping { kinds[$0] == nil }
      // A benchmark that cannot be counted without these items has no such figure.
      return (kinds, (try? own.results(rest))?.sections["overall"])
    }
    let (kinds, clean) = tallied(benchmark)
    let (exact, near) = (kinds.count { $0 == .exact }, kinds.count { $0 == .near })
    return ResultsFile.Leaks(
      files: files,
      exact: exact,
      near: near,
      share: Double(exact + near) / Double(max(1, kinds.count)),
      clean: clean
    )
  }

  private static func words(_ prompt: [Message]) -> [String] {
    prompt.flatMap { $0.content.lowercased().split(whereSeparator: \.isWhitespace) }
      .map(String.init)
  }

  private static func runs(_ words: [String]) -> [UInt64] {
    guard words.count >= runLength else { return [] }
    return (0...(words.count - runLength)).map { start in
      // Fowler, Noll and Vo's hash, the same on every machine.
      words[start..<(start + runLength)].reduce(UInt64(0xcbf2_9ce4_8422_2325)) { hash, word in
        (Array(word.utf8) + [0x20]).reduce(hash) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
      }
    }
  }
}
