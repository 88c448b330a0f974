// Computes the figures of a comparison from what methods made of pairs.
import AssayEvaluate
import AssayReward
import Foundation

/// What methods made of pairs, and how the pairs belong together.
package struct ComparisonInput: Sendable {
  /// A method that is another one trained on a share of the pairs.
  package struct Share: Equatable, Sendable {
    /// The method whose pairs were cut.
    package var method: String
    /// The share of the training pairs.
    package var share: Double

    /// Makes a share.
    package init(method: String, share: Double) {
      self.method = method
      self.share = share
    }
  }

  /// A pair of a suite: suites of a user's files may have the same ids, as where rows are counted.
  package struct Place: Hashable, Sendable {
    /// The suite's name.
    package var suite: String
    /// The pair's id.
    package var id: String

    /// Makes a place.
    package init(suite: String, id: String) {
      self.suite = suite
      self.id = id
    }
  }

  /// The methods in the order of the report.
  package var methods: [String]
  /// Method to seed to outcomes, of all suites.
  package var outcomes: [String: [Int: [PairOutcome]]]
  /// What every method is compared with.
  package var reference = "classic"
  /// Pair to what it depends on, as its question; pairs that are not named stand alone.
  package var clusters: [Place: String] = [:]
  /// Pair to a bin, as its number of steps.
  package var bins: [Place: String] = [:]
  /// Names of `methods` that are others, trained on fewer pairs.
  package var shares: [String: Share] = [:]

  /// Makes an input.
  package init(methods: [String], outcomes: [String: [Int: [PairOutcome]]]) {
    self.methods = methods
    self.outcomes = outcomes
  }
}

extension ComparisonInput.Place {
  /// The place of a pair that a method made something of.
  init(_ outcome: PairOutcome) { self.init(suite: outcome.suite, id: outcome.id) }
}

/// Computes figures.
package struct ComparisonTally {
  /// What they are computed from.
  package let input: ComparisonInput
  /// Method to suite to its outcomes: a list for each seed, of the same pairs in the same order.
  private var tables: [String: [String: Table]] = [:]
  private let curveResamples = 1000

  /// The outcomes of a method on a suite.
  struct Table {
    var seeds: [Int]
    var outcomes: [[PairOutcome]]

    var sections: [String] {
      ["overall"] + Set((outcomes.first ?? []).compactMap(\.subset)).sorted()
    }

    func places(_ section: String) -> [Int] {
      let first = outcomes.first ?? []
      return first.indices.filter { section == "overall" || first[$0].subset == section }
    }
  }

  /// Sorts outcomes.
  ///
  /// - Parameter input: Methods without outcomes are left out.
  /// - Throws: `EvaluateError.mismatchedRecords` where seeds of a method have other pairs.
  package init(_ input: ComparisonInput) throws {
    self.input = input
    for method in input.methods {
      let seeds = (input.outcomes[method] ?? [:]).sorted { $0.key < $1.key }
      var suites: [String: Table] = [:]
      for (seed, outcomes) in seeds {
        for (suite, own) in Dictionary(grouping: outcomes, by: \.suite) {
          let sorted = own.sorted { $0.id < $1.id }
          if let first = suites[suite]?.outcomes.first, first.map(\.id) != sorted.map(\.id) {
            throw EvaluateError.mismatchedRecords(
              file: "the outcomes of \(method) on \(suite)",
              problems: ["seed \(seed) has other pairs than the seeds before it"]
            )
          }
          suites[suite, default: Table(seeds: [], outcomes: [])].seeds.append(seed)
          suites[suite]?.outcomes.append(sorted)
        }
      }
      tables[method] = suites
    }
  }

  /// Computes everything that outcomes alone give.
  ///
  /// - Parameter seconds: Seconds that everything took.
  /// - Returns: The results; best-of-N, revisions, logs and claims are empty.
  /// - Throws: `StatisticsError`, as for a score that is no number.
  package func results(seconds: Double) throws -> ComparisonResults {
    var results = ComparisonResults(seconds: seconds)
    results.order = input.methods
    let seeds = Set(tables.values.flatMap { $0.values.flatMap(\.seeds) }).sorted()
    results.seeds = seeds
    results.intervals =
      seeds.count > 1
      ? "95 %, Student's t over seeds and pairs; of methods with one seed a bootstrap over pairs only"
      : "95 %, over pairs of one seed"
    for method in input.methods {
      for (suite, table) in (tables[method] ?? [:]).sorted(by: { $0.key < $1.key }) {
        var sections: ResultsFile.Sections = [:]
        for section in table.sections {
          let outcomes = try matrix(table, section)
          let figure = try figure(outcomes, table, section)
          sections[section] = figure
          for (seed, accuracy) in zip(table.seeds, outcomes.seedMeans) {
            results.seedAccuracies.append(
              .init(method: method, suite: suite, section: section, seed: seed, accuracy: accuracy)
            )
          }
          if let difference = try difference(method, suite, section) {
            results.differences.append(difference)
          }
          if let share = input.shares[method] ?? whole(method) {
            results.dataEfficiency.append(
              .init(
                method: share.method,
                suite: suite,
                section: section,
                share: share.share,
                accuracy: .init(
                  value: figure.accuracy,
                  lower: figure.ci95[0],
                  upper: figure.ci95[1],
                  n: figure.n
                )
              )
            )
          }
          if let curve = try curve(method, suite, section, table, table.places(section)) {
            results.sampleCurves.append(curve)
          }
        }
        results.methods[method, default: [:]][suite] = sections
        results.binnedCurves += try binned(method, suite, table)
        results.calibration += try calibration(method, suite, table)
      }
      if let tokens = tokens(method) { results.tokens.append(tokens) }
    }
    return results
  }

  // MARK: Parts

  /// The sections of a method's outcomes on a suite, without that of all pairs.
  func sections(of method: String, suite: String) -> [String] {
    (tables[method]?[suite]?.sections ?? []).filter { $0 != "overall" }
  }

  /// A method's outcomes on a suite: a list for each seed, of the same pairs in the same order.
  func outcomes(of method: String, suite: String) -> [[PairOutcome]]? {
    tables[method]?[suite]?.outcomes
  }

  /// What pairs at some places depend on; `nil` where nothing is known of any.
  func clusters(_ outcomes: [PairOutcome], _ places: [Int]) -> [String]? {
    guard !input.clusters.isEmpty else { return nil }
    return places.map { input.clusters[.init(outcomes[$0])] ?? "pair \(outcomes[$0].id)" }
  }

  private func matrix(
    _ table: Table,
    _ places: [Int],
    seeds: [Int]? = nil,
    value: (PairOutcome) -> Double
  ) throws -> SeedsAndItems {
    let lists = zip(table.seeds, table.outcomes).filter { seeds?.contains($0.0) ?? true }
    return try SeedsAndItems(
      lists.map { list in places.map { value(list.1[$0]) } },
      clusters: clusters(table.outcomes.first ?? [], places)
    )
  }

  private func matrix(
    _ table: Table,
    _ section: String,
    seeds: [Int]? = nil
  ) throws -> SeedsAndItems {
    try matrix(table, table.places(section), seeds: seeds) { $0.credit() }
  }

  private func figure(
    _ outcomes: SeedsAndItems,
    _ table: Table,
    _ section: String
  ) throws -> ResultsFile.Figure {
    let places = table.places(section)
    let own = table.outcomes.flatMap { list in places.map { list[$0] } }
    return try ResultsFile.Figure(own, estimate: try outcomes.mean())
  }

  /// A method's accuracy less that of another, under the seeds that both have.
  ///
  /// Two that sample votes, or two that sample critiques, are compared at the number that both have:
  /// more samples are not a better method.
  ///
  /// - Parameters:
  ///   - method: The minuend.
  ///   - reference: The subtrahend.
  ///   - suite: The suite.
  ///   - section: The section, `overall` for all pairs.
  ///   - limit: How many samples are looked at, at most.
  /// - Returns: The difference, `nil` where there is nothing to compare.
  /// - Throws: `EvaluateError.mismatchedRecords` where the two have other pairs, or `StatisticsError`.
  package func difference(
    _ method: String,
    from reference: String,
    suite: String,
    section: String,
    samples limit: Int? = nil
  ) throws -> ComparisonResults.Difference? {
    guard method != reference, let first = tables[method]?[suite],
      let second = tables[reference]?[suite], first.sections.contains(section)
    else { return nil }
    let seeds = first.seeds.filter(second.seeds.contains)
    guard !seeds.isEmpty else { return nil }
    guard first.outcomes[0].map(\.id) == second.outcomes[0].map(\.id) else {
      throw EvaluateError.mismatchedRecords(
        file: "the outcomes of \(method) on \(suite)",
        problems: ["they are of other pairs than those of \(reference)"]
      )
    }
    let samples = commonSamples(first, second).map { min($0, limit ?? $0) }
    func outcomes(_ table: Table) throws -> SeedsAndItems {
      try matrix(table, table.places(section), seeds: seeds) { outcome in
        outcome.credit(samples: samples)
      }
    }
    let (own, other) = (try outcomes(first), try outcomes(second))
    func sums(_ matrix: SeedsAndItems) -> [Double] {
      matrix.outcomes[0].indices.map { item in matrix.outcomes.reduce(0) { $0 + $1[item] } }
    }
    let test = try Statistics.signTest(sums(own), sums(other))
    return .init(
      method: method,
      reference: reference,
      suite: suite,
      section: section,
      difference: .init(try own.difference(from: other)),
      p: test.pValue,
      onlyMethod: test.first,
      onlyReference: test.second
    )
  }

  /// The number of samples that both have; `nil` where they do not sample the same thing.
  private func commonSamples(_ first: Table, _ second: Table) -> Int? {
    func kind(_ table: Table) -> (isVote: Bool, count: Int)? {
      let all = table.outcomes.joined()
      let count = all.map(\.sampleCount).min() ?? 0
      let isVote = all.first?.votes != nil
      // Probabilities are read, not sampled.
      let isSampled = all.allSatisfy { outcome in
        outcome.votes?.allSatisfy { [nil, 0, 1].contains($0.chosen) } ?? true
      }
      return isSampled && count > 1 ? (isVote, count) : nil
    }
    guard let one = kind(first), let other = kind(second), one.isVote == other.isVote else {
      return nil
    }
    return min(one.count, other.count)
  }

  private func difference(
    _ method: String,
    _ suite: String,
    _ section: String
  ) throws -> ComparisonResults.Difference? {
    try difference(method, from: input.reference, suite: suite, section: section)
  }

  /// A method that others are shares of counts as the share 1.
  private func whole(_ method: String) -> ComparisonInput.Share? {
    input.shares.values.contains { $0.method == method }
      ? .init(method: method, share: 1) : nil
  }

  private func curve(
    _ method: String,
    _ suite: String,
    _ section: String,
    _ table: Table,
    _ places: [Int]
  ) throws -> ComparisonResults.SampleCurve? {
    let all = table.outcomes.flatMap { list in places.map { list[$0] } }
    let count = all.map(\.sampleCount).min() ?? 0
    // The two orders of a judge that reads probabilities are no samples.
    guard count > (all.contains { $0.votes != nil } ? 2 : 1) else { return nil }
    var counts: [Int] = []
    var next = 1
    while next < count {
      counts.append(next)
      next *= 2
    }
    counts.append(count)
    let matrices = try counts.map { samples in
      try matrix(table, places) { $0.credit(samples: samples) }
    }
    return .init(
      method: method,
      suite: suite,
      section: section,
      points: try zip(counts, matrices).map {
        .init(samples: $0, accuracy: .init(try $1.mean(resamples: curveResamples)))
      },
      gain: .init(try matrices[matrices.count - 1].difference(from: matrices[0]))
    )
  }

  private func binned(
    _ method: String,
    _ suite: String,
    _ table: Table
  ) throws -> [ComparisonResults.SampleCurve] {
    guard let first = table.outcomes.first else { return [] }
    let bins = Dictionary(grouping: first.indices) { input.bins[.init(first[$0])] }
    let names = bins.keys.compactMap(\.self).sorted {
      $0.compare($1, options: .numeric) == .orderedAscending
    }
    return try names.compactMap { try curve(method, suite, $0, table, bins[$0] ?? []) }
  }

  private func calibration(
    _ method: String,
    _ suite: String,
    _ table: Table
  ) throws -> [ComparisonResults.CalibrationFigure] {
    let all = table.outcomes.flatMap(\.self)
    let probabilities = all.compactMap(\.probability)
    guard !probabilities.isEmpty else { return [] }
    let measured = try Calibration(preferences: probabilities)
    return [
      .init(
        method: method,
        suite: suite,
        expectedError: measured.expectedError,
        brier: measured.brier,
        missing: all.count - probabilities.count,
        bins: measured.bins.filter { $0.count > 0 }.map {
          .init(count: $0.count, probability: $0.meanProbability, frequency: $0.frequency)
        }
      )
    ]
  }

  private func tokens(_ method: String) -> ComparisonResults.TokenFigure? {
    let all = (tables[method] ?? [:]).values.flatMap { $0.outcomes.flatMap(\.self) }
    guard let first = all.first else { return nil }
    return .init(
      method: method,
      samples: first.sampleCount,
      prompt: Double(all.map(\.promptTokens).reduce(0, +)) / Double(all.count),
      completion: Double(all.map(\.completionTokens).reduce(0, +)) / Double(all.count)
    )
  }
}
