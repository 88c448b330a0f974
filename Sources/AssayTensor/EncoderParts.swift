// D hidden, H heads, K head width, F feed-forward width, S buckets of relative positions to a side.

/// What a block of an encoder has beside a decoder's: biases, also of its norms.
package struct EncoderBlockParts<Value> {
  /// Of what attention adds, `[D]`.
  package var outputBias: Value
  /// Of the norm behind it, `[D]`.
  package var attentionNormBias: Value
  /// Of the feed-forward part's inside, `[F]`.
  package var innerBias: Value
  /// Of what the feed-forward part adds, `[D]`.
  package var downBias: Value
  /// Of the norm behind it, `[D]`.
  package var feedForwardNormBias: Value

  /// Puts them together.
  package init(
    outputBias: Value,
    attentionNormBias: Value,
    innerBias: Value,
    downBias: Value,
    feedForwardNormBias: Value
  ) {
    self.outputBias = outputBias
    self.attentionNormBias = attentionNormBias
    self.innerBias = innerBias
    self.downBias = downBias
    self.feedForwardNormBias = feedForwardNormBias
  }

  func map<Other>(_ transform: (Value) throws -> Other) rethrows -> EncoderBlockParts<Other> {
    EncoderBlockParts<Other>(
      outputBias: try transform(outputBias),
      attentionNormBias: try transform(attentionNormBias),
      innerBias: try transform(innerBias),
      downBias: try transform(downBias),
      feedForwardNormBias: try transform(feedForwardNormBias)
    )
  }

  var all: [Value] {
    [outputBias, attentionNormBias, innerBias, downBias, feedForwardNormBias]
  }
}

/// What an encoder has outside of its blocks.
package struct EncoderParts<Value> {
  /// A norm, `[D]` each.
  package struct Norm {
    /// What is multiplied with.
    package var weight: Value
    /// What is added.
    package var bias: Value

    /// Puts a norm together.
    package init(weight: Value, bias: Value) {
      self.weight = weight
      self.bias = bias
    }
  }

  /// A convolution over tokens beside the first block.
  package struct Convolution {
    /// `[D, D, tokens]`.
    package var weight: Value
    /// `[D]`.
    package var bias: Value
    /// Of the sum with what the block gives.
    package var norm: Norm

    /// Puts a convolution together.
    package init(weight: Value, bias: Value, norm: Norm) {
      self.weight = weight
      self.bias = bias
      self.norm = norm
    }
  }

  /// Behind the input embedding.
  package var embeddingNorm: Norm
  /// An embedding of each bucket of relative positions, `[2S, D]`.
  package var relative: Value
  /// Of those.
  package var relativeNorm: Norm?
  /// Beside the first block.
  package var convolution: Convolution?

  /// Puts them together.
  package init(
    embeddingNorm: Norm,
    relative: Value,
    relativeNorm: Norm?,
    convolution: Convolution?
  ) {
    self.embeddingNorm = embeddingNorm
    self.relative = relative
    self.relativeNorm = relativeNorm
    self.convolution = convolution
  }

  func map<Other>(_ transform: (Value) throws -> Other) rethrows -> EncoderParts<Other> {
    func norm(_ norm: Norm) throws -> EncoderParts<Other>.Norm {
      .init(weight: try transform(norm.weight), bias: try transform(norm.bias))
    }
    return EncoderParts<Other>(
      embeddingNorm: try norm(embeddingNorm),
      relative: try transform(relative),
      relativeNorm: try relativeNorm.map(norm),
      convolution: try convolution.map {
        .init(
          weight: try transform($0.weight),
          bias: try transform($0.bias),
          norm: try norm($0.norm)
        )
      }
    )
  }

  var all: [Value] {
    let norms = [embeddingNorm] + [relativeNorm, convolution?.norm].compactMap(\.self)
    return [relative] + (convolution.map { [$0.weight, $0.bias] } ?? [])
      + norms.flatMap { [$0.weight, $0.bias] }
  }
}

extension EncoderBlockParts: Sendable where Value: Sendable {}
extension EncoderParts: Sendable where Value: Sendable {}
extension EncoderParts.Norm: Sendable where Value: Sendable {}
extension EncoderParts.Convolution: Sendable where Value: Sendable {}
