// Reads what `CompareRecipe` made and computes all figures of it.
import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayText
import AssayTrain
import Foundation

/// Reads the folder of a comparison.
package struct ComparisonReader {
  private let folder: URL
  private let run: ComparisonRun
  private let config: CompareConfig

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - run: What the comparison made.
  ///   - config: Its settings.
  ///   - folder: Its folder.
  package init(_ run: ComparisonRun, config: CompareConfig, folder: URL) {
    self.run = run
    self.config = config
    self.folder = folder
  }

  /// Computes all figures.
  ///
  /// - Parameter claims: What is held against them.
  /// - Returns: The results.
  /// - Throws: `RunError` where records are damaged, `EvaluateError` where they do not belong together.
  package func results(
    claims: [ClaimTable.Claim] = ClaimTable.papers
  ) throws -> ComparisonResults {
    var input = ComparisonInput(methods: config.methods, outcomes: [:])
    for entry in run.entries {
      input.outcomes[entry.method, default: [:]][entry.seed] = try records(entry.evaluation)
    }
    if !config.methods.contains(input.reference) { input.reference = config.methods.first ?? "" }
    input.shares = shares
    if config.world == .playground {
      input.bins = steps(input)
    } else {
      input.clusters = try questions()
    }
    let tally = try ComparisonTally(input)
    var results = try tally.results(seconds: seconds)
    results.trials = run.trials.map {
      .init(method: $0.method, factor: $0.factor, accuracy: $0.accuracy, isChosen: $0.isChosen)
    }
    results.startModel = run.startModel
    try addLogs(&results)
    let picks = try picks()
    results.bestOf = try config.methods.compactMap { method in
      guard let own = picks[method].map(Self.joined) else { return nil }
      return .init(
        method: method,
        seed: nil,
        points: try BestOfN.curve(own),
        gain: .init(try BestOfN.gain(own))
      )
    }
    results.revisions = try revisions()
    results.claims = try ClaimTable.results(
      claims,
      tally: tally,
      results: results,
      given: try given(results, picks)
    )
    return results
  }

  // MARK: Records

  /// A stage's folder: of this comparison, or of another one that was joined.
  private func place(_ stage: String) -> URL {
    stage.hasPrefix("/") ? URL(fileURLWithPath: stage) : folder.appendingPathComponent(stage)
  }

  private func records<Record: Codable & Sendable>(_ stage: String) throws -> [Record] {
    let url = place(stage).appendingPathComponent("records.jsonl")
    return try RecordLog<Record>(url).records()
  }

  /// Responses with scores, by method and seed.
  private func picks() throws -> [String: [Int: [BestOfNPrompt]]] {
    var picks: [String: [Int: [BestOfNPrompt]]] = [:]
    for entry in run.entries {
      guard let stage = entry.bestOf else { continue }
      let own: [CandidateScores] = try records(stage)
      picks[entry.method, default: [:]][entry.seed] = own.map { record in
        BestOfNPrompt(
          id: record.id,
          values: record.right.map { $0 ? 1 : 0 },
          scores: record.scores
        )
      }
    }
    return picks
  }

  private static func joined(_ seeds: [Int: [BestOfNPrompt]]) -> [BestOfNPrompt] {
    seeds.sorted { $0.key < $1.key }.flatMap(\.value)
  }

  private func revisions() throws -> [RevisionFigure] {
    try run.entries.compactMap { entry in
      guard let guided = entry.revisions, let unguided = run.unguidedRevisions["\(entry.seed)"]
      else { return nil }
      let (with, without): ([RevisionRecord], [RevisionRecord]) = (
        try records(guided), try records(unguided)
      )
      guard with.map(\.id) == without.map(\.id), !with.isEmpty else {
        throw EvaluateError.mismatchedRecords(
          file: guided,
          problems: ["these are revisions of other responses than those of \(unguided)"]
        )
      }
      return try RevisionFigure(
        zip(with, without).map {
          RevisionOutcome(
            id: $0.id,
            before: $0.wasRight,
            guided: $0.isRight,
            unguided: $1.isRight
          )
        },
        method: entry.method,
        seed: entry.seed
      )
    }
  }

  private func addLogs(_ results: inout ComparisonResults) throws {
    for entry in run.entries {
      for stage in entry.stages {
        let url = place(stage)
        guard let data = try? Data(contentsOf: url.appendingPathComponent("summary.json")) else {
          continue
        }
        if let summary = try? JSONDecoder().decode(FilterSummary.self, from: data) {
          results.filters.append(
            .init(
              method: entry.method,
              seed: entry.seed,
              pairs: summary.pairs,
              keptPairs: summary.keptPairs,
              droppedPairs: summary.droppedPairs,
              droppedCritiques: summary.droppedCritiques,
              trueBefore: Self.interval(summary.unfiltered),
              trueBehind: Self.interval(summary.filtered),
              trueRefined: Self.interval(summary.refined)
            )
          )
        } else if let summary = try? JSONDecoder().decode(JudgementSummary.self, from: data) {
          // As 01-judgements-3.
          let number = url.lastPathComponent.split(separator: "-").last.flatMap { Int($0) }
          results.star.append(
            .init(
              method: entry.method,
              seed: entry.seed,
              iteration: number ?? 0,
              allRight: summary.allRight,
              allWrong: summary.allWrong,
              mixed: summary.mixed,
              unparseableRate: Double(summary.unparseable) / Double(max(1, summary.judgements)),
              rightAndTrue: summary.rightChecked == 0
                ? nil : Double(summary.rightAndTrue) / Double(summary.rightChecked)
            )
          )
        }
      }
    }
  }

  private static func interval(_ share: FilterSummary.Share) -> ComparisonResults.Interval? {
    guard share.checked > 0 else { return nil }
    return .init(Statistics.wilson(successes: share.isTrue, trials: share.checked))
  }

  /// The seconds of all stages, each counted once.
  private var seconds: Double {
    struct Done: Decodable { let seconds: Double }
    let stages = Set(run.shared + run.entries.flatMap(\.stages))
    return stages.sorted().reduce(0) { total, stage in
      let url = place(stage).appendingPathComponent("done.json")
      let data = try? Data(contentsOf: url)
      let done = data.flatMap { try? JSONDecoder().decode(Done.self, from: $0) }
      return total + (done?.seconds ?? 0)
    }
  }

  // MARK: How pairs and methods belong together

  /// Variants that only take a share of the pairs.
  private var shares: [String: ComparisonInput.Share] {
    var shares: [String: ComparisonInput.Share] = [:]
    for (name, text) in config.variants {
      let words = text.split(separator: " ")
      guard words.count == 2, words[1].hasPrefix("share="),
        let share = Double(words[1].dropFirst(6))
      else { continue }
      shares[name] = .init(method: String(words[0]), share: share)
    }
    return shares
  }

  /// The steps of the Playground's step-by-step tasks.
  private func steps(_ input: ComparisonInput) -> [String: String] {
    let playground = Playground(PlaygroundConfiguration(seed: UInt64(config.compute.seed)))
    var bins: [String: String] = [:]
    let outcomes = input.outcomes.values.flatMap { $0.values.flatMap(\.self) }
    for id in Set(outcomes.map(\.id)) {
      switch playground.item(id: id)?.facts {
      case .quantity(_, let changes): bins[id] = Self.steps(changes.count)
      case .holder(let names): bins[id] = Self.steps(names.count - 1)
      default: continue
      }
    }
    return bins
  }

  private static func steps(_ count: Int) -> String { count == 1 ? "1 step" : "\(count) steps" }

  /// The question of each pair, where several pairs share one.
  private func questions() throws -> [String: String] {
    guard let data = run.shared.first(where: { $0.contains("stages/data-") }) else { return [:] }
    var questions: [String: String] = [:]
    let suites = Set(try outcomesOfFirstEntry().map(\.suite))
    for suite in suites.sorted() {
      let url = place(data).appendingPathComponent("\(suite).jsonl")
      for pair in try PairReader().read(url.path).pairs {
        questions[pair.id] = pair.prompt.map(\.content).joined(separator: "\n")
      }
    }
    return questions
  }

  private func outcomesOfFirstEntry() throws -> [PairOutcome] {
    try run.entries.first.map { try records($0.evaluation) } ?? []
  }

  // MARK: Claims that outcomes alone do not measure

  private func given(
    _ results: ComparisonResults,
    _ picks: [String: [Int: [BestOfNPrompt]]]
  ) throws -> [String: ComparisonResults.Interval] {
    var given: [String: ComparisonResults.Interval] = [:]
    given["filtered-truth"] = try filteredTruth()
    let bins = results.binnedCurves.filter { $0.method == "cloud" && $0.suite == "test" }
    if bins.count > 1 {
      given["short-reasoning"] = ClaimTable.independentDifference(
        bins[0].gain,
        bins[bins.count - 1].gain
      )
    }
    if let cloud = picks["cloud"], let classic = picks["classic"] {
      // Joined folders may lack one of them for a seed; nothing is compared there.
      let (own, other) = (
        Self.joined(cloud.filter { classic[$0.key] != nil }),
        Self.joined(classic.filter { cloud[$0.key] != nil })
      )
      if !own.isEmpty { given["best-of-n"] = .init(try BestOfN.difference(own, other)) }
    }
    given["revision"] = try revisionDifference()
    return given
  }

  /// How much more often critiques that the filter keeps are true than all of them.
  ///
  /// Those kept are a share `w` of all, so the difference from all is `1 - w` of that from those
  /// dropped, which are other critiques. That critiques of one pair are alike is left out.
  private func filteredTruth() throws -> ComparisonResults.Interval? {
    var (all, kept) = ((checked: 0, right: 0), (checked: 0, right: 0))
    var seen: Set<String> = []
    for entry in run.entries where entry.method == "critic-rm-rank" {
      for stage in entry.stages where seen.insert(stage).inserted {
        let url = place(stage).appendingPathComponent("summary.json")
        guard let data = try? Data(contentsOf: url),
          let summary = try? JSONDecoder().decode(FilterSummary.self, from: data)
        else { continue }
        all.checked += summary.unfiltered.checked
        all.right += summary.unfiltered.isTrue
        kept.checked += summary.filtered.checked
        kept.right += summary.filtered.isTrue
      }
    }
    let dropped = (checked: all.checked - kept.checked, right: all.right - kept.right)
    guard kept.checked > 0, dropped.checked > 0, (0...dropped.checked).contains(dropped.right)
    else { return nil }
    let share = Double(dropped.checked) / Double(all.checked)
    let difference = ClaimTable.independentDifference(
      .init(Statistics.wilson(successes: kept.right, trials: kept.checked)),
      .init(Statistics.wilson(successes: dropped.right, trials: dropped.checked))
    )
    return .init(
      value: share * difference.value,
      lower: share * difference.lower,
      upper: share * difference.upper,
      n: all.checked
    )
  }

  /// Guided less unguided revisions by the first method that guides any, over its seeds.
  private func revisionDifference() throws -> ComparisonResults.Interval? {
    let critics = run.entries.filter { $0.revisions != nil }
    let preferred = ["critic-rm-rank", "critic-rm-summ", "cloud"]
    let name =
      preferred.first { name in critics.contains { $0.method == name } } ?? critics.first?.method
    var (guided, unguided): ([[Double]], [[Double]]) = ([], [])
    for entry in critics where entry.method == name {
      guard let stage = entry.revisions, let other = run.unguidedRevisions["\(entry.seed)"] else {
        continue
      }
      let (with, without): ([RevisionRecord], [RevisionRecord]) = (
        try records(stage), try records(other)
      )
      guided.append(with.map { $0.isRight ? 1 : 0 })
      unguided.append(without.map { $0.isRight ? 1 : 0 })
    }
    guard !guided.isEmpty else { return nil }
    return .init(try SeedsAndItems(guided).difference(from: try SeedsAndItems(unguided)))
  }
}
