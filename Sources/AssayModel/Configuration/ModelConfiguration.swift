import AssayTensor
import Foundation

/// Sizes and constants of a decoder.
///
/// Source: the `config.json` of Hugging Face `transformers`.
package struct ModelConfiguration: Equatable, Sendable {
  /// Whose names and defaults the folder uses, and which weights there are.
  package var architecture: Architecture
  /// D, the width of the residual stream.
  package var hiddenSize: Int
  /// How many blocks.
  package var layerCount: Int
  /// H, query heads.
  package var headCount: Int
  /// G, key/value heads; divides `headCount`.
  package var groupCount: Int
  /// K, the width of a head; even.
  package var headWidth: Int
  /// F, the width of the feed-forward part.
  package var feedForwardSize: Int
  /// V, how many token ids.
  package var vocabularySize: Int
  /// Longest sequence, in tokens.
  package var contextTokens: Int = 2048
  /// The rotary embedding.
  package var rotary = Rotary()
  /// Scale, cap and window of attention.
  package var attention = Attention()
  /// Experts in place of feed-forward parts, if any.
  package var experts: Experts?
  /// What an encoder computes; `nil` is a decoder.
  package var encoder: EncoderOptions?
  /// Norms, scales and activation.
  package var options = DecoderOptions()
  /// Whether the output embedding is the input embedding.
  package var tiesEmbeddings: Bool = false
  /// Standard deviation of new weights.
  package var initializerRange: Double = 0.02
  /// The id that pads batches of other tools; never scored.
  package var padTokenID: Int?
  /// The id that begins texts.
  package var beginTokenID: Int?
  /// The ids that end a turn or a text.
  package var endTokenIDs: [Int] = []

  /// Makes a configuration with as many key/value as query heads.
  ///
  /// - Parameters:
  ///   - architecture: Whose weights there are.
  ///   - hiddenSize: D.
  ///   - layerCount: How many blocks.
  ///   - headCount: H; divides D.
  ///   - groupCount: G; `nil` is H.
  ///   - feedForwardSize: F.
  ///   - vocabularySize: V.
  package init(
    _ architecture: Architecture = .llama,
    hiddenSize: Int,
    layerCount: Int,
    headCount: Int,
    groupCount: Int? = nil,
    feedForwardSize: Int,
    vocabularySize: Int
  ) {
    self.architecture = architecture
    self.hiddenSize = hiddenSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.groupCount = groupCount ?? headCount
    self.headWidth = headCount > 0 ? hiddenSize / headCount : 0
    self.feedForwardSize = feedForwardSize
    self.vocabularySize = vocabularySize
  }

  /// How many weights the decoder has, with its output embedding where it has one of its own.
  package var parameterCount: Int {
    weightSpecs.all.map { $0.shape.reduce(1, *) }.reduce(0, +)
  }

  /// How many of them are in weights that are joined from several tensors of a checkpoint.
  package var joinedParameterCount: Int {
    weightSpecs.all.filter { $0.pieces.count > 1 }.map { $0.shape.reduce(1, *) }.reduce(0, +)
  }

  /// Checks that the sizes fit together.
  ///
  /// - Parameter file: Named in the error.
  /// - Throws: `ModelError.configuration` with the first key that does not fit.
  func checkSizes(_ file: ConfigFile) throws {
    // Far above any real model, and low enough that no product of sizes overflows.
    for (key, value, limit) in [
      ("hidden_size", hiddenSize, 1 << 20), ("num_hidden_layers", layerCount, 1 << 12),
      ("num_attention_heads", headCount, 1 << 12), ("num_key_value_heads", groupCount, 1 << 12),
      ("head_dim", headWidth, 1 << 14), ("intermediate_size", feedForwardSize, 1 << 22),
      ("vocab_size", vocabularySize, 1 << 26), ("max_position_embeddings", contextTokens, 1 << 26),
    ] {
      try file.require(
        value > 0 && value <= limit,
        key,
        "\(value) is not a size, expected 1 to \(limit)"
      )
    }
    try file.require(
      contextTokens * headWidth <= 1 << 28,
      "max_position_embeddings",
      "\(contextTokens) positions of width \(headWidth) make too large a rotary table; lower it"
    )
    try file.require(
      headCount % groupCount == 0,
      "num_key_value_heads",
      "\(groupCount) does not divide num_attention_heads \(headCount)"
    )
    try file.require(
      headWidth % 2 == 0,
      "head_dim",
      "\(headWidth) is odd; rotary halves need an even one"
    )
  }

  /// Checks everything else, once the sizes fit.
  ///
  /// - Parameter file: Named in the error.
  /// - Throws: `ModelError.configuration` with the first key that does not fit.
  func checkConstants(_ file: ConfigFile) throws {
    try file.require(
      (1...1e18).contains(rotary.base),
      "rope_theta",
      "\(rotary.base) is not from 1 to 1e18"
    )
    if let base = rotary.windowBase {
      let key = "rope_local_base_freq"
      try file.require((1...1e18).contains(base), key, "\(base) is not from 1 to 1e18")
    }
    for (key, value) in [
      ("residual_multiplier", options.residualScale), ("logits_scaling", options.logitScale),
      ("embedding_multiplier", options.embeddingScale),
      ("attention_multiplier", attention.scale ?? 1),
      ("final_logit_softcapping", options.logitCap ?? 1),
      ("attn_logit_softcapping", attention.softCap ?? 1),
    ] {
      try file.require(value > 0 && value < 1e6, key, "\(value) is not above 0 and below 1e6")
    }
    if let window = attention.window {
      let tokens = window.tokens
      try file.require(tokens > 0, "sliding_window", "\(tokens) is not a number of tokens")
    }
    try file.require(
      (0...1).contains(options.normEpsilon),
      "rms_norm_eps",
      "\(options.normEpsilon) is not from 0 to 1"
    )
    try file.require(
      (0...1e3).contains(initializerRange),
      "initializer_range",
      "\(initializerRange) is not from 0 to 1000"
    )
    for id in [padTokenID, beginTokenID].compactMap(\.self) + endTokenIDs {
      try file.require(
        id >= 0 && id < vocabularySize,
        "token id",
        "\(id) is outside of 0..<\(vocabularySize)"
      )
    }
  }
}
