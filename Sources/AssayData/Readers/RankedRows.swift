// Rows of several responses to one prompt, each with a rating or a rank, as pairs.

import AssayBase

/// Which pairs are made of several responses to one prompt.
package enum Pairing: String, Codable, CaseIterable, Sendable {
  /// Every two that differ in their rating.
  case all
  /// The best one with each that is worse.
  case bestRest = "best-rest"
  /// The best one with the worst.
  case bestWorst = "best-worst"
}

extension RowFields {
  /// A response, and how good it is among others of its row.
  private struct Rated {
    let response: JSONValue
    let value: Double
  }

  /// The row as rows of pairs; itself alone where it is no row of several responses with numbers.
  ///
  /// Known are `responses` with `ratings` (more is better) or `ranks` (less is better), UltraFeedback's
  /// `instruction` and `completions`, Nectar's `answers`, and HelpSteer's two responses with a strength that
  /// is below 0 where the first is better. Of equal responses the first is the best, and
  /// the last the worst.
  ///
  /// - Parameters:
  ///   - pairing: Which pairs are made.
  ///   - marginScale: The margin of a pair is its ratings' difference times this; 0 is none. Ranks give none.
  /// - Returns: Rows with `prompt`, `chosen` and `rejected`, whose ids name the responses' places.
  /// - Throws: `RowFault` for a list that is broken, or responses that are all alike in their rating.
  ///
  /// Source: openbmb/UltraFeedback, berkeley-nest/Nectar, nvidia/HelpSteer2 (preference) and nvidia/HelpSteer3,
  /// the data sets' cards.
  func pairs(_ pairing: Pairing, marginScale: Double) throws(RowFault) -> [RowFields] {
    guard let (rated, isRank, used) = try rated() else { return [self] }
    let order = rated.indices.sorted { (-rated[$0].value, $0) < (-rated[$1].value, $1) }
    let all = order.enumerated().flatMap { place, better in
      order[(place + 1)...].filter { rated[better].value > rated[$0].value }.map { (better, $0) }
    }
    guard let best = order.first, let worst = all.last(where: { $0.0 == best }) else {
      throw RowFault(
        kind: .tied,
        detail: "all responses have the same rating, so none is preferred"
      )
    }
    let chosen =
      switch pairing {
      case .all: all
      case .bestRest: all.filter { $0.0 == best }
      case .bestWorst: [worst]
      }
    let id = try id()
    let promptKey = ["prompt", "context"].first { value($0) != nil } ?? "instruction"
    let prompt = try required(promptKey)
    let rest = (row.members ?? []).filter {
      !used.contains($0.key) && !["id", promptKey].contains($0.key)
    }
    var rows: [RowFields] = []
    for (better, worse) in chosen {
      let margin = marginScale * (rated[better].value - rated[worse].value)
      rows.append(
        try RowFields(
          .object(
            [
              JSONMember("id", .string("\(id):\(better)-\(worse)")),
              JSONMember("prompt", prompt),
              JSONMember("chosen", rated[better].response),
              JSONMember("rejected", rated[worse].response),
            ] + (margin > 0 && !isRank ? [JSONMember("margin", .number("\(margin)"))] : []) + rest
          ),
          index: index,
          spellsNumbers: spellsNumbers
        )
      )
    }
    return rows
  }

  /// The responses with their numbers, whether those are ranks, and the keys that they stand under; `nil`
  /// where the row is another one.
  private func rated() throws(RowFault) -> ([Rated], isRank: Bool, used: Set<String>)? {
    if let list = value("completions")?.array, list.first?["response"] != nil {
      return (
        try rated(list, "completions", response: "response") {
          double($0["fine-grained_score"]) ?? double($0["overall_score"])
        }, false, ["completions"]
      )
    }
    if let list = value("answers")?.array, list.first?["rank"] != nil {
      return (
        try rated(list, "answers", response: "answer") { double($0["rank"]).map { -$0 } }, true,
        ["answers"]
      )
    }
    for (first, second, key) in [
      ("response1", "response2", "overall_preference"),
      ("response_1", "response_2", "preference_strength"),
    ] {
      guard let one = value(first), let other = value(second), let strength = try number(key) else {
        continue
      }
      let rated = [Rated(response: one, value: 0), Rated(response: other, value: strength)]
      return (rated, false, [first, second, key])
    }
    for (key, isRank) in [("ratings", false), ("ranks", true)] {
      guard let responses = value("responses")?.array, let numbers = value(key) else { continue }
      let values = (numbers.array ?? []).compactMap { double($0) }
      guard values.count == responses.count, values.allSatisfy(\.isFinite) else {
        throw Self.wrongType(key, "a list of \(responses.count) numbers, one a response", numbers)
      }
      let rated = zip(responses, values).map { Rated(response: $0, value: isRank ? -$1 : $1) }
      return (rated, isRank, ["responses", key])
    }
    return nil
  }

  private func rated(
    _ list: [JSONValue],
    _ name: String,
    response key: String,
    _ number: (JSONValue) -> Double?
  ) throws(RowFault) -> [Rated] {
    var all: [Rated] = []
    for item in list {
      guard let response = item[key], let value = number(item), value.isFinite else {
        throw Self.wrongType(name, "a list of '\(key)', each with a number", item)
      }
      all.append(Rated(response: response, value: value))
    }
    return all
  }
}
