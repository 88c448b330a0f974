// Outcomes of a benchmark's items, and the figures that are means of them.
import AssayReward

/// The outcomes of all items, from which a benchmark makes its figures.
package struct BenchmarkTally: Sendable {
  /// The items.
  package let items: [BenchmarkItem]
  /// The records, in the order of the items.
  package let records: [BenchmarkRecord]
  /// The outcome of each item, from 0 to 1; `nil` is missing.
  package let outcomes: [Double?]
  /// What an unparseable verdict counts.
  let rule: UnparseableRule
  /// Draws behind intervals that are bootstrapped.
  package var resamples = 2000

  /// Some items, and how much the mean of their outcomes counts.
  typealias Part = (indices: [Int], weight: Double)

  /// Makes a tally of outcomes that are known, one for each item.
  init(
    items: [BenchmarkItem],
    records: [BenchmarkRecord],
    outcomes: [Double?],
    rule: UnparseableRule
  ) {
    self.rule = rule
    self.items = items
    self.records = records
    self.outcomes = outcomes
  }

  /// The same items with another outcome each.
  func replacing(_ outcome: (BenchmarkRecord.Content) -> Double?) -> BenchmarkTally {
    var tally = BenchmarkTally(
      items: items,
      records: records,
      outcomes: records.map { outcome($0.content) },
      rule: rule
    )
    tally.resamples = resamples
    return tally
  }

  /// The same items, where only those that are right throughout are right.
  var wholly: BenchmarkTally {
    var tally = BenchmarkTally(
      items: items,
      records: records,
      outcomes: outcomes.map { $0.map { $0 == 1 ? 1 : 0 } },
      rule: rule
    )
    tally.resamples = resamples
    return tally
  }

  /// The items that a condition keeps, by their places.
  package func keeping(_ isKept: (Int) -> Bool) -> BenchmarkTally {
    let kept = items.indices.filter(isKept)
    var tally = BenchmarkTally(
      items: kept.map { items[$0] },
      records: kept.map { records[$0] },
      outcomes: kept.map { outcomes[$0] },
      rule: rule
    )
    tally.resamples = resamples
    return tally
  }

  /// The items that satisfy a condition.
  func indices(where isIncluded: (BenchmarkItem) -> Bool) -> [Int] {
    items.indices.filter { isIncluded(items[$0]) }
  }

  /// The items of each name, names in the order of their first item; the empty name is left out.
  func groups(_ name: (BenchmarkItem) -> String) -> [(name: String, indices: [Int])] {
    var places: [String: Int] = [:]
    var groups: [(name: String, indices: [Int])] = []
    for (index, item) in items.enumerated() {
      let name = name(item)
      if name.isEmpty { continue }
      let place = places[name] ?? groups.count
      if place == groups.count {
        places[name] = place
        groups.append((name, []))
      }
      groups[place].indices.append(index)
    }
    return groups
  }

  /// The mean outcome of items, each counting once; `nil` where none has an outcome.
  func figure(_ indices: [Int]) throws -> ResultsFile.Figure? {
    guard let stratum = stratum((indices, 1)) else { return nil }
    let estimate = try Statistics.accuracy(
      stratum.outcomes,
      clusters: stratum.clusters,
      resamples: resamples
    )
    return withRates(ResultsFile.Figure(estimate), indices)
  }

  /// The weighted mean of the mean outcomes of parts; parts without outcomes are left out.
  func figure(weighted parts: [Part]) throws -> ResultsFile.Figure? {
    let strata = parts.compactMap(stratum)
    // One part is a plain mean, whose interval has a better method for few items.
    if strata.count == 1 { return try figure(parts.flatMap(\.indices)) }
    guard !strata.isEmpty else { return nil }
    let estimate = try Statistics.stratifiedMean(strata, resamples: resamples)
    return withRates(ResultsFile.Figure(estimate), parts.flatMap(\.indices))
  }

  /// A figure for each group and, as `overall`, for all items, each counting once.
  func pooled(_ name: (BenchmarkItem) -> String) throws -> ResultsFile.Sections {
    var sections: ResultsFile.Sections = [:]
    for group in groups(name) { sections[group.name] = try figure(group.indices) }
    sections["overall"] = try figure(Array(items.indices))
    return sections
  }

  /// Results, with notes on what is missing: where parts are, `overall` says that it is partial.
  ///
  /// - Throws: `EvaluateError.nothingCounted` where there is no overall figure.
  func results(
    of name: String,
    _ sections: ResultsFile.Sections,
    notes: [String] = []
  ) throws -> BenchmarkResults {
    guard sections["overall"] != nil else {
      throw EvaluateError.nothingCounted(
        benchmark: name,
        reason: "none of the \(items.count) items has a verdict that can be read"
      )
    }
    var sections = sections
    if !notes.isEmpty { sections["overall"]?.isPartial = true }
    let missing = outcomes.count { $0 == nil }
    let lost =
      missing == 0
      ? []
      : ["\(missing) of \(items.count) items have no verdict that can be read, and do not count"]
    return BenchmarkResults(sections: sections, notes: notes + lost)
  }

  /// The share of flipped items and of verdicts or answers that cannot be read, for judges.
  func withRates(_ figure: ResultsFile.Figure, _ indices: [Int]) -> ResultsFile.Figure {
    var figure = figure
    let answers = indices.flatMap { records[$0].texts }.compactMap(\.answer)
    if !answers.isEmpty {
      figure.unparseableRate = Double(answers.count { $0 == .unread }) / Double(answers.count)
    }
    let verdicts = indices.flatMap { records[$0].pairs }
    guard !verdicts.isEmpty else { return figure }
    let all = verdicts.flatMap { $0 }
    figure.unparseableRate = Double(all.count { $0 == .unparseable }) / Double(all.count)
    if let rates = GradeRates(verdicts.map { PairGrade($0.map(\.mark)) }) { figure.note(rates) }
    figure.note(firstShown: indices.flatMap(firstShown))
    let probabilities = indices.map { records[$0].probability }
    if probabilities.contains(where: { $0 != nil }) {
      figure.orderAveraged = PairGrade.accuracy(ofProbabilities: probabilities)
    }
    return figure
  }

  /// Whether each verdict of an item that prefers a response prefers the one shown first: verdicts are in
  /// the file's order, then in the other one.
  private func firstShown(_ index: Int) -> [Bool] {
    records[index].pairs.flatMap { verdicts in
      verdicts.enumerated().compactMap { order, verdict in
        guard verdict == .chosen || verdict == .rejected else { return nil }
        return (verdict == .chosen) == ((order == 0) == items[index].isChosenFirst)
      }
    }
  }

  private func stratum(_ part: Part) -> Statistics.Stratum? {
    let counted = part.indices.filter { outcomes[$0] != nil }
    guard !counted.isEmpty else { return nil }
    return Statistics.Stratum(
      counted.compactMap { outcomes[$0] },
      weight: part.weight,
      clusters: Statistics.clusters(counted.map { items[$0].cluster })
    )
  }
}
