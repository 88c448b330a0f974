// K head width, T positions.

import AssayTensor
import Foundation

/// The rotary embedding: its base, how frequencies are stretched for long contexts, and what is
/// rotated.
///
/// Source: Su et al. 2021 (arXiv:2104.09864); `transformers` `modeling_rope_utils.py`.
package struct Rotary: Equatable, Sendable {
  /// The base of the frequencies.
  package var base: Double
  /// The base in blocks with a window, whose frequencies are not stretched; `nil` is as in all others.
  package var windowBase: Double?
  /// Their stretching, if any.
  package var scaling: RotaryScaling?
  /// The share of each head, from its beginning, that is rotated.
  package var share = 1.0
  /// Of each block, whether nothing is rotated in it; `nil` is no block.
  package var unrotated: [Bool]?

  /// Makes one.
  package init(base: Double = 10000, scaling: RotaryScaling? = nil) {
    self.base = base
    self.scaling = scaling
  }

  /// Positions that the model was extended to, where longer texts than the original ones have frequencies of
  /// their own.
  var extendedContext: Int? {
    if case .longrope(let long)? = scaling { long.extended } else { nil }
  }

  /// How many numbers of a head are rotated.
  ///
  /// - Parameter width: K, a size.
  /// - Returns: At most K.
  func rotatedWidth(of width: Int) -> Int { Int(Double(width) * share) }

  /// The frequencies of a head, in radians a position, computed in float32 as `transformers` does.
  ///
  /// - Parameters:
  ///   - width: K.
  ///   - isLong: Whether the text is longer than the original context.
  /// - Returns: K / 2 frequencies, the highest first; zeros for what is not rotated.
  func frequencies(width: Int, isLong: Bool = false) -> [Float] {
    let rotated = rotatedWidth(of: width)
    let plain = (0..<rotated / 2).map { index in
      1 / pow(Float(base), Float(2 * index) / Float(rotated))
    }
    let scaled =
      scaling?.scaled(plain, width: rotated, base: base, isLong: isLong) ?? plain
    return scaled + [Float](repeating: 0, count: width / 2 - scaled.count)
  }

  /// The angles of positions.
  ///
  /// - Parameters:
  ///   - width: K.
  ///   - positions: T.
  ///   - device: Where the table goes.
  ///   - isLong: Whether texts are longer than the original context.
  /// - Returns: Cosines and sines, `[T, K/2]`.
  func table(width: Int, positions: Int, device: Device, isLong: Bool = false) -> RotaryTable {
    let frequencies = frequencies(width: width, isLong: isLong)
    let (half, rotated) = (frequencies.count, rotatedWidth(of: width) / 2)
    let factor = scaling?.attentionFactor ?? 1
    var cosine = [Float](repeating: 1, count: positions * half)
    var sine = [Float](repeating: 0, count: positions * half)
    for position in 0..<positions {
      for index in 0..<rotated {
        let angle = Float(position) * frequencies[index]
        cosine[position * half + index] = cos(angle) * factor
        sine[position * half + index] = sin(angle) * factor
      }
    }
    return RotaryTable(
      cosine: Tensor(cosine, [positions, half]).to(device),
      sine: Tensor(sine, [positions, half]).to(device)
    )
  }
}
