// POST /v1/rewards and /v1/judgements: the records of `assay score` and `assay judge`.

import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayText
import Foundation

/// `POST /v1/rewards`: the records of `assay score`.
enum RewardsEndpoint {
  static let endpoint = Endpoint.post(
    "/v1/rewards",
    summary: "Rewards and critiques of responses, as assay score writes them.",
    members: [
      "prompt": "A prompt or a conversation.", "response": "The response to it.",
      "text": "A rendered text instead of both.",
      "records": "Several of these objects; a list of them is taken as well.",
      "samples": "Critiques of each response; the reward is their mean.",
      "too_long": "What becomes of a response that does not fit: refuse or cut; refuse.",
    ]
  ) { exchange in
    let rowKeys: Set = ["id", "pair_id", "prompt", "response", "text", "messages"]
    let body = try RequestRows(exchange.body, key: "records", rowKeys: rowKeys)
    try exchange.requireReward()
    var fields = try RequestFields(body.options)
    let settings = try exchange.critiques(&fields)
    let cuts = try fields.choice("too_long", ["refuse", "cut"]) == "cut"
    try fields.finish()
    let records = try body.records { (row, index) throws(RowRefusal) in
      try ResponseRecord(row: row, index: index)
    }
    let inputs = records.map(\.input)
    guard cuts else {
      let scores = try await exchange.score(inputs, critiques: settings)
      return try body.reply(zip(records, scores).map { ScoreRecord(id: $0.id, score: $1) })
    }
    let limit = try TextLength(exchange.model.text, critiques: settings).responses
    let isCut = try records.map { try limit.measure($0) > limit.maximumTokens }
    let scorer = try ModelScorer(exchange.port, options: .init(critiques: settings))
    let scores = try await scorer.score(inputs)
    return try body.reply(
      records.indices.map {
        ScoreRecord(id: records[$0].id, score: scores[$0], isCut: isCut[$0])
      }
    )
  }
}

/// `POST /v1/judgements`: the verdict records of `assay judge`.
enum JudgementsEndpoint {
  /// A pair judged by several criteria.
  private struct ManyVerdicts: Encodable {
    let id: String
    /// The mean over the criteria that have one; `nil` where none has.
    let probability: Double?
    let criteria: [String: PairVerdict]
  }

  static let endpoint = Endpoint.post(
    "/v1/judgements",
    summary: "Verdicts on pairs of responses, as assay judge writes them.",
    members: [
      "prompt": "A prompt or a conversation.", "responses": "The two responses to it.",
      "pairs": "Several of these objects; a list of them is taken as well.",
      "votes": "Judgements of each pair, half of them in each order.",
      "verdicts": "What a judgement may be: free, or enforced (reasons, then a verdict); free.",
      "criteria": "What to decide by: texts, each of which is judged by alone.",
    ]
  ) { exchange in
    try exchange.requireJudge()
    let rowKeys: Set = [
      "id", "pair_id", "prompt", "chosen", "rejected", "responses", "response_a", "response_b",
      "subset", "chosen_critique", "rejected_critique", "chosen_feedback", "rejected_feedback",
      "margin", "probability",
    ]
    let body = try RequestRows(exchange.body, key: "pairs", rowKeys: rowKeys)
    var fields = try RequestFields(body.options)
    let settings = try exchange.judging(&fields)
    let criteria = try fields.strings("criteria", most: 16)
    try fields.finish()
    let pairs = try body.records { (row, index) throws(RowRefusal) in
      try PreferencePair(unlabelledRow: row, index: index)
    }
    guard let criteria else {
      return try body.reply(try await JudgeRater(exchange.port, settings: settings).judge(pairs))
    }
    let verdicts = try await judge(pairs, by: criteria, settings, exchange)
    return try body.reply(
      pairs.indices.map { index in
        let own = criteria.indices.map { verdicts[$0][index] }
        let known = own.compactMap(\.probability)
        return ManyVerdicts(
          id: pairs[index].id,
          probability: known.isEmpty ? nil : known.reduce(0, +) / Double(known.count),
          criteria: Dictionary(zip(criteria, own)) { first, _ in first }
        )
      }
    )
  }

  /// The verdicts of each criterion, all at once.
  private static func judge(
    _ pairs: [PreferencePair],
    by criteria: [String],
    _ settings: JudgeSettings,
    _ exchange: Exchange
  ) async throws -> [[PairVerdict]] {
    guard !criteria.isEmpty else {
      throw ServeError.parameter(name: "criteria", actual: "empty", expected: "at least one text")
    }
    return try await withThrowingTaskGroup(of: (Int, [PairVerdict]).self) { group in
      for (index, criterion) in criteria.enumerated() {
        let own = try exchange.judging(settings, by: criterion)
        group.addTask {
          (index, try await JudgeRater(exchange.port, settings: own).judge(pairs))
        }
      }
      var verdicts = [[PairVerdict]](repeating: [], count: criteria.count)
      for try await (index, own) in group { verdicts[index] = own }
      return verdicts
    }
  }
}
