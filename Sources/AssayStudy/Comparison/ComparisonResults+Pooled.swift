// Results of seeds that were evaluated on pairs of their own, as one.
import AssayBase
import AssayEvaluate
import AssayReward
import Foundation

extension StudyInterval {
  /// The mean of what independent seeds found, with its 95 % interval.
  ///
  /// Each figure has its seed's and its own items' chance in it, so the variance of the mean of `S` seeds is that
  /// of the figures, `sum((y - mean)^2) / (S - 1)`, over `S`, of `S - 1` degrees. It is never taken for
  /// less than a quarter of what the figures' own intervals say of their items. Of shares the interval is
  /// Wilson's, of as many trials as have that variance.
  ///
  /// - Parameters:
  ///   - figures: One for each seed, at least one.
  ///   - isShare: Whether they are shares, from 0 to 1.
  /// - Returns: Their mean; its items are those of all.
  package static func pooled(_ figures: [StudyInterval], isShare: Bool) -> StudyInterval {
    guard figures.count > 1 else { return figures[0] }
    let count = Double(figures.count)
    let value = figures.reduce(0) { $0 + $1.value } / count
    let between = figures.reduce(0) { $0 + ($1.value - value) * ($1.value - value) }
    let within = figures.reduce(0) { sum, figure in
      let quantile = Statistics.studentQuantile(degrees: figure.degrees ?? .infinity)
      let error = (figure.upper - figure.lower) / 2 / quantile
      return sum + error * error
    }
    let variance = max(between / (count - 1), within / count / 4) / count
    let quantile = Statistics.studentQuantile(degrees: count - 1)
    let half = quantile * variance.squareRoot()
    var ends = (lower: value - half, upper: value + half)
    if isShare {
      let spread = value * (1 - value)
      ends =
        variance > 0 && spread > 0
        ? Statistics.wilson(share: value, trials: spread / variance, quantile: quantile)
        : (max(0, ends.lower), min(1, ends.upper))
    }
    var pooled = StudyInterval(
      value: value,
      lower: ends.lower,
      upper: ends.upper,
      n: figures.reduce(0) { $0 + $1.n }
    )
    pooled.degrees = count - 1
    return pooled
  }
}

extension ComparisonResults {
  /// Reads `results.json` of a comparison.
  ///
  /// - Parameter url: The file.
  /// - Throws: `FileError.fileSystem` where it cannot be read or is something else.
  package init(contentsOf url: URL) throws {
    func refusal(_ reason: String) -> FileError {
      .fileSystem(action: "read", path: url.path, reason: reason)
    }
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw refusal(error.fileReason)
    }
    do {
      self = try JSONDecoder().decode(ComparisonResults.self, from: data)
    } catch {
      throw refusal("this is no results.json that `assay compare` of this version wrote")
    }
    guard isSound else {
      throw refusal(
        "a number in it cannot be: it was damaged or changed; write it again with `assay compare`"
      )
    }
  }

  /// Whether what is counted and indexed here can be.
  private var isSound: Bool {
    let figures =
      differences.map(\.difference) + claims.compactMap(\.figure) + dataEfficiency.map(\.accuracy)
      + bestOf.map(\.gain)
      + (sampleCurves + binnedCurves).flatMap { $0.points.map(\.accuracy) + [$0.gain] }
    let counts =
      figures.map(\.n) + differences.flatMap { [$0.onlyMethod, $0.onlyReference] }
      + calibration.map(\.missing) + methods.values.flatMap(\.values).flatMap(\.values).map(\.n)
    let bins = calibration.flatMap(\.bins)
    return (parts ?? 1) > 0 && seeds.allSatisfy { $0 >= 0 }
      && counts.allSatisfy { (0...10_000_000).contains($0) }
      && bins.allSatisfy {
        $0.count > 0 && $0.count <= 10_000_000 && (0...1).contains($0.probability)
      }
      && bestOf.flatMap(\.points).allSatisfy { $0.ci95.count == 2 }
  }

  /// Pools the results of seeds that were evaluated on pairs of their own.
  ///
  /// - Parameters:
  ///   - all: Results of one specification, each of other seeds; one that is pooled already is refused.
  ///   - claims: What is held against them.
  ///   - names: How messages call each of them, as its file.
  /// - Returns: Means over seeds; what tells of single seeds is that of all.
  /// - Throws: `EvaluateError.mismatchedRecords` where two were evaluated on the same pairs.
  package static func pooled(
    _ all: [ComparisonResults],
    claims: [ClaimTable.Claim] = ClaimTable.papers,
    names: [String]? = nil
  ) throws -> ComparisonResults {
    try check(all, names ?? all.map { "the results of seeds \($0.seeds)" })
    let all = all.sorted { $0.seeds.lexicographicallyPrecedes($1.seeds) }
    var result = ComparisonResults(seconds: all.reduce(0) { $0 + $1.seconds })
    let worldSeeds = Set(all.map(\.worldSeed))
    result.parts = all.first?.parts
    result.worldSeed = worldSeeds.count == 1 ? worldSeeds.first ?? nil : nil
    result.seeds = all.flatMap(\.seeds)
    for own in all {
      result.order += own.order.filter { !result.order.contains($0) }
      if result.trials.isEmpty { result.trials = own.trials }
    }
    result.intervals =
      all.count > 1
      ? "95 %, Student's t over seeds, each with pairs of its own"
      : all.first?.intervals ?? ""
    for key in Set(all.flatMap(\.startModel.keys)) {
      result.startModel[key] = mean(all.compactMap { $0.startModel[key] })
    }
    result.seedAccuracies = all.flatMap(\.seedAccuracies)
    result.revisions = all.flatMap(\.revisions)
    result.star = all.flatMap(\.star)
    result.filters = all.flatMap(\.filters)
    result.methods = accuracies(all)
    result.poolCurves(all)
    result.poolPairs(all)
    result.claims = result.held(claims, all)
    return result
  }

  /// Refuses results that are not independent of each other.
  private static func check(_ all: [ComparisonResults], _ names: [String]) throws {
    var seen: [[Int?]: String] = [:]
    let worlds = Set(all.map(\.worldSeed))
    let ownWorlds = !worlds.contains(nil) && worlds.count == all.count
    for (own, name) in zip(all, names) {
      func refusal(_ problem: String) -> EvaluateError {
        .mismatchedRecords(file: name, problems: [problem])
      }
      guard own.seeds.count == 1 else {
        throw refusal("it is of \(own.seeds.count) seeds; give the results of each seed alone")
      }
      // Worlds of their own have pairs of their own.
      if ownWorlds || all.count == 1 { continue }
      guard let count = own.parts, count == all[0].parts else {
        throw refusal(
          own.parts == nil
            ? "its seeds were evaluated on all pairs of a world, so that they are not independent of other "
              + "results of it; join their folders, set evaluation.parts, or give each a world of its own"
            : "its pairs are divided into other parts than those of \(names[0])"
        )
      }
      if let other = seen.updateValue(name, forKey: [own.worldSeed, own.seeds[0] % count]) {
        throw refusal("it was evaluated on the same pairs as \(other)")
      }
    }
  }

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(1, values.count))
  }

  /// The values of all results by a key, in the order in which keys appear.
  private static func grouped<Value>(
    _ values: [Value],
    by key: (Value) -> [String]
  ) -> [[Value]] {
    var places: [[String]: Int] = [:]
    var groups: [[Value]] = []
    for value in values {
      let name = key(value)
      if let place = places[name] {
        groups[place].append(value)
      } else {
        places[name] = groups.count
        groups.append([value])
      }
    }
    return groups
  }

  private static func accuracies(
    _ all: [ComparisonResults]
  ) -> [String: [String: ResultsFile.Sections]] {
    var figures: [String: [String: [String: [ResultsFile.Figure]]]] = [:]
    for own in all {
      for (method, suites) in own.methods {
        for (suite, sections) in suites {
          for (section, figure) in sections {
            figures[method, default: [:]][suite, default: [:]][section, default: []].append(figure)
          }
        }
      }
    }
    return figures.mapValues { $0.mapValues { $0.mapValues(pooled) } }
  }

  private static func pooled(_ figures: [ResultsFile.Figure]) -> ResultsFile.Figure {
    let accuracy = StudyInterval.pooled(
      figures.map {
        .init(value: $0.accuracy, lower: $0.ci95[0], upper: $0.ci95[1], n: $0.n)
      },
      isShare: true
    )
    var pooled = ResultsFile.Figure(
      accuracy: accuracy.value,
      lower: accuracy.lower,
      upper: accuracy.upper,
      n: accuracy.n
    )
    func rate(_ path: KeyPath<ResultsFile.Figure, Double?>) -> Double? {
      let known = figures.compactMap { $0[keyPath: path] }
      return known.isEmpty ? nil : mean(known)
    }
    pooled.isPartial = figures.contains { $0.isPartial == true } ? true : nil
    pooled.strict = rate(\.strict)
    pooled.orderAveraged = rate(\.orderAveraged)
    pooled.flipRate = rate(\.flipRate)
    pooled.inconsistentRate = rate(\.inconsistentRate)
    pooled.firstShare = rate(\.firstShare)
    pooled.missingRate = rate(\.missingRate)
    pooled.unparseableRate = rate(\.unparseableRate)
    pooled.forcedRate = rate(\.forcedRate)
    return pooled
  }

  private mutating func poolCurves(_ all: [ComparisonResults]) {
    func pooled(_ path: KeyPath<ComparisonResults, [SampleCurve]>) -> [SampleCurve] {
      Self.grouped(all.flatMap { $0[keyPath: path] }) { [$0.method, $0.suite, $0.section] }.map {
        curves in
        var curve = curves[0]
        let points = Self.grouped(curves.flatMap(\.points)) { ["\($0.samples)"] }
        curve.points = points.map { points in
          var point = points[0]
          point.accuracy = .pooled(points.map(\.accuracy), isShare: true)
          return point
        }
        curve.gain = .pooled(curves.map(\.gain), isShare: false)
        return curve
      }
    }
    sampleCurves = pooled(\.sampleCurves)
    binnedCurves = pooled(\.binnedCurves)
    let shares = Self.grouped(all.flatMap(\.dataEfficiency)) {
      [$0.method, $0.suite, $0.section, "\($0.share)"]
    }
    dataEfficiency = shares.map { points in
      var point = points[0]
      point.accuracy = .pooled(points.map(\.accuracy), isShare: true)
      return point
    }
    bestOf = Self.grouped(all.flatMap(\.bestOf)) { [$0.method] }.map { curves in
      let points = Self.grouped(curves.flatMap(\.points)) { ["\($0.count)"] }
      return BestOf(
        method: curves[0].method,
        seed: nil,
        points: points.map { points in
          let value = StudyInterval.pooled(
            points.map { .init(value: $0.value, lower: $0.ci95[0], upper: $0.ci95[1], n: 0) },
            isShare: true
          )
          return BestOfNPoint(
            count: points[0].count,
            value: value.value,
            ci95: value.ci95,
            oracle: Self.mean(points.map(\.oracle)),
            random: Self.mean(points.map(\.random))
          )
        },
        gain: .pooled(curves.map(\.gain), isShare: false)
      )
    }
  }

  private mutating func poolPairs(_ all: [ComparisonResults]) {
    differences = Self.grouped(all.flatMap(\.differences)) {
      [$0.method, $0.reference, $0.suite, $0.section]
    }.map { own in
      var pooled = own[0]
      pooled.difference = .pooled(own.map(\.difference), isShare: false)
      pooled.onlyMethod = own.reduce(0) { $0 + $1.onlyMethod }
      pooled.onlyReference = own.reduce(0) { $0 + $1.onlyReference }
      pooled.p = Statistics.signTest(better: pooled.onlyMethod, worse: pooled.onlyReference)
      return pooled
    }
    calibration = Self.grouped(all.flatMap(\.calibration)) { [$0.method, $0.suite] }.map { own in
      var pooled = own[0]
      pooled.expectedError = Self.mean(own.map(\.expectedError))
      pooled.brier = Self.mean(own.map(\.brier))
      pooled.missing = own.reduce(0) { $0 + $1.missing }
      // Ten bins from 0.5 to 1, of which empty ones are left out.
      let bins = Self.grouped(own.flatMap(\.bins)) {
        ["\(min(9, Int($0.probability * 20) - 10))"]
      }
      pooled.bins = bins.map { bins in
        let count = bins.reduce(0) { $0 + $1.count }
        func weighted(_ path: KeyPath<CalibrationFigure.Bin, Double>) -> Double {
          bins.reduce(0) { $0 + Double($1.count) * $1[keyPath: path] } / Double(count)
        }
        return .init(
          count: count,
          probability: weighted(\.probability),
          frequency: weighted(\.frequency)
        )
      }.sorted { $0.probability < $1.probability }
      return pooled
    }
    tokens = Self.grouped(all.flatMap(\.tokens)) { [$0.method] }.map { own in
      var pooled = own[0]
      pooled.prompt = Self.mean(own.map(\.prompt))
      pooled.completion = Self.mean(own.map(\.completion))
      return pooled
    }
  }

  /// Claims by the figures of all seeds.
  private func held(
    _ claims: [ClaimTable.Claim],
    _ all: [ComparisonResults]
  ) -> [ClaimTable.Result] {
    ClaimTable.corrected(
      claims.compactMap { claim in
        let own = all.flatMap(\.claims).filter { $0.id == claim.id }
        guard let first = own.first(where: { $0.figure != nil }) ?? own.first else { return nil }
        var measure = first.measure
        var figures = own.filter { $0.measure == measure }.compactMap(\.figure)
        if case .everySection(let method, let reference, let suite) = claim.measure {
          // Seeds are not all the least sure of the same section.
          let weakest = ComparisonTally.weakest(
            differences.filter {
              [$0.method, $0.reference, $0.suite] == [method, reference, suite]
                && $0.section != "overall"
            },
            limit: claim.limit
          )
          measure = "\(method) - \(reference), \(suite), \(weakest?.section ?? "each section")"
          figures = weakest.map { [$0.difference] } ?? []
        }
        let figure = figures.isEmpty ? nil : StudyInterval.pooled(figures, isShare: false)
        return ClaimTable.Result(
          id: claim.id,
          sentence: claim.sentence,
          paper: claim.paper,
          measure: measure,
          figure: figure,
          limit: claim.limit,
          bar: claim.bar,
          outcome: ClaimTable.outcome(figure, limit: claim.limit),
          isControl: claim.isControl
        )
      }
    )
  }
}
