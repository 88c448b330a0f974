import AssayTensor
import Foundation

extension RotaryTable {
  /// The angles of a configuration's positions, computed in float32 as `transformers` does.
  ///
  /// - Parameters:
  ///   - configuration: Its head width, base and scaling.
  ///   - positions: How many positions.
  ///   - device: Where the table goes.
  ///
  /// Source: `transformers` `modeling_rope_utils.py`.
  package init(_ configuration: ModelConfiguration, positions: Int, device: Device = .cpu) {
    let half = configuration.headWidth / 2
    let frequencies = (0..<half).map { index -> Float in
      let exponent = Float(2 * index) / Float(configuration.headWidth)
      let plain = 1 / pow(Float(configuration.rotaryBase), exponent)
      return Self.scaled(plain, configuration.rotaryScaling)
    }
    var cosine = [Float](repeating: 0, count: positions * half)
    var sine = cosine
    for position in 0..<positions {
      for (index, frequency) in frequencies.enumerated() {
        let angle = Float(position) * frequency
        cosine[position * half + index] = cos(angle)
        sine[position * half + index] = sin(angle)
      }
    }
    self.init(
      cosine: Tensor(cosine, [positions, half]).to(device),
      sine: Tensor(sine, [positions, half]).to(device)
    )
  }

  private static func scaled(
    _ frequency: Float,
    _ scaling: ModelConfiguration.RotaryScaling?
  ) -> Float {
    switch scaling {
    case nil: return frequency
    case .linear(let factor)?: return frequency / Float(factor)
    case .llama3(let factor, let low, let high, let original)?:
      let wavelength = 2 * Float.pi / frequency
      if wavelength < Float(original) / Float(high) { return frequency }
      if wavelength > Float(original) / Float(low) { return frequency / Float(factor) }
      let smooth = (Float(original) / wavelength - Float(low)) / Float(high - low)
      return (1 - smooth) * frequency / Float(factor) + smooth * frequency
    }
  }
}
