import Foundation

/// Sizes and constants of a decoder of the Llama and Qwen2 family.
///
/// Source: the `config.json` of Hugging Face `transformers` (`LlamaConfig`, `Qwen2Config`).
package struct ModelConfiguration: Equatable, Sendable {
  /// Which family's names and defaults the folder uses.
  package enum Family: String, Sendable {
    /// No biases unless `attention_bias`.
    case llama
    /// Biases on queries, keys and values.
    case qwen2
  }

  /// How rotary frequencies are stretched for long contexts.
  package enum RotaryScaling: Equatable, Sendable {
    /// Positions divided by a factor.
    case linear(factor: Double)
    /// Llama 3.1's: low frequencies divided by a factor, smooth in between.
    case llama3(factor: Double, low: Double, high: Double, original: Int)
  }

  /// Which family.
  package var family: Family = .llama
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
  /// The base of the rotary frequencies.
  package var rotaryBase: Double = 10000
  /// Their stretching, if any.
  package var rotaryScaling: RotaryScaling?
  /// Added to the mean square in RMSNorm.
  package var normEpsilon: Double = 1e-6
  /// Whether queries, keys and values have biases.
  package var hasAttentionBias: Bool = false
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
  ///   - hiddenSize: D.
  ///   - layerCount: How many blocks.
  ///   - headCount: H; divides D.
  ///   - groupCount: G; `nil` is H.
  ///   - feedForwardSize: F.
  ///   - vocabularySize: V.
  package init(
    hiddenSize: Int,
    layerCount: Int,
    headCount: Int,
    groupCount: Int? = nil,
    feedForwardSize: Int,
    vocabularySize: Int
  ) {
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
    let qkv = (headCount + 2 * groupCount) * headWidth
    let block =
      hiddenSize * qkv + headCount * headWidth * hiddenSize + 3 * hiddenSize * feedForwardSize
      + 2 * hiddenSize + (hasAttentionBias ? qkv : 0)
    let embeddings = vocabularySize * hiddenSize * (tiesEmbeddings ? 1 : 2)
    return layerCount * block + embeddings + hiddenSize
  }

  /// Checks that the sizes fit together.
  ///
  /// - Parameter file: Named in the error.
  /// - Throws: `ModelError.configuration` with the first key that does not fit.
  package func validate(file: String) throws {
    func require(_ holds: Bool, _ key: String, _ reason: String) throws {
      guard holds else { throw ModelError.configuration(file: file, key: key, reason: reason) }
    }
    // Far above any real model, and low enough that no product of sizes overflows.
    for (key, value, limit) in [
      ("hidden_size", hiddenSize, 1 << 20), ("num_hidden_layers", layerCount, 1 << 12),
      ("num_attention_heads", headCount, 1 << 12), ("num_key_value_heads", groupCount, 1 << 12),
      ("head_dim", headWidth, 1 << 14), ("intermediate_size", feedForwardSize, 1 << 22),
      ("vocab_size", vocabularySize, 1 << 26), ("max_position_embeddings", contextTokens, 1 << 26),
    ] {
      try require(
        value > 0 && value <= limit,
        key,
        "\(value) is not a size, expected 1 to \(limit)"
      )
    }
    try require(
      contextTokens * headWidth <= 1 << 28,
      "max_position_embeddings",
      "\(contextTokens) positions of width \(headWidth) make too large a rotary table; lower it"
    )
    try require(
      headCount % groupCount == 0,
      "num_key_value_heads",
      "\(groupCount) does not divide num_attention_heads \(headCount)"
    )
    try require(
      headWidth % 2 == 0,
      "head_dim",
      "\(headWidth) is odd; rotary halves need an even one"
    )
    try require(
      (1...1e18).contains(rotaryBase),
      "rope_theta",
      "\(rotaryBase) is not from 1 to 1e18"
    )
    switch rotaryScaling {
    case nil: break
    case .linear(let factor)?:
      try require(
        (1...1e6).contains(factor),
        "rope_scaling.factor",
        "\(factor) is not from 1 to 1e6"
      )
    case .llama3(let factor, let low, let high, let original)?:
      try require(
        (1...1e6).contains(factor),
        "rope_scaling.factor",
        "\(factor) is not from 1 to 1e6"
      )
      try require(
        low > 0 && high > low && high < 1e6,
        "rope_scaling.high_freq_factor",
        "\(high) is not above low_freq_factor \(low), or that is not positive"
      )
      try require(
        original > 0,
        "rope_scaling.original_max_position_embeddings",
        "\(original) is not a size"
      )
    }
    try require((0...1).contains(normEpsilon), "rms_norm_eps", "\(normEpsilon) is not from 0 to 1")
    try require(
      (0...1e3).contains(initializerRange),
      "initializer_range",
      "\(initializerRange) is not from 0 to 1000"
    )
    for id in [padTokenID, beginTokenID].compactMap(\.self) + endTokenIDs {
      try require(
        id >= 0 && id < vocabularySize,
        "token id",
        "\(id) is outside of 0..<\(vocabularySize)"
      )
    }
  }
}
