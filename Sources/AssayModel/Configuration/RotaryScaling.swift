// K head width, or its rotated part.

import Foundation

/// How rotary frequencies are stretched for contexts longer than those of the first training.
///
/// Source: `transformers` `modeling_rope_utils.py`; the papers at each case.
package enum RotaryScaling: Equatable, Sendable {
  /// Positions divided by a factor (Chen et al. 2023, arXiv:2306.15595).
  case linear(factor: Double)
  /// A base that grows with texts longer than the context; up to it, as texts here are, none.
  case dynamic(factor: Double)
  /// Llama 3.1's: low frequencies divided by a factor, smooth in between.
  case llama3(factor: Double, low: Double, high: Double, original: Int)
  /// YaRN (Peng et al. 2023, arXiv:2309.00071) section 3.
  case yarn(YaRN)
  /// LongRoPE (Ding et al. 2024, arXiv:2402.13753): a divisor for each frequency, and another one in texts
  /// that are longer than the original context.
  case longrope(LongRoPE)

  /// YaRN's settings: frequencies that turn less than `slow` times in the original context are
  /// divided, those that turn more than `fast` times kept, and those between blended.
  package struct YaRN: Equatable, Sendable {
    /// What frequencies are divided by.
    package var factor: Double
    /// Positions of the first training.
    package var original: Int
    /// Turns from which frequencies are kept.
    package var fast = 32.0
    /// Turns up to which frequencies are divided.
    package var slow = 1.0
    /// Whether the ends of the blend are whole indices.
    package var truncates = true
    /// What cosines and sines are multiplied with; `nil` is `0.1 ln factor + 1`.
    package var attentionFactor: Double?

    /// Makes settings.
    package init(factor: Double, original: Int) {
      self.factor = factor
      self.original = original
    }
  }

  /// LongRoPE's settings.
  package struct LongRoPE: Equatable, Sendable {
    /// Divisors of the frequencies in texts up to the original context.
    package var short: [Double]
    /// Those in longer texts.
    package var long: [Double]
    /// Positions of the first training.
    package var original: Int
    /// Positions that the model was extended to.
    package var extended: Int
    /// What cosines and sines are multiplied with; `nil` follows from the extension.
    package var attentionFactor: Double?

    /// Makes settings.
    package init(
      short: [Double],
      long: [Double],
      original: Int,
      extended: Int,
      attentionFactor: Double? = nil
    ) {
      self.short = short
      self.long = long
      self.original = original
      self.extended = extended
      self.attentionFactor = attentionFactor
    }
  }

  /// Stretches frequencies.
  ///
  /// - Parameters:
  ///   - frequencies: K / 2 of them, the highest first.
  ///   - width: K.
  ///   - base: Of the frequencies.
  ///   - isLong: Whether the text is longer than the original context.
  /// - Returns: As many.
  func scaled(_ frequencies: [Float], width: Int, base: Double, isLong: Bool) -> [Float] {
    switch self {
    case .dynamic: return frequencies
    case .linear(let factor): return frequencies.map { $0 / Float(factor) }
    case .longrope(let settings):
      let factors = isLong ? settings.long : settings.short
      return zip(frequencies, factors).map { $0 / Float($1) }
    case .llama3(let factor, let low, let high, let original):
      return frequencies.map { frequency in
        let wavelength = 2 * Float.pi / frequency
        if wavelength < Float(original) / Float(high) { return frequency }
        if wavelength > Float(original) / Float(low) { return frequency / Float(factor) }
        let smooth = (Float(original) / wavelength - Float(low)) / Float(high - low)
        return (1 - smooth) * frequency / Float(factor) + smooth * frequency
      }
    case .yarn(let settings):
      /// The index of the frequency that turns so often in the original context.
      func index(turns: Double) -> Double {
        Double(width) * log(Double(settings.original) / (turns * 2 * .pi)) / (2 * log(base))
      }
      var (first, last) = (index(turns: settings.fast), index(turns: settings.slow))
      if settings.truncates { (first, last) = (first.rounded(.down), last.rounded(.up)) }
      (first, last) = (max(first, 0), min(last, Double(width - 1)))
      if first == last { last += 0.001 }
      return frequencies.enumerated().map { place, frequency in
        let divided = Float(min(max((Double(place) - first) / (last - first), 0), 1))
        return frequency / Float(settings.factor) * divided + frequency * (1 - divided)
      }
    }
  }

  /// What cosines and sines are multiplied with.
  var attentionFactor: Float {
    switch self {
    case .linear, .dynamic, .llama3: return 1
    case .yarn(let settings):
      let plain = settings.factor <= 1 ? 1 : 0.1 * log(settings.factor) + 1
      return Float(settings.attentionFactor ?? plain)
    case .longrope(let settings):
      let factor = Double(settings.extended) / Double(settings.original)
      let plain = factor <= 1 ? 1 : (1 + log(factor) / log(Double(settings.original))).squareRoot()
      return Float(settings.attentionFactor ?? plain)
    }
  }
}
