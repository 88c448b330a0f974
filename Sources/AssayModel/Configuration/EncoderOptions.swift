// S buckets to a side.

import Foundation

/// What an encoder computes in a decoder's place: each token sees all others, with what contents and
/// relative positions say of each other, and norms stand behind each part.
///
/// Source: He et al. 2021 (arXiv:2006.03654) section 3; He et al. 2023 (arXiv:2111.09543).
package struct EncoderOptions: Equatable, Sendable {
  /// A convolution over tokens beside the first block.
  package struct Convolution: Equatable, Sendable {
    /// Tokens that it reads, an odd number.
    package var tokens: Int
    /// Whether GELU follows it, in place of the hyperbolic tangent.
    package var isGELU: Bool

    /// Makes one.
    package init(tokens: Int, isGELU: Bool) {
      self.tokens = tokens
      self.isGELU = isGELU
    }
  }

  /// Buckets of relative positions, to both sides together; 0 is one a position.
  package var buckets: Int
  /// The distance that the last bucket reaches to.
  package var farthest: Int
  /// Whether contents attend to positions.
  package var contentToPosition = true
  /// Whether positions attend to contents.
  package var positionToContent = true
  /// Whether embeddings of positions are normed.
  package var normsPositions = true
  /// A convolution beside the first block, if any.
  package var convolution: Convolution?

  /// Makes options.
  package init(buckets: Int, farthest: Int) {
    self.buckets = buckets
    self.farthest = farthest
  }

  /// S: embeddings of positions to a side.
  var span: Int { buckets > 0 ? buckets : farthest }

  /// How many kinds of products a score is the sum of.
  var terms: Int { 1 + (contentToPosition ? 1 : 0) + (positionToContent ? 1 : 0) }

  /// The bucket of a distance: itself up to half of the buckets, then logarithmic, in float32 as
  /// `transformers` has it.
  ///
  /// - Parameter distance: A query's position less a key's.
  /// - Returns: From -S to S - 1.
  func bucket(_ distance: Int) -> Int {
    let (middle, far) = (buckets / 2, abs(distance))
    guard buckets > 0, far > middle else { return min(max(distance, -span), span - 1) }
    let reach = log(Float(Double(farthest - 1) / Double(middle)))
    let share = log(Float(far) / Float(middle)) / reach * Float(middle - 1)
    let bucket = Int(min(share.rounded(.up), Float(span))) + middle
    return min(max(distance < 0 ? -bucket : bucket, -span), span - 1)
  }
}
