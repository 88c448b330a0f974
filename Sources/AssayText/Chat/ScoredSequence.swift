/// The tokens of a response to score, and the one token whose hidden state the head reads.
package struct ScoredSequence: Hashable, Sendable {
  /// The tokens, from the beginning to the scored one; not padded.
  package var tokens: [Int32]
  /// The index in `tokens` of the token that the reward head reads.
  package var scoredIndex: Int
  /// How many tokens precede the first one that holds text of the response.
  package var promptTokenCount: Int
  /// The tokens that the language-model loss trains: the critique and its closing end of turn,
  /// with the lead-in where that was asked for; `nil` for a sequence without a critique.
  package var targets: Range<Int>?
  /// How many tokens a length limit took from the front, behind the beginning token.
  package var removedTokenCount: Int = 0
  /// Whether the limit took text of the response as well, and not of the prompt alone.
  package var isResponseCut: Bool = false

  /// Makes a sequence without critique that nothing was taken from.
  ///
  /// - Parameters:
  ///   - tokens: The tokens.
  ///   - scoredIndex: The index of the scored one.
  ///   - promptTokenCount: How many tokens precede the response.
  package init(tokens: [Int32], scoredIndex: Int, promptTokenCount: Int) {
    self.init(
      tokens: tokens,
      scoredIndex: scoredIndex,
      promptTokenCount: promptTokenCount,
      targets: nil
    )
  }

  init(
    tokens: [Int32],
    scoredIndex: Int,
    promptTokenCount: Int,
    targets: Range<Int>?,
    removedTokenCount: Int = 0,
    isResponseCut: Bool = false
  ) {
    self.tokens = tokens
    self.scoredIndex = scoredIndex
    self.promptTokenCount = promptTokenCount
    self.targets = targets
    self.removedTokenCount = removedTokenCount
    self.isResponseCut = isResponseCut
  }
}

/// The tokens of a conversation to learn, and which of them are learnt.
package struct LanguageModelSequence: Hashable, Sendable {
  /// The tokens; not padded.
  package var tokens: [Int32]
  /// For each token, whether the loss asks for it; the first is never asked for.
  package var isTarget: [Bool]
  /// How many tokens a length limit took from the front, behind the beginning token.
  package var removedTokenCount: Int = 0
}

/// Which turns of a conversation the language-model loss trains.
package enum LanguageModelTargets: String, Sendable, Codable, CaseIterable {
  /// The assistant's contents and the end-of-turn tokens that close them.
  case assistant
  /// Every token.
  case all
}
