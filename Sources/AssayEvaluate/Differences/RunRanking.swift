// Which of several evaluations of the same items is better, and how sure that is.
import AssayReward

/// Runs in the order of their strength, by battles on each item: whichever has more of it right wins, and runs
/// that have as much of it tie.
package struct RunRanking: Codable, Equatable, Sendable {
  /// A run's place.
  package struct Place: Codable, Equatable, Sendable {
    /// Its name.
    package let run: String
    /// Its place, from 1.
    package let rank: Int
    /// The best and the worst place that it can have: runs that are not told apart from it may stand on
    /// either side.
    package let rankRange: [Int]
    /// Its strength in logits, the mean of all being 0; `nil` where some never lost anything to the others.
    package let strength: Double?
    /// The strength's 95 % interval; empty without one.
    package let strengthCI95: [Double]
    /// How often it wins against another run, ties as halves.
    package let winRate: CardFigure

    enum CodingKeys: String, CodingKey {
      case run, rank, strength
      case rankRange = "rank_range"
      case strengthCI95 = "strength_ci95"
      case winRate = "win_rate"
    }
  }

  /// The runs, the strongest first.
  package let places: [Place]

  /// Ranks runs.
  ///
  /// Two runs are told apart where the test of their strengths' difference, or without strengths the paired
  /// one of their battles, stays below 5 % behind Holm's correction for all pairs.
  ///
  /// - Parameters:
  ///   - runs: Their names, two or more.
  ///   - outcomes: Of each run, those of the same items, at least one.
  ///   - clusters: The items' prompts.
  /// - Throws: `StatisticsError`.
  init(_ runs: [String], _ outcomes: [[Double]], clusters: [Int]) throws {
    func credit(_ first: Int, _ second: Int, _ item: Int) -> Double {
      let (own, other) = (outcomes[first][item], outcomes[second][item])
      return own > other ? 1 : own == other ? 0.5 : 0
    }
    let pairs = runs.indices.flatMap { first in
      runs.indices.filter { $0 > first }.map { (first, $0) }
    }
    let battles = pairs.flatMap { first, second in
      clusters.indices.map {
        Battle(first, second, credit: credit(first, second, $0), cluster: clusters[$0])
      }
    }
    let rates = try runs.indices.map { run in
      let others = runs.indices.filter { $0 != run }
      return try Statistics.accuracy(
        clusters.indices.map { item in
          others.map { credit(run, $0, item) }.reduce(0, +) / Double(others.count)
        },
        clusters: clusters
      )
    }
    try self.init(runs, battles, rates: rates)
  }

  /// Ranks models by battles, as of a table of them.
  ///
  /// - Parameters:
  ///   - models: Their names, two or more, each with a battle at least.
  ///   - battles: At least one.
  /// - Throws: `StatisticsError`.
  package init(_ models: [String], _ battles: [Battle]) throws {
    let rates = try models.indices.map { model in
      let own = battles.filter { $0.first == model || $0.second == model }
      return try Statistics.accuracy(
        own.map { $0.first == model ? $0.credit : 1 - $0.credit },
        clusters: own.map(\.cluster)
      )
    }
    try self.init(models, battles, rates: rates)
  }

  private init(_ runs: [String], _ battles: [Battle], rates: [Estimate]) throws {
    let pairs = runs.indices.flatMap { first in
      runs.indices.filter { $0 > first }.map { (first, $0) }
    }
    let model = try BradleyTerry(battles, count: runs.count)
    let tests = try pairs.map { first, second -> (gain: Double, p: Double) in
      if let found = model.difference(first, second) { return (found.value, found.p) }
      let own = battles.filter { Set([$0.first, $0.second]) == [first, second] }
      guard !own.isEmpty else { return (0, 1) }
      let gains = own.map { ($0.first == first ? 1 : -1) * (2 * $0.credit - 1) }
      let effect = try PairedEffect(gains, clusters: own.map(\.cluster))
      return (effect.estimate.value, effect.pValue)
    }
    var (better, worse) = (
      [Int](repeating: 0, count: runs.count), [Int](repeating: 0, count: runs.count)
    )
    for (place, p) in Statistics.holm(tests.map(\.p)).enumerated() where p < 0.05 {
      let (first, second) = pairs[place]
      let isFirst = tests[place].gain > 0
      worse[isFirst ? first : second] += 1
      better[isFirst ? second : first] += 1
    }
    let values = model.strengths ?? rates.map(\.value)
    let order = runs.indices.sorted { (values[$1], runs[$0]) < (values[$0], runs[$1]) }
    places = order.enumerated().map { place, run in
      let strength = model.strengths?[run]
      let reach = model.covariance.map {
        $0[run][run].squareRoot()
          * Statistics.studentQuantile(degrees: Double(model.clusterCount - 1))
      }
      return Place(
        run: runs[run],
        rank: place + 1,
        rankRange: [1 + better[run], runs.count - worse[run]],
        strength: strength,
        strengthCI95: strength.flatMap { value in reach.map { [value - $0, value + $0] } } ?? [],
        winRate: CardFigure(rates[run])
      )
    }
  }

  /// The places as a table.
  package var table: TextTable {
    var table = TextTable([
      ("rank", .right), ("run", .left), ("places", .right), ("strength", .right),
      ("wins", .right),
    ])
    table.rows = places.map { place in
      let (best, worst) = (place.rankRange[0], place.rankRange[1])
      let ends = place.strengthCI95.map(\.runFigure).joined(separator: ", ")
      let rates = place.winRate.ci95.map(percent).joined(separator: ", ")
      return [
        "\(place.rank)", place.run, best == worst ? "\(best)" : "\(best) to \(worst)",
        place.strength.map { "\($0.runFigure) [\(ends)]" } ?? "no bound",
        "\(percent(place.winRate.value)) [\(rates)]",
      ]
    }
    return table
  }
}
