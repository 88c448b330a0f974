// K head width, T positions.

import AssayBase
import AssayTensor
import Foundation

/// The rotary embedding: its base, and how frequencies are stretched for long contexts.
///
/// Source: Su et al. 2021 (arXiv:2104.09864); `transformers` `modeling_rope_utils.py`.
package struct Rotary: Equatable, Sendable {
  /// How frequencies are stretched.
  package enum Scaling: Equatable, Sendable {
    /// Positions divided by a factor.
    case linear(factor: Double)
    /// Llama 3.1's: low frequencies divided by a factor, smooth in between.
    case llama3(factor: Double, low: Double, high: Double, original: Int)
  }

  /// The base of the frequencies.
  package var base: Double
  /// Their stretching, if any.
  package var scaling: Scaling?

  /// Makes one.
  package init(base: Double = 10000, scaling: Scaling? = nil) {
    self.base = base
    self.scaling = scaling
  }

  /// The frequencies of a head, in radians a position, computed in float32 as `transformers` does.
  ///
  /// - Parameter width: K.
  /// - Returns: K / 2 frequencies, the highest first.
  func frequencies(width: Int) -> [Float] {
    (0..<width / 2).map { index in
      let exponent = Float(2 * index) / Float(width)
      return scaled(1 / pow(Float(base), exponent))
    }
  }

  private func scaled(_ frequency: Float) -> Float {
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

  /// The angles of positions.
  ///
  /// - Parameters:
  ///   - width: K.
  ///   - positions: T.
  ///   - device: Where the table goes.
  /// - Returns: Cosines and sines, `[T, K/2]`.
  func table(width: Int, positions: Int, device: Device) -> RotaryTable {
    let frequencies = frequencies(width: width)
    let half = frequencies.count
    var cosine = [Float](repeating: 0, count: positions * half)
    var sine = cosine
    for position in 0..<positions {
      for (index, frequency) in frequencies.enumerated() {
        let angle = Float(position) * frequency
        cosine[position * half + index] = cos(angle)
        sine[position * half + index] = sin(angle)
      }
    }
    return RotaryTable(
      cosine: Tensor(cosine, [positions, half]).to(device),
      sine: Tensor(sine, [positions, half]).to(device)
    )
  }
}

extension Rotary {
  /// Reads `rope_parameters`, or `rope_theta` and `rope_scaling` as `transformers` 4 spelt them.
  ///
  /// - Parameters:
  ///   - file: A model's configuration.
  ///   - base: The base where the file names none.
  /// - Throws: `ModelError.configuration` for a key that is missing, wrong or not supported.
  init(_ file: ConfigFile, base: Double = 10000) throws {
    let parameters = try file.object("rope_parameters")
    self.base = try parameters?.double("rope_theta") ?? file.double("rope_theta") ?? base
    guard let settings = try parameters ?? file.object("rope_scaling") else { return }
    if let part = try settings.double("partial_rotary_factor"), part != 1 {
      throw settings.wrong("partial_rotary_factor", "\(part) is not supported; 1 is")
    }
    func need(_ key: String) throws -> Double { try settings.need(settings.double(key), key) }
    switch try settings.string("rope_type") ?? settings.string("type") ?? "default" {
    case "default": break
    case "linear": scaling = .linear(factor: try need("factor"))
    case "llama3":
      let key = "original_max_position_embeddings"
      scaling = .llama3(
        factor: try need("factor"),
        low: try need("low_freq_factor"),
        high: try need("high_freq_factor"),
        original: try settings.need(settings.int(key), key)
      )
    case let other:
      throw settings.wrong("rope_type", "\(other) is not supported; default, linear, llama3 are")
    }
    try check(settings)
  }

  private func check(_ settings: ConfigFile) throws {
    func require(_ holds: Bool, _ key: String, _ reason: String) throws {
      guard holds else { throw settings.wrong(key, reason) }
    }
    switch scaling {
    case nil: break
    case .linear(let factor)?:
      try require((1...1e6).contains(factor), "factor", "\(factor) is not from 1 to 1e6")
    case .llama3(let factor, let low, let high, let original)?:
      try require((1...1e6).contains(factor), "factor", "\(factor) is not from 1 to 1e6")
      try require(
        low > 0 && high > low && high < 1e6,
        "high_freq_factor",
        "\(high) is not above low_freq_factor \(low), or that is not positive"
      )
      try require(
        original > 0,
        "original_max_position_embeddings",
        "\(original) is not a size"
      )
    }
  }

  /// The keys of `config.json` that say this, for `transformers` 5 and, where scaled, 4.
  var members: [JSONMember] {
    var settings: [JSONMember] = []
    switch scaling {
    case nil: settings = [JSONMember("rope_type", "default")]
    case .linear(let factor)?:
      settings = [JSONMember("rope_type", "linear"), JSONMember("factor", .number("\(factor)"))]
    case .llama3(let factor, let low, let high, let original)?:
      settings = [
        JSONMember("rope_type", "llama3"), JSONMember("factor", .number("\(factor)")),
        JSONMember("low_freq_factor", .number("\(low)")),
        JSONMember("high_freq_factor", .number("\(high)")),
        JSONMember("original_max_position_embeddings", .number("\(original)")),
      ]
    }
    settings.append(JSONMember("rope_theta", .number("\(base)")))
    return [
      JSONMember("rope_theta", .number("\(base)")),
      JSONMember("rope_parameters", .object(settings)),
    ] + (scaling == nil ? [] : [JSONMember("rope_scaling", .object(settings))])
  }
}
