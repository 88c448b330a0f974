// What becomes of rows with more tokens than a model reads, or than a recipe allows.

import AssayText

/// What becomes of a row that is too long.
package enum OverLong: String, Sendable, Codable, CaseIterable {
  /// It stops reading with an error.
  case refuse
  /// It is left out and counted.
  case skip
  /// The front of its prompt goes.
  case cutPrompt = "cut-prompt"
  /// The end of each response that is too long goes.
  case cutResponse = "cut-response"

  /// What to do about it where it is not cut; `nil` leaves that to the other problems' rule.
  package var action: ReadPolicy.Action? {
    switch self {
    case .refuse: .refuse
    case .skip: .skip
    case .cutPrompt, .cutResponse: nil
    }
  }
}

/// Measures rows by a model's tokens, and shortens those that are too long.
package struct LengthCut: Sendable {
  /// The tokens of a prompt, a response and, where it has one, its critique.
  package typealias Measure =
    @Sendable (_ prompt: [Message], _ response: String, _ critique: String?) throws -> Int

  private let maximumTokens: Int
  private let action: OverLong?
  private let measure: Measure

  /// Makes one.
  ///
  /// - Parameters:
  ///   - maximumTokens: The most tokens of a prompt with a response.
  ///   - action: What becomes of longer ones.
  ///   - measure: Counts tokens.
  package init(maximumTokens: Int, action: OverLong?, measure: @escaping Measure) {
    self.maximumTokens = maximumTokens
    self.action = action
    self.measure = measure
  }

  private var cuts: Bool { action == .cutPrompt || action == .cutResponse }

  /// The limit of pairs.
  package var ofPairs: TokenLimit<PreferencePair> {
    let shorten: @Sendable (PreferencePair) throws -> PreferencePair? = { try shortened($0) }
    return TokenLimit(
      maximumTokens: maximumTokens,
      measure: { pair in
        let chosen = try measure(pair.prompt, pair.chosen, pair.chosenCritique)
        return max(chosen, try measure(pair.prompt, pair.rejected, pair.rejectedCritique))
      },
      shorten: cuts ? shorten : nil
    )
  }

  /// The limit of rated responses.
  package var ofRatings: TokenLimit<RatedResponse> {
    let shorten: @Sendable (RatedResponse) throws -> RatedResponse? = { try shortened($0) }
    return TokenLimit(
      maximumTokens: maximumTokens,
      measure: { try measure($0.prompt, $0.response, nil) },
      shorten: cuts ? shorten : nil
    )
  }

  private func shortened(_ pair: PreferencePair) throws -> PreferencePair? {
    var pair = pair
    if action == .cutPrompt {
      let longest = try prompt(pair.prompt) { prompt in
        try fits(prompt, pair.chosen, pair.chosenCritique)
          && fits(prompt, pair.rejected, pair.rejectedCritique)
      }
      guard let longest else { return nil }
      pair.prompt = longest
      return pair
    }
    guard let chosen = try response(pair.prompt, pair.chosen, pair.chosenCritique),
      let rejected = try response(pair.prompt, pair.rejected, pair.rejectedCritique)
    else { return nil }
    guard chosen != rejected else {
      throw RowFault(
        kind: .identicalAnswers,
        detail: "chosen and rejected are the same text once they are cut to the limit"
      )
    }
    (pair.chosen, pair.rejected) = (chosen, rejected)
    return pair
  }

  private func shortened(_ rated: RatedResponse) throws -> RatedResponse? {
    var rated = rated
    if action == .cutPrompt {
      guard let longest = try prompt(rated.prompt, { try fits($0, rated.response, nil) }) else {
        return nil
      }
      rated.prompt = longest
      return rated
    }
    guard let longest = try response(rated.prompt, rated.response, nil) else { return nil }
    rated.response = longest
    return rated
  }

  private func fits(_ prompt: [Message], _ response: String, _ critique: String?) throws -> Bool {
    try measure(prompt, response, critique) <= maximumTokens
  }

  /// The longest start of a response that fits; `nil` where none has text.
  private func response(
    _ prompt: [Message],
    _ response: String,
    _ critique: String?
  ) throws -> String? {
    if try fits(prompt, response, critique) { return response }
    let characters = Array(response)
    let kept = try Self.most(characters.count) {
      try fits(prompt, String(characters.prefix($0)), critique)
    }
    let start = kept.map { String(characters.prefix($0)) }
    return start?.trimmedAsPython.isEmpty == false ? start : nil
  }

  /// The longest end of a conversation that fits; `nil` where none has text of the user's.
  private func prompt(
    _ prompt: [Message],
    _ fits: ([Message]) throws -> Bool
  ) throws -> [Message]? {
    let count = prompt.filter { $0.role != "system" }.map(\.content.count).reduce(0, +)
    let kept = try Self.most(count) { kept in
      guard let end = Self.end(of: prompt, without: count - kept) else { return true }
      return try fits(end)
    }
    guard let kept, let end = Self.end(of: prompt, without: count - kept), try fits(end) else {
      return nil
    }
    return end
  }

  /// A conversation without characters at its front: what the system says stays, and the first turn left is
  /// the user's; `nil` where there is none.
  static func end(of prompt: [Message], without characters: Int) -> [Message]? {
    var left = characters
    var kept: [Message] = []
    for message in prompt {
      if message.role == "system" {
        kept.append(message)
        continue
      }
      let count = message.content.count
      if left >= count, left > 0 {
        left -= count
        continue
      }
      let isFirst = !kept.contains { $0.role != "system" }
      if isFirst, message.role != "user" {
        left = 0
        continue
      }
      var rest = message
      rest.content = String(message.content.dropFirst(left))
      left = 0
      kept.append(rest)
    }
    return kept.contains { $0.role == "user" } ? kept : nil
  }

  /// The largest number up to a bound for which something holds that holds for all below it; `nil` where it
  /// does not hold for 0.
  private static func most(_ bound: Int, _ holds: (Int) throws -> Bool) rethrows -> Int? {
    guard try holds(0) else { return nil }
    var (low, high) = (0, bound)
    while low < high {
      let middle = (low + high + 1) / 2
      if try holds(middle) { low = middle } else { high = middle - 1 }
    }
    return low
  }
}
