// Computes all figures of a study from the records that it names.
import AssayBase
import AssayEvaluate
import AssayReward
import AssayTrain
import Foundation

/// Reads the records of a study.
package struct ComparisonReader {
  private let study: Study
  private let folder: URL

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - study: What was made.
  ///   - folder: Its folder.
  package init(_ study: Study, folder: URL) {
    self.study = study
    self.folder = folder
  }

  /// Computes all figures: of seeds with pairs of their own each seed's, and what they come to together.
  ///
  /// - Parameter claims: What is held against them.
  /// - Returns: The results.
  /// - Throws: `RunError` where records are damaged, `EvaluateError` where they do not belong together.
  package func results(
    claims: [ClaimTable.Claim] = ClaimTable.papers
  ) throws -> ComparisonResults {
    let seeds = Set(study.entries.map(\.seed)).sorted()
    guard study.parts != nil, seeds.count > 1 else { return try joint(claims) }
    let each = try seeds.map { seed in
      var own = study
      own.entries.removeAll { $0.seed != seed }
      return try ComparisonReader(own, folder: folder).joint(claims)
    }
    var results = try ComparisonResults.pooled(each, claims: claims)
    results.seconds = seconds
    results.startModel = study.startModel
    return results
  }

  /// The figures of one seed, or of several that were evaluated on the same pairs.
  private func joint(_ claims: [ClaimTable.Claim]) throws -> ComparisonResults {
    let methods = study.methods.map(\.name)
    var input = ComparisonInput(methods: methods, outcomes: [:])
    for entry in study.entries {
      input.outcomes[entry.method, default: [:]][entry.seed] = try records(entry.evaluation)
    }
    if !methods.contains(input.reference) { input.reference = methods.first ?? "" }
    for method in study.methods {
      guard let share = method.share else { continue }
      input.shares[method.name] = .init(method: method.base, share: share)
    }
    for item in try RecordLog<Study.Item>(place(study.items)).records() {
      let place = ComparisonInput.Place(suite: item.suite, id: item.id)
      input.clusters[place] = item.cluster
      input.bins[place] = item.bin
    }
    let tally = try ComparisonTally(input)
    var results = try tally.results(seconds: seconds)
    results.trials = study.trials.map {
      .init(method: $0.method, factor: $0.factor, accuracy: $0.accuracy, isChosen: $0.isChosen)
    }
    results.startModel = study.startModel
    results.parts = study.parts
    results.worldSeed = study.worldSeed
    addLogs(&results)
    let picks = try picks()
    results.bestOf = try methods.compactMap { method in
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
      given: try given(picks)
    )
    return results
  }

  // MARK: What a report shows besides

  /// Up to so many methods, training curves and critiques of a study are shown.
  private static let shownMethods = 4

  /// The curves of every training of the first seed, where few methods are compared.
  ///
  /// - Throws: `FileError.malformedRecord` where metrics are damaged.
  package func curves() throws -> [HTMLReport.Chart] {
    guard study.methods.count <= Self.shownMethods, let seed = study.entries.first?.seed else {
      return []
    }
    var seen: Set<String> = []
    let stages = study.shared + study.entries.filter { $0.seed == seed }.flatMap(\.stages)
    return try stages.filter { seen.insert($0.path).inserted }.compactMap {
      try TrainingChart.chart($0.name, of: place($0.path))
    }
  }

  /// Critiques to look at, of the first method that writes any.
  ///
  /// - Throws: `FileError.malformedRecord` where records are damaged.
  package func samples() throws -> [HTMLReport.Sample] {
    guard study.methods.count <= Self.shownMethods else { return [] }
    let items = try RecordLog<Study.Item>(place(study.items)).records()
    for entry in study.entries {
      let outcomes: [PairOutcome] = try records(entry.evaluation)
      let samples = CritiqueSamples.pick(outcomes, of: entry.method, items: items)
      if !samples.isEmpty { return samples }
    }
    return []
  }

  // MARK: Records

  /// A place in this study's folder, or in that of another one that was joined.
  private func place(_ path: String) -> URL {
    path.hasPrefix("/") ? URL(fileURLWithPath: path) : folder.appendingPathComponent(path)
  }

  private func records<Record: Codable & Sendable>(_ stage: String) throws -> [Record] {
    let url = place(stage).appendingPathComponent("records.jsonl")
    return try RecordLog<Record>(url).records()
  }

  /// Responses with scores, by method and seed.
  private func picks() throws -> [String: [Int: [BestOfNPrompt]]] {
    var picks: [String: [Int: [BestOfNPrompt]]] = [:]
    for entry in study.entries {
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
    try study.entries.compactMap { entry in
      guard let guided = entry.revisions, let unguided = study.unguidedRevisions["\(entry.seed)"]
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

  private func addLogs(_ results: inout ComparisonResults) {
    for entry in study.entries {
      for stage in entry.stages {
        switch stage.summary {
        case nil: continue
        case .filter(let summary)?:
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
        case .judgements(let iteration, let summary)?:
          results.star.append(
            .init(
              method: entry.method,
              seed: entry.seed,
              iteration: iteration,
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

  private static func interval(_ share: FilterSummary.Share) -> StudyInterval? {
    guard share.checked > 0 else { return nil }
    return .init(Statistics.wilson(successes: share.isTrue, trials: share.checked))
  }

  /// The seconds of all stages, each counted once.
  private var seconds: Double {
    var stages: [String: Double] = [:]
    for stage in study.shared + study.entries.flatMap(\.stages) {
      stages[stage.path] = stage.seconds
    }
    return stages.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value }
  }

  // MARK: Claims that outcomes alone do not measure

  private func given(
    _ picks: [String: [Int: [BestOfNPrompt]]]
  ) throws -> [String: StudyInterval] {
    var given: [String: StudyInterval] = [:]
    given["filtered-truth"] = try filteredTruth()
    for claim in ClaimTable.papers {
      guard case .bestOf(let first, let second) = claim.measure, let one = picks[first],
        let two = picks[second]
      else { continue }
      // Joined folders may lack one of them for a seed; nothing is compared there.
      let (own, other) = (
        Self.joined(one.filter { two[$0.key] != nil }),
        Self.joined(two.filter { one[$0.key] != nil })
      )
      if !own.isEmpty { given[claim.id] = .init(try BestOfN.difference(own, other)) }
    }
    given["revision"] = try revisionDifference()
    return given
  }

  /// By how much critiques that the filter keeps are more often true than those of the same response
  /// that it drops, over the seeds of Critic-RM.
  private func filteredTruth() throws -> StudyInterval? {
    var seen: Set<String> = []
    let seeds = study.entries.filter { $0.method == "critic-rm-rank" }.flatMap(\.stages).compactMap
    {
      stage -> FilterSummary.Within? in
      guard seen.insert(stage.path).inserted, case .filter(let summary)? = stage.summary else {
        return nil
      }
      return summary.within
    }
    return FilterSummary.Within.difference(seeds).map { StudyInterval($0) }
  }

  /// Guided less unguided revisions by the first method that guides any, over its seeds.
  private func revisionDifference() throws -> StudyInterval? {
    let critics = study.entries.filter { $0.revisions != nil }
    let preferred = ["critic-rm-rank", "critic-rm-summ", "cloud"]
    let name =
      preferred.first { name in critics.contains { $0.method == name } } ?? critics.first?.method
    var (guided, unguided): ([[Double]], [[Double]]) = ([], [])
    for entry in critics where entry.method == name {
      guard let stage = entry.revisions, let other = study.unguidedRevisions["\(entry.seed)"] else {
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
