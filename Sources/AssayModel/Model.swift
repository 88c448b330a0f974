import AssayTensor
import AssayText
import Foundation

/// What a model is for.
package enum ModelKind: String, Codable, Sendable {
  /// Predicts text only.
  case languageModel = "language-model"
  /// One forward pass, one reward.
  case classic
  /// Writes a critique, then scores.
  case cloud
  /// Reads two responses, and puts out one logit: that the first is better.
  case pair
  /// Reads two responses, and writes which is better, perhaps with reasons.
  case judge

  /// Whether it gives a response a reward.
  package var scores: Bool { self == .classic || self == .cloud }
  /// Whether it compares two responses; a language model does untrained.
  package var judges: Bool { !scores }
  /// Whether it writes text.
  package var writes: Bool { self != .classic && self != .pair }
  /// Whether a reward head belongs to it.
  package var hasHead: Bool { scores || self == .pair }
}

/// What a judge was trained to read and write.
package struct JudgeManifest: Codable, Equatable, Sendable {
  /// What it writes; a pair model reads what is asked for the letter.
  package var task: RolePrompts.JudgeTask
  /// How it is asked, word for word.
  package var prompts: RolePrompts
  /// Tokens that a judgement may have.
  package var tokens: Int

  /// Makes one.
  package init(task: RolePrompts.JudgeTask, prompts: RolePrompts, tokens: Int) {
    self.task = task
    self.prompts = prompts
    self.tokens = tokens
  }
}

/// What ratings a model learnt to predict.
package struct RatingManifest: Codable, Equatable, Sendable {
  /// The rating's name, where the responses had several.
  package var name: String?
  /// The mean over the responses that it learnt from.
  package var mean: Double
  /// The deviation over them.
  package var deviation: Double

  /// Makes one.
  package init(name: String?, mean: Double, deviation: Double) {
    self.name = name
    self.mean = mean
    self.deviation = deviation
  }
}

/// What `assay.json` says beside Hugging Face's files.
package struct ModelManifest: Codable, Equatable, Sendable {
  /// A text whose reward every loader can check.
  package struct Golden: Codable, Equatable, Sendable {
    /// A rendered text, special tokens and all.
    package var text: String
    /// Its reward in float32, a logit.
    package var score: Double

    /// Makes one.
    ///
    /// - Parameters:
    ///   - text: A rendered text.
    ///   - score: Its reward.
    package init(text: String, score: Double) {
      self.text = text
      self.score = score
    }
  }

  /// What the model is for.
  package var kind: ModelKind
  /// What opens the critique's turn.
  package var leadIn: String?
  /// How many new tokens a critique may have.
  package var critiqueTokens: Int?
  /// What a judge reads and writes.
  package var judge: JudgeManifest?
  /// What ratings its scores predict; `nil` where scores are logits of preference.
  package var ratings: RatingManifest?
  /// Rewards of fixed texts, measured when the model was saved.
  package var golden: [Golden]?
  /// Which token of a conversation a classic model's head reads; `nil` where the model was saved
  /// before that was written down, which is its end of turn.
  package var scoredToken: SequenceRenderer.ScoredToken?
  /// What is the score of a folder that does not say it, as `--head` spells it.
  package var head: String?
  /// What the user is made to ask behind a response, before the score is read.
  package var question: String?

  /// Makes a manifest.
  package init(
    kind: ModelKind,
    leadIn: String? = nil,
    critiqueTokens: Int? = nil,
    judge: JudgeManifest? = nil,
    golden: [Golden]? = nil,
    scoredToken: SequenceRenderer.ScoredToken? = nil
  ) {
    self.kind = kind
    self.leadIn = leadIn
    self.critiqueTokens = critiqueTokens
    self.judge = judge
    self.golden = golden
    self.scoredToken = scoredToken
  }
}

/// A decoder with what it takes to use it: tokenizer, template, reward head.
package final class Model {
  /// The transformer, and how it computes.
  package var decoder: Decoder
  /// The reward head; `nil` for a language model.
  package var head: RewardHead?
  /// The tokenizer.
  package let tokenizer: any Tokenizer
  /// How conversations become text.
  package let template: ChatTemplate
  /// Why conversations are not rendered with `template`; `nil` where they are.
  package let templateRefusal: TextError?
  /// What the model is for, and how its critiques begin.
  package var manifest: ModelManifest
  /// What is trained in place of the decoder's weights; `nil` where they are.
  var adapter: AdapterTraining?
  /// How many positions the sequences of a training step jump over, at most; 0 jumps nowhere.
  package var positionJumps = 0
  /// What becomes of a special token's spelling in contents.
  package var contentTokens = SequenceRenderer.ContentTokens.text
  /// Bytes that keys and values may take where the model writes text.
  ///
  /// Default: 1 GiB.
  package var cacheBytes = 1 << 30

  /// Puts a model together.
  package init(
    decoder: Decoder,
    head: RewardHead?,
    tokenizer: any Tokenizer,
    template: ChatTemplate,
    templateRefusal: TextError? = nil,
    manifest: ModelManifest
  ) {
    self.decoder = decoder
    self.head = head
    self.tokenizer = tokenizer
    self.template = template
    self.templateRefusal = templateRefusal
    self.manifest = manifest
  }

  /// Tokens of the longest text: what is read at once may be longer than what is written.
  package var contextTokens: Int {
    let configuration = decoder.configuration
    return manifest.kind == .classic ? configuration.readTokens : configuration.contextTokens
  }

  /// What turns conversations into tokens for this model.
  ///
  /// - Parameter maximumTokens: The longest sequence; `nil` is the model's context.
  /// - Returns: A renderer, which refuses conversations where the model's template is not followed.
  /// - Throws: `TextError` where the template's tokens are missing from the vocabulary.
  package func renderer(maximumTokens: Int? = nil) throws -> SequenceRenderer {
    let context = contextTokens - (head?.descriptor.position.addedTokens ?? 0)
    return try SequenceRenderer(
      tokenizer: tokenizer,
      template: template,
      maximumTokens: min(maximumTokens ?? context, context),
      scoredToken: manifest.scoredToken ?? .endOfTurn,
      refusal: templateRefusal,
      contentTokens: contentTokens
    )
  }

  /// Where the head reads; `nil` without a head.
  ///
  /// - Throws: `ModelError.lacks` where the vocabulary has not the token at which it reads.
  package func places() throws -> HeadPlaces? {
    try head.map { head in
      try HeadErrors.naming(weights: "tokenizer.json", config: "tokenizer.json") {
        try HeadPlaces(head.descriptor, tokenizer: tokenizer)
      }
    }
  }

  /// The weights that are trained: all, or those of an adapter and the head.
  package var trained: [Parameter] {
    guard adapter != nil else { return parameters }
    return decoder.weights.lowRank.flatMap(\.parameters) + (head?.parameters ?? [])
  }

  /// All weights, the head's too, in a fixed order.
  package var parameters: [Parameter] { decoder.parameters + (head?.parameters ?? []) }
}
