// D hidden, H query heads, G key/value heads, K head width, F feed-forward width, V vocabulary.

import CTorch

/// What a decoder does beside its products and attention.
package struct DecoderOptions: Equatable, Sendable {
  /// Added to mean squares in norms.
  package var normEpsilon = 1e-6
  /// Added to weights of norms.
  package var normOffset = 0.0
  /// What rows of the embedding are multiplied with.
  package var embeddingScale = 1.0
  /// What is added to the residual stream is multiplied with this.
  package var residualScale = 1.0
  /// What logits are multiplied with.
  package var logitScale = 1.0
  /// What bounds logits after that; `nil` is nothing.
  package var logitCap: Double?
  /// Of the feed-forward part's gate.
  package var activation = GateActivation.silu

  /// Makes options that leave everything as it is.
  package init() {}

  var raw: ct_decoder {
    ct_decoder(
      epsilon: Float(normEpsilon),
      norm_offset: Float(normOffset),
      embedding_scale: Float(embeddingScale),
      residual_scale: Float(residualScale),
      logit_scale: Float(logitScale),
      logit_cap: Float(logitCap ?? 0),
      activation: activation.rawValue
    )
  }
}

/// One value for each weight of a gated feed-forward part.
package struct GatedParts<Value> {
  /// Gate and other half, `[2F, D]`; of an encoder, which has no gate, its inside, `[F, D]`.
  package var gateUp: Value
  /// What is added to the residual stream, `[D, F]`.
  package var down: Value

  /// Puts a part together.
  package init(gateUp: Value, down: Value) {
    self.gateUp = gateUp
    self.down = down
  }

  func map<Other>(_ transform: (Value) throws -> Other) rethrows -> GatedParts<Other> {
    GatedParts<Other>(gateUp: try transform(gateUp), down: try transform(down))
  }
}

/// One value for each weight of a decoder's block: names, shapes, the weights themselves.
///
/// Weights that architectures may lack are optional. The order of the fields is that of CTorch.h, with
/// those of experts behind.
package struct BlockParts<Value> {
  /// Norm before attention, `[D]`.
  package var inputNorm: Value?
  /// Queries, keys and values, `[(H + 2G) K, D]`.
  package var qkv: Value
  /// Their biases, `[(H + 2G) K]`.
  package var qkvBias: Value?
  /// Norm of each head's query, `[K]`, or of all together, `[H K]`.
  package var queryNorm: Value?
  /// Norm of each head's key, `[K]`, or of all together, `[G K]`.
  package var keyNorm: Value?
  /// What attention adds to the residual stream, `[D, H K]`.
  package var output: Value
  /// Norm of that, `[D]`.
  package var attentionNorm: Value?
  /// Norm before the feed-forward part, `[D]`.
  package var middleNorm: Value?
  /// The feed-forward part; `nil` where experts are in its place.
  package var feedForward: GatedParts<Value>?
  /// Norm of what the feed-forward part adds, `[D]`.
  package var feedForwardNorm: Value?
  /// What experts are chosen by, `[E, D]`.
  package var router: Value?
  /// Feed-forward parts of which each token takes some.
  package var experts: [GatedParts<Value>]
  /// What a block of an encoder has beside that.
  package var encoder: EncoderBlockParts<Value>?

  /// Puts a block together.
  package init(
    inputNorm: Value?,
    qkv: Value,
    qkvBias: Value? = nil,
    queryNorm: Value? = nil,
    keyNorm: Value? = nil,
    output: Value,
    attentionNorm: Value? = nil,
    middleNorm: Value?,
    feedForward: GatedParts<Value>?,
    feedForwardNorm: Value? = nil,
    router: Value? = nil,
    experts: [GatedParts<Value>] = [],
    encoder: EncoderBlockParts<Value>? = nil
  ) {
    self.inputNorm = inputNorm
    self.qkv = qkv
    self.qkvBias = qkvBias
    self.queryNorm = queryNorm
    self.keyNorm = keyNorm
    self.output = output
    self.attentionNorm = attentionNorm
    self.middleNorm = middleNorm
    self.feedForward = feedForward
    self.feedForwardNorm = feedForwardNorm
    self.router = router
    self.experts = experts
    self.encoder = encoder
  }

  /// A block of other values, made one behind the other in the order of the fields.
  ///
  /// - Parameter transform: Makes one of them.
  /// - Returns: The block.
  /// - Throws: What `transform` throws.
  package func map<Other>(_ transform: (Value) throws -> Other) rethrows -> BlockParts<Other> {
    BlockParts<Other>(
      inputNorm: try inputNorm.map(transform),
      qkv: try transform(qkv),
      qkvBias: try qkvBias.map(transform),
      queryNorm: try queryNorm.map(transform),
      keyNorm: try keyNorm.map(transform),
      output: try transform(output),
      attentionNorm: try attentionNorm.map(transform),
      middleNorm: try middleNorm.map(transform),
      feedForward: try feedForward?.map(transform),
      feedForwardNorm: try feedForwardNorm.map(transform),
      router: try router.map(transform),
      experts: try experts.map { try $0.map(transform) },
      encoder: try encoder?.map(transform)
    )
  }

  /// Those of a block without experts in the order of the fields, `nil` where the architecture has none.
  var dense: [Value?] {
    [inputNorm, qkv, qkvBias, queryNorm, keyNorm, output, attentionNorm, middleNorm]
      + [feedForward?.gateUp, feedForward?.down, feedForwardNorm]
  }

  /// All of them in the order of the fields.
  package var all: [Value] {
    dense.compactMap(\.self) + (router.map { [$0] } ?? [])
      + experts.flatMap { [$0.gateUp, $0.down] } + (encoder?.all ?? [])
  }
}

/// One value for each weight of a decoder.
package struct DecoderParts<Value> {
  /// The input embedding, `[V, D]`.
  package var embedding: Value
  /// The blocks.
  package var blocks: [BlockParts<Value>]
  /// Norm behind the last block, `[D]`; an encoder's blocks end with one.
  package var finalNorm: Value?
  /// The output embedding, `[V, D]`; `nil` where it is the input embedding, or where there is none.
  package var outputEmbedding: Value?
  /// What an encoder has beside that.
  package var encoder: EncoderParts<Value>?

  /// Puts a decoder together.
  package init(
    embedding: Value,
    blocks: [BlockParts<Value>],
    finalNorm: Value?,
    outputEmbedding: Value?,
    encoder: EncoderParts<Value>? = nil
  ) {
    self.embedding = embedding
    self.blocks = blocks
    self.finalNorm = finalNorm
    self.outputEmbedding = outputEmbedding
    self.encoder = encoder
  }

  /// A decoder of other values, made one behind the other in the order of `all`.
  ///
  /// - Parameter transform: Makes one of them.
  /// - Returns: The decoder.
  /// - Throws: What `transform` throws.
  package func map<Other>(_ transform: (Value) throws -> Other) rethrows -> DecoderParts<Other> {
    DecoderParts<Other>(
      embedding: try transform(embedding),
      blocks: try blocks.map { try $0.map(transform) },
      finalNorm: try finalNorm.map(transform),
      outputEmbedding: try outputEmbedding.map(transform),
      encoder: try encoder?.map(transform)
    )
  }

  /// All of them, in the order of the layers.
  package var all: [Value] {
    [embedding] + blocks.flatMap(\.all) + [finalNorm, outputEmbedding].compactMap(\.self)
      + (encoder?.all ?? [])
  }
}

extension GatedParts: Sendable where Value: Sendable {}
extension BlockParts: Sendable where Value: Sendable {}
extension DecoderParts: Sendable where Value: Sendable {}
