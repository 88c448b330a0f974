import AssayBase
import AssayTensor
import AssayText

/// One text to generate.
package struct GenerationRequest: Sendable, Equatable {
  /// What the model continues; at least one token.
  package var promptTokens: [Int32]
  /// How each token is picked; the default is greedy.
  package var settings: SamplingSettings
  /// Tokens to generate at most; 0 generates none.
  package var maximumTokens: Int
  /// Ids that end the text and do not belong to it.
  package var stopTokens: Set<Int32>
  /// Texts that end the text; it is cut before them.
  package var stopStrings: [String]
  /// Where the seed of the draws starts; what is drawn depends on the prompt and the draw too.
  package var seed: UInt64
  /// Which of several texts behind the same prompt this is, from 0.
  package var draw: Int
  /// Whether each token's log probability is returned.
  package var wantsLogProbabilities: Bool
  /// How many of the likeliest tokens at each place are returned with theirs.
  package var topLogProbabilities: Int
  /// The end-of-turn token whose hidden state the reward head reads; it also ends the text.
  ///
  /// Where the text ends another way, the engine feeds this token itself. `nil`, or an engine
  /// without a head, gives no reward.
  package var closing: Int32?
  /// What the text may be; `nil` allows all.
  ///
  /// Its ends are the stop tokens and the closing token. A text that is complete ends at once; where the
  /// maximum of tokens comes near, only what leaves room for an end is picked.
  package var grammar: TokenGrammar?
  /// Other tokens whose probability counts for a letter of the grammar, by its text, as one with a space
  /// before it; none of them is picked.
  package var spellings: [String: [Int32]] = [:]

  /// Makes a request.
  package init(
    promptTokens: [Int32],
    settings: SamplingSettings = SamplingSettings(),
    maximumTokens: Int,
    stopTokens: Set<Int32> = [],
    stopStrings: [String] = [],
    seed: UInt64 = 0,
    draw: Int = 0,
    wantsLogProbabilities: Bool = false,
    topLogProbabilities: Int = 0,
    closing: Int32? = nil,
    grammar: TokenGrammar? = nil
  ) {
    self.promptTokens = promptTokens
    self.settings = settings
    self.maximumTokens = maximumTokens
    self.stopTokens = stopTokens
    self.stopStrings = stopStrings
    self.seed = seed
    self.draw = draw
    self.wantsLogProbabilities = wantsLogProbabilities
    self.topLogProbabilities = topLogProbabilities
    self.closing = closing
    self.grammar = grammar
  }

  /// The seed of the draws: the result is a function of the request alone.
  package var drawSeed: UInt64 { DrawSeed.value(seed, content: promptTokens, draw: draw) }
}

/// A generated text.
package struct Generation: Codable, Sendable, Equatable {
  /// A token that the reward head read.
  package struct ScoredToken: Codable, Sendable, Equatable {
    /// The token.
    package var id: Int32
    /// Its index in prompt and text together.
    package var index: Int

    /// Makes a scored token.
    package init(id: Int32, index: Int) {
      self.id = id
      self.index = index
    }
  }

  /// The generated ids without the stop or closing token.
  ///
  /// A stop string cuts off the tokens that begin at it or behind it; one that begins before it and
  /// reaches into it is kept, though `text` is cut inside of it.
  package var tokens: [Int32]
  /// Their text without special tokens, cut before a stop string.
  package var text: String
  /// Why it ended.
  package var finishReason: FinishReason
  /// Natural logarithm of each token's probability under the tempered, untruncated softmax; empty
  /// unless the request wants them.
  package var logProbabilities: [Float]
  /// The likeliest tokens at each place of `tokens`, as many as the request wants.
  package var topLogProbabilities: [[TokenLogProbability]]
  /// The reward head's reading of the closing token, a logit.
  package var reward: Float?
  /// Where the reward was read.
  package var scoredToken: ScoredToken?
  /// Tokens of the prompt.
  package var promptTokenCount: Int
  /// The letters that the grammar let the model decide between, where they could come last, each with
  /// its probability among all tokens, at temperature 1 and without a penalty.
  package var decision: [String: Double]

  /// Makes a generation.
  package init(
    tokens: [Int32],
    text: String,
    finishReason: FinishReason,
    logProbabilities: [Float] = [],
    topLogProbabilities: [[TokenLogProbability]] = [],
    reward: Float? = nil,
    scoredToken: ScoredToken? = nil,
    promptTokenCount: Int,
    decision: [String: Double] = [:]
  ) {
    self.tokens = tokens
    self.text = text
    self.finishReason = finishReason
    self.logProbabilities = logProbabilities
    self.topLogProbabilities = topLogProbabilities
    self.reward = reward
    self.scoredToken = scoredToken
    self.promptTokenCount = promptTokenCount
    self.decision = decision
  }
}
