// How scores rank the models that wrote the responses, beside how people do.
import AssayReward

/// The models of a table of battles as people rank them, and as the scores or verdicts on the same battles do.
///
/// Strengths are Bradley and Terry's. Of the named figures,
/// ```
/// row-wise Pearson      mean over models of the correlation of its win rates against each other model
/// Spearman, Kendall     of the strengths (Kendall's tau-b)
/// separability          share of pairs of models whose 95 % intervals of the scores' strengths do not overlap
/// confidence agreement  mean over pairs of models: 1 where both tell them apart alike, -1 where they do so the
///                       other way round, 0 where one does not
/// ```
/// The intervals are those of a covariance over battles; the authors' are bootstrapped. Their Brier score, of
/// bootstrapped ranks, is left out.
///
/// Source: Frick et al. 2024 (arXiv:2410.14872), section 4; separability and confidence agreement as Li et al.
/// 2024 (arXiv:2406.11939), section 3, define them.
struct WriterRanking {
  /// The figures that can be told, by name.
  private(set) var figures: [String: Double] = [:]

  /// A battle of two models: what people said, the first having won, and what the scores say of it.
  private struct Result {
    let winner: Int
    let loser: Int
    let credit: Double
  }

  /// Ranks the writers of some items; `nil` where fewer than three are named.
  ///
  /// - Throws: `StatisticsError`, which battles do not.
  init?(_ tally: BenchmarkTally, _ indices: [Int]) throws {
    let own = indices.filter { index in
      let writers = tally.items[index].writers
      return writers.count == 2 && writers[0] != writers[1] && tally.outcomes[index] != nil
    }
    let names = Set(own.flatMap { tally.items[$0].writers }).sorted()
    guard names.count > 2 else { return nil }
    let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let results = own.compactMap { index -> Result? in
      let writers = tally.items[index].writers
      guard let winner = places[writers[0]], let loser = places[writers[1]],
        let credit = Self.credit(tally, index)
      else { return nil }
      return Result(winner: winner, loser: loser, credit: credit)
    }
    let people = try Self.fit(results, names.count) { _ in 1 }
    let scores = try Self.fit(results, names.count, \.credit)
    figures["row-wise Pearson"] = Self.rows(results, names.count)
    if let first = people.strengths, let second = scores.strengths {
      figures["Spearman"] = Correlation.spearman(first, second)
      figures["Kendall"] = Correlation.kendall(first, second)
    }
    let pairs = names.indices.flatMap { one in names.indices.filter { $0 > one }.map { (one, $0) } }
    func mean(_ value: ((Int, Int)) -> Double) -> Double {
      pairs.map(value).reduce(0, +) / Double(pairs.count)
    }
    let (told, said) = (Self.order(people), Self.order(scores))
    if let said {
      figures["separability"] = mean { abs(said($0.0, $0.1)) }
      if let told {
        figures["confidence agreement"] = mean { told($0.0, $0.1) * said($0.0, $0.1) }
      }
    }
  }

  /// What the scores or verdicts have of an item for the response that people preferred; equal scores halve
  /// it.
  private static func credit(_ tally: BenchmarkTally, _ index: Int) -> Double? {
    guard case .scores(let scores) = tally.records[index].content else {
      return tally.outcomes[index]
    }
    guard let chosen = scores.chosen.first, let rejected = scores.rejected.first else { return nil }
    return chosen > rejected ? 1 : chosen == rejected ? 0.5 : 0
  }

  private static func fit(
    _ results: [Result],
    _ count: Int,
    _ credit: (Result) -> Double
  ) throws -> BradleyTerry {
    try BradleyTerry(
      results.enumerated().map { index, result in
        Battle(result.winner, result.loser, credit: credit(result), cluster: index)
      },
      count: count
    )
  }

  /// Whether two models' intervals do not overlap: 1 where the first is above, -1 where it is below, else 0;
  /// `nil` without strengths.
  private static func order(_ model: BradleyTerry) -> ((Int, Int) -> Double)? {
    guard let strengths = model.strengths, let covariance = model.covariance else { return nil }
    let quantile = Statistics.studentQuantile(degrees: Double(model.clusterCount - 1))
    let reach = strengths.indices.map { max(0, covariance[$0][$0]).squareRoot() * quantile }
    return { first, second in
      let gap = strengths[first] - strengths[second]
      guard abs(gap) > reach[first] + reach[second] else { return 0 }
      return gap > 0 ? 1 : -1
    }
  }

  /// The mean over models of the correlation of win rates, people's with the scores'.
  private static func rows(_ results: [Result], _ count: Int) -> Double? {
    var cells = [[(battles: Double, people: Double, scores: Double)]](
      repeating: .init(repeating: (0, 0, 0), count: count),
      count: count
    )
    for result in results {
      for (one, other, people, scores) in [
        (result.winner, result.loser, 1.0, result.credit),
        (result.loser, result.winner, 0.0, 1 - result.credit),
      ] {
        cells[one][other].battles += 1
        cells[one][other].people += people
        cells[one][other].scores += scores
      }
    }
    let own = cells.compactMap { row -> Double? in
      let met = row.filter { $0.battles > 0 }
      return Correlation.pearson(
        met.map { $0.people / $0.battles },
        met.map { $0.scores / $0.battles }
      )
    }
    return own.isEmpty ? nil : own.reduce(0, +) / Double(own.count)
  }
}
