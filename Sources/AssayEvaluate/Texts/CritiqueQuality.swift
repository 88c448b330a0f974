// How good the texts are that a model wrote about a benchmark's items.
import AssayReward
import AssayText

/// The texts of records, with what is said of them.
package struct CritiqueQuality: Sendable {
  /// What stands in `results.json`.
  package private(set) var figures = ResultsFile.Critiques()
  /// Of each item, the sentence that decides in each of its texts; `nil` where a text has none.
  package private(set) var deciding: [[Range<String.Index>?]]
  /// Whether an item's texts say one thing and its score or verdict another.
  package private(set) var contradicts: [Bool]

  /// A text with its answer, and what the score or verdict behind it says.
  private struct Case {
    let item: Int
    let example: TextPredictor.Example
    /// The places of the texts in the item's record.
    let texts: [Int]
    /// Above 0 where the score or verdict prefers what the example calls the first; `nil` for nothing.
    let said: Double?
  }

  /// Measures texts; `nil` where there are none.
  ///
  /// Of an item of several responses, the first chosen and the first rejected one count.
  ///
  /// - Parameters:
  ///   - items: A benchmark's items.
  ///   - records: One for each.
  /// - Throws: `StatisticsError`, which counts of something do not.
  package init?(_ items: [BenchmarkItem], _ records: [BenchmarkRecord]) throws {
    let texts = records.flatMap(\.texts).count
    guard texts > 0 else { return nil }
    let clusters = items.promptNumbers
    figures.texts = texts
    // Where nothing is learnt, the last sentence: critiques end with what they come to.
    deciding = records.map { $0.texts.map { Sentences.ranges(of: $0.text).last } }
    contradicts = items.map { _ in false }
    try countEquations(records, clusters)
    try compare(zip(items, records).enumerated().flatMap { Self.cases($0, $1.0, $1.1, clusters) })
    try findErrors(items, records, clusters)
  }

  private mutating func countEquations(_ records: [BenchmarkRecord], _ clusters: [Int]) throws {
    var (right, wrongTexts): (Counted, Counted) = ([], [])
    for (record, cluster) in zip(records, clusters) {
      for text in record.texts {
        let claims = ArithmeticClaim.all(in: text.text)
        guard !claims.isEmpty else { continue }
        right += claims.map { ($0.isRight ? 1 : 0, cluster) }
        wrongTexts.append((claims.allSatisfy(\.isRight) ? 0 : 1, cluster))
      }
    }
    figures.rightEquations = try ResultsFile.Share(clustered: right)
    figures.textsWithWrongEquations = try ResultsFile.Share(clustered: wrongTexts)
  }

  /// What can be asked of an item's texts: which response is better, of critiques of both, or which is
  /// called the better one, of each judgement.
  private static func cases(
    _ place: Int,
    _ item: BenchmarkItem,
    _ record: BenchmarkRecord,
    _ clusters: [Int]
  ) -> [Case] {
    guard !item.isTie else { return [] }
    let judged = record.texts.enumerated().filter { $1.order != nil }
    if !judged.isEmpty {
      return judged.map { index, text in
        let isChosenA = text.isChosenA(in: item)
        let preferred: Double? =
          text.verdict == .chosen ? 1 : text.verdict == .rejected ? -1 : nil
        return Case(
          item: place,
          example: .init(first: text.text, isFirst: isChosenA, cluster: clusters[place]),
          texts: [index],
          said: preferred.map { isChosenA ? $0 : -$0 }
        )
      }
    }
    guard case .scores(let scores) = record.content, let chosen = scores.chosen.first,
      let rejected = scores.rejected.first
    else { return [] }
    let own = [0, item.chosen.count].map { candidate in
      record.texts.indices.filter { record.texts[$0].place == candidate }
    }
    guard let first = own[0].first, let second = own[1].first else { return [] }
    // Which of the two comes first must teach nothing.
    let isFirst = place.isMultiple(of: 2)
    let texts = [record.texts[first].text, record.texts[second].text]
    return [
      Case(
        item: place,
        example: .init(
          first: texts[isFirst ? 0 : 1],
          second: texts[isFirst ? 1 : 0],
          isFirst: isFirst,
          cluster: clusters[place]
        ),
        texts: isFirst ? [first, second] : [second, first],
        said: isFirst ? chosen - rejected : rejected - chosen
      )
    ]
  }

  /// What texts alone say, beside scores and verdicts.
  private mutating func compare(_ cases: [Case]) throws {
    let predictions = TextPredictor.heldOut(cases.map(\.example))
    var (alone, beside, apart, there): (Counted, Counted, Counted, Counted) = ([], [], [], [])
    for (own, prediction) in zip(cases, predictions) {
      for (text, range) in zip(own.texts, prediction.deciding) { deciding[own.item][text] = range }
      let cluster = own.example.cluster
      func credit(_ margin: Double) -> Double {
        margin == 0 ? 0.5 : (margin > 0) == own.example.isFirst ? 1 : 0
      }
      alone.append((credit(prediction.margin), cluster))
      beside.append((own.said.map(credit) ?? 0.5, cluster))
      guard let said = own.said, said != 0, prediction.margin != 0 else { continue }
      let isApart = (said > 0) != (prediction.margin > 0)
      apart.append((isApart ? 1 : 0, cluster))
      guard isApart else { continue }
      contradicts[own.item] = true
      there.append((credit(said), cluster))
    }
    figures.textAlone = try ResultsFile.Share(clustered: alone)
    figures.scoreBeside = try ResultsFile.Share(clustered: beside)
    figures.contradictions = try ResultsFile.Share(clustered: apart)
    figures.scoreRightThere = try ResultsFile.Share(clustered: there)
  }

  private mutating func findErrors(
    _ items: [BenchmarkItem],
    _ records: [BenchmarkRecord],
    _ clusters: [Int]
  ) throws {
    var (steps, chances): (Counted, [Double]) = ([], [])
    var reasons: [NamedErrors.Reason] = []
    for (place, item) in items.enumerated() {
      guard let error = item.error else { continue }
      let candidate = item.chosen.count + error.response
      let text = records[place].texts.filter { $0.order != nil || $0.place == candidate }
        .map(\.text).joined(separator: "\n")
      guard !text.isEmpty else { continue }
      if let step = error.step, error.steps.count > 1 {
        steps.append((NamedErrors.step(in: text, of: error.steps) == step ? 1 : 0, clusters[place]))
        chances.append(1 / Double(error.steps.count))
      }
      if let reason = error.reason {
        reasons.append(
          .init(
            text: text,
            reason: reason,
            prompt: item.prompt.map(\.content).joined(separator: " "),
            cluster: clusters[place]
          )
        )
      }
    }
    figures.namesStep = try ResultsFile.Share(clustered: steps)
    figures.namesStepByChance =
      chances.isEmpty ? nil : chances.reduce(0, +) / Double(chances.count)
    figures.namesReason = try ResultsFile.Share(clustered: NamedErrors.nearness(reasons))
  }
}

extension ResultsFile.Share {
  /// The mean of credits; `nil` of none.
  ///
  /// - Throws: `StatisticsError`, which credits in [0, 1] do not.
  init?(clustered counted: Counted) throws {
    guard !counted.isEmpty else { return nil }
    self.init(
      try Statistics.accuracy(counted.map(\.credit), clusters: counted.map(\.cluster))
    )
  }
}

extension [BenchmarkItem] {
  /// The number of each item's prompt, in the order of their first items; an item without one stands alone.
  package var promptNumbers: [Int] {
    var numbers: [[String]: Int] = [:]
    return enumerated().map { index, item in
      let turns = item.prompt.flatMap { [$0.role, $0.content] }
      let hasPrompt = item.prompt.contains { !$0.content.isEmpty }
      let key = item.cluster.map { [$0] } ?? (hasPrompt ? turns : ["", "\(index)"])
      let number = numbers[key] ?? numbers.count
      numbers[key] = number
      return number
    }
  }
}
