import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayText

/// How the rewards of groups come about: scores of a model that scores, or comparisons by one that
/// judges.
struct GroupWork {
  private let exchange: Exchange
  private let critiques: CritiqueSettings
  private let judging: JudgeSettings
  private let isCircular: Bool

  /// Reads the members of a request.
  ///
  /// - Parameters:
  ///   - fields: The request's members.
  ///   - exchange: The request.
  ///   - criterionKey: What the criterion is called.
  /// - Throws: `ServeError`, or `RewardError` where the model does neither.
  init(
    _ fields: inout RequestFields,
    _ exchange: Exchange,
    criterionKey: String = "criterion"
  ) throws {
    self.exchange = exchange
    if exchange.model.kind.scores {
      try exchange.requireReward()
      critiques = try exchange.critiques(&fields)
      (judging, isCircular) = (JudgeSettings(), false)
      let advice =
        "a \(exchange.model.kind.rawValue) model scores each response alone; leave it out"
      try fields.refuse("pairs", advice)
      try fields.refuse(criterionKey, advice)
    } else {
      try exchange.requireJudge()
      let own = try exchange.judging(&fields)
      var judging = try exchange.judging(own, by: try fields.string(criterionKey))
      judging.sharesPrefixes = true
      self.judging = judging
      isCircular = try fields.choice("pairs", ["all", "circular"]) == "circular"
      critiques = CritiqueSettings()
    }
  }

  /// The rewards of groups.
  ///
  /// - Throws: What the model throws.
  func rewards(_ groups: [ResponseGroup]) async throws -> [GroupRewards] {
    exchange.model.kind.scores ? try await scores(groups) : try await comparisons(groups)
  }

  private func scores(_ groups: [ResponseGroup]) async throws -> [GroupRewards] {
    let length = try TextLength(exchange.model.text, critiques: critiques)
    var rewards = groups.map { GroupRewards(values: $0.responses.map { _ in nil }) }
    var inputs: [ScoringInput] = []
    var places: [(group: Int, response: Int)] = []
    for (index, group) in groups.enumerated() {
      for (place, response) in group.responses.enumerated() {
        let input = ScoringInput.response(prompt: group.prompt, response: response)
        let tokens = try length.tokens(input)
        guard tokens <= length.contextTokens else {
          rewards[index].problems[place] = Self.tooLong(tokens, length)
          continue
        }
        inputs.append(input)
        places.append((index, place))
      }
    }
    let scorer = try ModelScorer(exchange.port, options: .init(critiques: critiques))
    for (place, score) in zip(places, try await scorer.score(inputs)) {
      rewards[place.group].values[place.response] = score.value
      rewards[place.group].tokens += score.tokens.total
    }
    return rewards
  }

  /// Compares in both orders; a response's reward is its mean probability of being the better one, over
  /// the comparisons that could be read.
  private func comparisons(_ groups: [ResponseGroup]) async throws -> [GroupRewards] {
    let length = try TextLength(exchange.model.text, judging: judging)
    var rewards = groups.map { GroupRewards(values: $0.responses.map { _ in nil }) }
    var pairs: [PreferencePair] = []
    var places: [(group: Int, comparison: Int)] = []
    for (index, group) in groups.enumerated() {
      for (first, second) in partners(group.responses.count) {
        let pair = PreferencePair(
          id: "\(pairs.count)",
          prompt: group.prompt,
          chosen: group.responses[first],
          rejected: group.responses[second]
        )
        rewards[index].comparisons.append(.init(first: first, second: second))
        let tokens = try length.tokens(pair)
        guard tokens <= length.contextTokens else {
          let reason = Self.tooLong(tokens, length)
          for place in [first, second] { rewards[index].problems[place] = reason }
          continue
        }
        pairs.append(pair)
        places.append((index, rewards[index].comparisons.count - 1))
      }
    }
    let verdicts = try await JudgeRater(exchange.port, settings: judging).judge(pairs)
    for (place, verdict) in zip(places, verdicts) {
      rewards[place.group].comparisons[place.comparison].probability = verdict.probability
      rewards[place.group].tokens += verdict.tokens.total
    }
    for index in rewards.indices { rewards[index].settle() }
    return rewards
  }

  /// Which responses are compared.
  private func partners(_ count: Int) -> [(Int, Int)] {
    guard count > 1 else { return [] }
    if isCircular, count > 2 { return (0..<count).map { ($0, ($0 + 1) % count) } }
    return (0..<count).flatMap { first in ((first + 1)..<count).map { (first, $0) } }
  }

  private static func tooLong(_ tokens: Int, _ length: TextLength) -> String {
    "it needs \(tokens) tokens, more than the \(length.contextTokens) that the model reads"
  }
}

extension GroupRewards {
  /// Makes rewards of the comparisons.
  fileprivate mutating func settle() {
    var sums = [Double](repeating: 0, count: values.count)
    var counts = [Int](repeating: 0, count: values.count)
    for comparison in comparisons {
      guard let probability = comparison.probability else { continue }
      sums[comparison.first] += probability
      sums[comparison.second] += 1 - probability
      counts[comparison.first] += 1
      counts[comparison.second] += 1
    }
    for index in values.indices {
      if counts[index] > 0 {
        values[index] = sums[index] / Double(counts[index])
        problems[index] = nil
      } else if problems[index] == nil {
        problems[index] =
          comparisons.isEmpty
          ? "there is no other response to compare it with" : "no comparison could be read"
      }
    }
  }
}

/// Responses to a prompt.
struct ResponseGroup {
  var id: String
  var prompt: [Message]
  var responses: [String]

  /// Makes one.
  init(id: String, prompt: [Message], responses: [String]) {
    (self.id, self.prompt, self.responses) = (id, prompt, responses)
  }

  /// Reads a row.
  ///
  /// - Throws: `RowRefusal`.
  init(row: JSONValue, index: Int) throws(RowRefusal) {
    let list = row["responses"]?.array ?? []
    responses = list.compactMap(\.string)
    guard row["responses"]?.array != nil, responses.count == list.count else {
      throw RowRefusal(detail: "key 'responses': expected a list of strings")
    }
    // Any response makes it a row whose prompt can be read as in all rows.
    let members = (row.members ?? []).filter { $0.key != "responses" }
    let record = try ResponseRecord(
      row: .object(members + [JSONMember("response", "any")]),
      index: index
    )
    guard case .response(let prompt, _) = record.content else {
      throw RowRefusal(detail: "key 'prompt': expected a prompt")
    }
    (id, self.prompt) = (record.id, prompt)
  }
}

/// The rewards of a group.
struct GroupRewards {
  /// Two responses beside each other.
  struct Comparison {
    var first: Int
    var second: Int
    /// That the first one is better; `nil` where nothing could be read.
    var probability: Double?
  }

  /// One a response; `nil` where there is none.
  var values: [Double?]
  /// What a judge compared.
  var comparisons: [Comparison] = []
  /// Why a response has none, by its index.
  var problems: [Int: String] = [:]
  var tokens = 0

  /// The record.
  func json(id: String) -> JSONValue {
    var members = [
      JSONMember("id", .string(id)),
      JSONMember("rewards", .array(values.map(JSONValue.numeral))),
      JSONMember("tokens", .number("\(tokens)")),
    ]
    if !comparisons.isEmpty {
      let list = comparisons.map { comparison -> JSONValue in
        [
          "first": .number("\(comparison.first)"), "second": .number("\(comparison.second)"),
          "probability": .numeral(comparison.probability),
        ]
      }
      members.append(JSONMember("comparisons", .array(list)))
    }
    if !problems.isEmpty {
      let list = problems.sorted { $0.key < $1.key }.map { index, reason -> JSONValue in
        ["response": .number("\(index)"), "reason": .string(reason)]
      }
      members.append(JSONMember("problems", .array(list)))
    }
    return .object(members)
  }
}

extension JSONValue {
  /// A number, or null.
  static func numeral(_ value: Double?) -> JSONValue { value.map { .number("\($0)") } ?? .null }
}
