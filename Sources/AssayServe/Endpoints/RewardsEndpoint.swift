// POST /v1/rewards and /v1/judgements: the records of `assay score` and `assay judge`.

import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayText
import Foundation

/// Rows of a request, and whether the answer is one record or a list.
private struct RequestRows {
  var rows: [JSONValue]
  var isList: Bool
  /// What stands beside the rows.
  var options: JSONValue

  /// - Parameters:
  ///   - body: One row, a list of rows, or an object with a list of them and options.
  ///   - key: What that list is called.
  ///   - rowKeys: Members that belong to a row; of a row alone all others are options.
  /// - Throws: `ServeError`.
  init(_ body: JSONValue, key: String, rowKeys: Set<String>) throws(ServeError) {
    if let rows = body.array {
      (self.rows, isList, options) = (rows, true, .object([]))
    } else if let list = body[key] {
      guard let rows = list.array else {
        throw RequestFields.wrong(key, list, "a list of records")
      }
      let rest = (body.members ?? []).filter { $0.key != key }
      (self.rows, isList, options) = (rows, true, .object(rest))
    } else {
      guard let members = body.members else {
        throw .malformedBody(
          reason: "found \(body.kind), expected a record, a list of records, or {\"\(key)\": [...]}"
        )
      }
      (rows, isList) = ([.object(members.filter { rowKeys.contains($0.key) })], false)
      options = .object(members.filter { !rowKeys.contains($0.key) })
    }
    guard !rows.isEmpty else { throw .malformedBody(reason: "the list of records is empty") }
  }

  /// Reads the rows, and says which one is wrong.
  func records<Record>(
    _ parse: (JSONValue, Int) throws(RowRefusal) -> Record
  ) throws(ServeError) -> [Record] {
    var records: [Record] = []
    for (index, row) in rows.enumerated() {
      do throws(RowRefusal) {
        records.append(try parse(row, index))
      } catch {
        throw .malformedBody(reason: "record \(index): \(error.detail)")
      }
    }
    return records
  }

  /// The answer.
  func reply(_ records: [some Encodable]) throws -> Reply {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = isList ? try encoder.encode(records) : try encoder.encode(records[0])
    return .json(text: String(decoding: data, as: UTF8.self))
  }
}

/// `POST /v1/rewards`: the records of `assay score`.
enum RewardsEndpoint {
  static let endpoint = Endpoint.post("/v1/rewards") { exchange in
    let rowKeys: Set = ["id", "pair_id", "prompt", "response", "text", "messages"]
    let body = try RequestRows(exchange.body, key: "records", rowKeys: rowKeys)
    try exchange.requireReward()
    var fields = try RequestFields(body.options)
    try fields.checkModel(exchange.settings.modelName)
    let settings = try exchange.critiques(&fields)
    try fields.finish()
    let records = try body.records { (row, index) throws(RowRefusal) in
      try ResponseRecord(row: row, index: index)
    }
    let scorer = try ModelScorer(exchange.port, options: .init(critiques: settings))
    let scores = try await scorer.score(records.map(\.input))
    return try body.reply(zip(records, scores).map { ScoreRecord(id: $0.id, score: $1) })
  }
}

/// `POST /v1/judgements`: the verdict records of `assay judge`.
enum JudgementsEndpoint {
  static let endpoint = Endpoint.post("/v1/judgements") { exchange in
    let kind = exchange.model.kind
    guard kind.judges else {
      throw ServeError.wrongKind(
        endpoint: exchange.path,
        kind: kind.rawValue,
        needed: "a judge, a pair or a language model, or score both responses at /v1/rewards"
      )
    }
    let rowKeys: Set = [
      "id", "pair_id", "prompt", "chosen", "rejected", "responses", "response_a", "response_b",
      "subset", "chosen_critique", "rejected_critique", "chosen_feedback", "rejected_feedback",
      "margin", "probability",
    ]
    let body = try RequestRows(exchange.body, key: "pairs", rowKeys: rowKeys)
    var fields = try RequestFields(body.options)
    try fields.checkModel(exchange.settings.modelName)
    let settings = try settings(&fields, exchange)
    try fields.finish()
    let pairs = try body.records { (row, index) throws(RowRefusal) in
      try PreferencePair(unlabelledRow: row, index: index)
    }
    return try body.reply(try await JudgeRater(exchange.port, settings: settings).judge(pairs))
  }

  private static func settings(
    _ fields: inout RequestFields,
    _ exchange: Exchange
  ) throws(ServeError) -> JudgeSettings {
    var settings = JudgeSettings()
    settings.votes = try fields.int("votes", 1...256) ?? settings.votes
    settings.temperature = try fields.float("temperature") ?? exchange.settings.temperature
    settings.topP =
      try fields.float("top_p", most: 1, isAboveZero: true)
      ?? exchange.settings.topP ?? settings.topP
    settings.tokens =
      try fields.int("max_tokens", 1...Int.max) ?? exchange.settings.critiques.tokens
    settings.seed = try fields.seed() ?? exchange.settings.critiques.seed
    if let name = try fields.string("task") {
      guard let task = RolePrompts.JudgeTask(rawValue: name) else {
        let known = RolePrompts.JudgeTask.allCases.map(\.rawValue).joined(separator: " or ")
        throw .parameter(name: "task", actual: name, expected: known)
      }
      settings.task = task
    }
    if let name = try fields.string("prompts") {
      guard let prompts = RolePrompts.named(name) else {
        let known = RolePrompts.known.map(\.name).joined(separator: " or ")
        throw .parameter(name: "prompts", actual: name, expected: known)
      }
      settings.prompts = prompts
    }
    return settings
  }
}

extension Exchange {
  /// Checks that the model gives rewards.
  ///
  /// - Throws: `ServeError.wrongKind`.
  func requireReward() throws(ServeError) {
    guard model.text.hasHead, model.kind.scores else {
      throw .wrongKind(
        endpoint: path,
        kind: model.kind.rawValue,
        needed: "a classic or cloud model, or compare two responses at /v1/judgements"
      )
    }
  }

  /// How critiques are written, by what a request says.
  ///
  /// - Throws: `ServeError`, also where a model that writes none is told how.
  func critiques(_ fields: inout RequestFields) throws(ServeError) -> CritiqueSettings {
    var settings = self.settings.critiques
    settings.seed = try fields.seed() ?? settings.seed
    guard model.kind.writes else {
      for key in ["samples", "temperature", "top_p", "max_tokens"] {
        try fields.refuse(key, "a classic model writes no critiques; leave it out")
      }
      return settings
    }
    settings.samples = try fields.int("samples", 1...256) ?? settings.samples
    settings.temperature =
      try fields.float("temperature") ?? self.settings.temperature
      ?? CritiqueSettings.usualTemperature(samples: settings.samples)
    settings.topP =
      try fields.float("top_p", most: 1, isAboveZero: true) ?? self.settings.topP
      ?? settings.topP
    settings.tokens = try fields.int("max_tokens", 1...Int.max) ?? settings.tokens
    return settings
  }
}
