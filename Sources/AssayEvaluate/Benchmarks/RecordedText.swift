// What a model wrote about an item, as records keep it.
import AssayBase
import AssayReward

/// A critique of a response, or a judgement of a pair.
package struct RecordedText: Equatable, Sendable {
  /// Of a critique, the response by its place among the item's candidates; of a judgement, the pair by
  /// its place among the item's pairs.
  package var place: Int
  /// Of a judgement, 0 for the file's order of the two responses and 1 for the other one.
  package var order: Int?
  /// What the model wrote.
  package var text: String
  /// Of a critique, the score that was read behind it.
  package var score: Double?
  /// Of a judgement, what it says.
  package var verdict: BenchmarkVerdict?
  /// Of an answer to a question about the item, what it says.
  package var answer: Answer?

  /// What an answer says, as it is spelt.
  package enum Answer: Equatable, Sendable {
    /// A rating, a letter, or a step.
    case read(String)
    /// Nothing that can be read.
    case unread
  }

  /// Makes a text.
  package init(
    place: Int,
    order: Int? = nil,
    text: String,
    score: Double? = nil,
    verdict: BenchmarkVerdict? = nil
  ) {
    (self.place, self.order, self.text) = (place, order, text)
    (self.score, self.verdict) = (score, verdict)
  }

  /// Whether the chosen response is called A in a judgement of an item.
  package func isChosenA(in item: BenchmarkItem) -> Bool { item.isChosenFirst == (order != 1) }
}

extension RecordedText {
  /// The critiques behind the scores of an item's candidates.
  static func critiques(_ scores: [Score]) -> [RecordedText] {
    scores.enumerated().flatMap { place, score in
      (score.critiques ?? []).map {
        RecordedText(place: place, text: $0.text, score: $0.score)
      }
    }
  }

  /// As a line of records spells it; verdicts name the response shown first A.
  func json(of item: BenchmarkItem) -> JSONValue {
    var members = [JSONMember("of", .number("\(Self.place(place, order, in: item))"))]
    if let order { members.append(JSONMember("order", .number("\(order)"))) }
    members.append(JSONMember("text", .string(text)))
    if let score { members.append(JSONMember("score", .number("\(score)"))) }
    if let answer { members.append(JSONMember("answer", Self.json(answer))) }
    if let verdict {
      members.append(JSONMember("verdict", verdict.spelt(isChosenA: isChosenA(in: item))))
    }
    return .object(members)
  }

  /// The place of what a text is about under the file's names where it is the item's, and the other way round;
  /// a pair, which has both responses, stays where it is.
  private static func place(_ place: Int, _ order: Int?, in item: BenchmarkItem) -> Int {
    item.isTurned && order == nil && place < 2 ? 1 - place : place
  }

  private static func json(_ answer: Answer) -> JSONValue {
    switch answer {
    case .read(let text): .string(text)
    case .unread: nil
    }
  }

  /// The texts of a line of records; none where it has none.
  ///
  /// - Throws: `EvaluateError.badRow` for a text that is about nothing in the item.
  static func read(_ row: BenchmarkRow, _ item: BenchmarkItem) throws -> [RecordedText] {
    guard row.optional("texts") != nil else { return [] }
    let pairs = item.chosen.count * item.rejected.count
    return try row.list("texts").map { entry in
      guard let text = entry["text"]?.string, let place = entry["of"]?.int,
        place >= 0, place < max(pairs, item.candidates.count)
      else {
        throw row.failure("'texts' must hold objects with 'text' and 'of', the place in the item")
      }
      let order = entry["order"]?.int
      var own = RecordedText(
        place: Self.place(place, order, in: item),
        order: order,
        text: text,
        score: entry["score"]?.double
      )
      if let answer = entry["answer"] { own.answer = answer.string.map { .read($0) } ?? .unread }
      if order != nil {
        own.verdict = BenchmarkVerdict(
          spelt: entry["verdict"]?.string ?? "",
          isChosenA: own.isChosenA(in: item)
        )
      }
      return own
    }
  }
}

extension [RecordedText] {
  /// The member of an item's line of records; none where there are no texts.
  func members(of item: BenchmarkItem) -> [JSONMember] {
    isEmpty ? [] : [JSONMember("texts", .array(map { $0.json(of: item) }))]
  }
}

extension BenchmarkVerdict {
  /// How records spell it; `null` for what cannot be read.
  func spelt(isChosenA: Bool) -> JSONValue {
    switch self {
    case .chosen: .string(isChosenA ? "A>B" : "B>A")
    case .rejected: .string(isChosenA ? "B>A" : "A>B")
    case .tie: "A=B"
    case .unparseable: nil
    }
  }
}
