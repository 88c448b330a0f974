// Reads what people said of responses.
import AssayBase
import AssayText

/// A pair whose better response is known, with the votes of those who said so where they are given.
package struct GoldItem: Hashable, Sendable {
  /// The pair; `chosen` is the better response.
  package var pair: PreferencePair
  /// What single annotators said: 1 for chosen, 0 for rejected, 0.5 for a tie, `nil` for nothing.
  ///
  /// An annotator has the same place in every row.
  package var votes: [Double?]

  /// Makes one.
  package init(_ pair: PreferencePair, votes: [Double?] = []) {
    self.pair = pair
    self.votes = votes
  }
}

/// Reads gold labels from JSON Lines, plain or gzip.
///
/// A row is a preference pair as `PairReader` reads it, with `votes` where several annotators spoke; or a
/// `prompt`, a `response` and a `label`, which is true or 1 for a good response and false or 0 for a bad
/// one: then the good and bad responses to a prompt are paired in their order, each once.
package struct GoldReader: Sendable {
  /// What to do about rows with problems.
  package var policy: ReadPolicy
  /// A length limit on pairs, if any.
  package var limit: TokenLimit<PreferencePair>?

  /// Makes a reader.
  package init(policy: ReadPolicy = .strict, limit: TokenLimit<PreferencePair>? = nil) {
    self.policy = policy
    self.limit = limit
  }

  /// What a file holds.
  package struct Gold: Sendable {
    /// The pairs, in the file's order.
    package var items: [GoldItem] = []
    /// Labelled responses that no other of their prompt could be paired with.
    package var unpaired = 0
    /// What became of each row.
    package var report = ReadReport()
  }

  /// Reads a file.
  ///
  /// - Parameter path: The file, or `-` for standard input.
  /// - Returns: The pairs, and what became of each row.
  /// - Throws: `DataError` for a file that cannot be read, for the first problem refused, or for one
  ///   whose labelled responses make no pair.
  package func read(_ path: String) throws -> Gold {
    var gold = Gold()
    var single = LabelledResponses()
    gold.report = try readRecords(
      path,
      policy: policy,
      limit: limit.map { limit in
        TokenLimit(maximumTokens: limit.maximumTokens) { try $0.tokens(limit.measure) }
      },
      id: \.id,
      parse: GoldRow.init
    ) { row in
      switch row {
      case .pair(let item): gold.items.append(item)
      case .response(let response): single.add(response)
      }
    }
    gold.items += single.pairs
    gold.unpaired = single.unpaired
    guard !gold.items.isEmpty || gold.report.keptCount == 0 else {
      throw DataError.refused(
        problem: RowProblem(
          kind: .missingKey,
          file: path,
          line: 1,
          detail: "no prompt has a response with the label 1 and one with the label 0 to compare"
        )
      )
    }
    return gold
  }
}

/// A row of either kind.
private enum GoldRow {
  case pair(GoldItem)
  case response(LabelledResponse)

  init(_ fields: RowFields) throws(RowFault) {
    guard fields.value("label") != nil, fields.value("chosen") == nil else {
      self = .pair(try GoldItem(fields))
      return
    }
    self = .response(try LabelledResponse(fields))
  }

  var id: String {
    switch self {
    case .pair(let item): item.pair.id
    case .response(let response): response.id
    }
  }

  func tokens(_ measure: (PreferencePair) throws -> Int) throws -> Int {
    switch self {
    case .pair(let item): try measure(item.pair)
    case .response(let one): try measure(one.pair(with: one))
    }
  }
}

/// A response that was said to be good or bad.
private struct LabelledResponse {
  let id: String
  let prompt: [Message]
  let response: String
  let isGood: Bool

  init(_ fields: RowFields) throws(RowFault) {
    let record = try ResponseRecord(fields, others: ["label"])
    guard case .response(let prompt, let response) = record.content else {
      throw RowFault(
        kind: .wrongType,
        detail: "a labelled response has 'prompt' and 'response', not a rendered 'text'"
      )
    }
    let value = try fields.required("label")
    switch fields.double(value) {
    case 1: isGood = true
    case 0: isGood = false
    default:
      guard let label = value.bool else {
        throw RowFields.wrongType("label", "true, false, 1 or 0", value)
      }
      isGood = label
    }
    (id, self.prompt, self.response) = (record.id, prompt, response)
  }

  /// The pair of a good response with a bad one.
  func pair(with bad: LabelledResponse) -> PreferencePair {
    PreferencePair(
      id: "\(id) over \(bad.id)",
      prompt: prompt,
      chosen: response,
      rejected: bad.response
    )
  }
}

/// Labelled responses by prompt.
private struct LabelledResponses {
  private var prompts: [[Message]] = []
  private var responses: [[Message]: (good: [LabelledResponse], bad: [LabelledResponse])] = [:]

  mutating func add(_ response: LabelledResponse) {
    if responses[response.prompt] == nil { prompts.append(response.prompt) }
    if response.isGood {
      responses[response.prompt, default: ([], [])].good.append(response)
    } else {
      responses[response.prompt, default: ([], [])].bad.append(response)
    }
  }

  /// Good and bad responses to each prompt, each once; texts that are both are left out.
  var pairs: [GoldItem] {
    prompts.compactMap { responses[$0] }.flatMap { good, bad in
      zip(good, bad).filter { $0.response != $1.response }.map { GoldItem($0.pair(with: $1)) }
    }
  }

  var unpaired: Int {
    responses.values.map { $0.good.count + $0.bad.count }.reduce(0, +) - 2 * pairs.count
  }
}

extension GoldItem {
  init(_ fields: RowFields) throws(RowFault) {
    let given = try PreferencePair(fields, others: ["votes"])
    guard let pair = given.decided else {
      throw RowFault(
        kind: .outOfRange,
        detail: "'probability' is 0.5: a tie does not tell which response is the better one"
      )
    }
    let isExchanged = pair.chosen != given.chosen
    let votes = try Self.votes(fields)
    self.init(pair, votes: isExchanged ? votes.map { $0.map { 1 - $0 } } : votes)
  }

  private static func votes(_ fields: RowFields) throws(RowFault) -> [Double?] {
    guard let value = fields.value("votes") else { return [] }
    guard let list = value.array else {
      throw RowFields.wrongType(
        "votes",
        "a list of one vote for each annotator (1 for chosen, 0 for rejected, 0.5 for a tie, null)",
        value
      )
    }
    var votes: [Double?] = []
    for vote in list {
      if vote.isNull {
        votes.append(nil)
        continue
      }
      guard let number = fields.double(vote), [0, 0.5, 1].contains(number) else {
        throw RowFault(
          kind: .outOfRange,
          detail:
            "'votes' has \(vote.compact), expected 1 for chosen, 0 for rejected, 0.5 for a tie or "
            + "null"
        )
      }
      votes.append(number)
    }
    return votes
  }
}
