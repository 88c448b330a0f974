import AssayTensor
import AssayText
import Foundation

/// What a model is for.
public enum ModelKind: String, Codable, Sendable {
  /// Predicts text only.
  case languageModel = "language-model"
  /// One forward pass, one reward.
  case classic
  /// Writes a critique, then scores.
  case cloud
}

/// What `assay.json` says beside Hugging Face's files.
public struct ModelManifest: Codable, Equatable, Sendable {
  /// A text whose reward every loader can check.
  public struct Golden: Codable, Equatable, Sendable {
    /// A rendered text, special tokens and all.
    public var text: String
    /// Its reward in float32, a logit.
    public var score: Double

    /// Makes one.
    ///
    /// - Parameters:
    ///   - text: A rendered text.
    ///   - score: Its reward.
    public init(text: String, score: Double) {
      self.text = text
      self.score = score
    }
  }

  /// What the model is for.
  public var kind: ModelKind
  /// What opens the critique's turn.
  public var leadIn: String?
  /// How many new tokens a critique may have.
  public var critiqueTokens: Int?
  /// Rewards of fixed texts, measured when the model was saved.
  public var golden: [Golden]?

  /// Makes a manifest.
  public init(
    kind: ModelKind,
    leadIn: String? = nil,
    critiqueTokens: Int? = nil,
    golden: [Golden]? = nil
  ) {
    self.kind = kind
    self.leadIn = leadIn
    self.critiqueTokens = critiqueTokens
    self.golden = golden
  }
}

/// A decoder with what it takes to use it: tokenizer, template, reward head.
public final class Model {
  /// The transformer.
  public let decoder: Decoder
  /// The reward head; `nil` for a language model.
  public var head: RewardHead?
  /// The tokenizer.
  public let tokenizer: BPETokenizer
  /// How conversations become text.
  public let template: ChatTemplate
  /// What the model is for, and how its critiques begin.
  public var manifest: ModelManifest

  /// Puts a model together.
  public init(
    decoder: Decoder,
    head: RewardHead?,
    tokenizer: BPETokenizer,
    template: ChatTemplate,
    manifest: ModelManifest
  ) {
    self.decoder = decoder
    self.head = head
    self.tokenizer = tokenizer
    self.template = template
    self.manifest = manifest
  }

  /// What turns conversations into tokens for this model.
  ///
  /// - Parameter maximumTokens: The longest sequence; `nil` is the model's context.
  /// - Returns: A renderer.
  /// - Throws: `TextError` where the template's tokens are missing from the vocabulary.
  public func renderer(maximumTokens: Int? = nil) throws -> SequenceRenderer {
    let context = decoder.configuration.contextTokens
    return try SequenceRenderer(
      tokenizer: tokenizer,
      template: template,
      maximumTokens: min(maximumTokens ?? context, context)
    )
  }

  /// All weights, the head's too, in a fixed order.
  public var parameters: [Parameter] { decoder.parameters + (head?.parameters ?? []) }
}
