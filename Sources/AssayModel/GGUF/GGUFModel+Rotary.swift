import AssayBase
import AssayTensor
import Foundation

extension GGUFModel {
  /// The stretching of rotary positions: what the metadata or factors among the tensors say.
  func rotaryScaling() throws -> JSONValue? {
    func key(_ name: String) -> String { "\(prefix).rope.scaling.\(name)" }
    func number(_ name: String) throws -> JSONValue {
      guard let value = try file.number(key(name)), value.isFinite else {
        throw wrong(key(name), "is missing or no number")
      }
      return .number("\(value)")
    }
    if file.shape(of: Self.factors) != nil { return try llama3Scaling() }
    if Self.longFactors.contains(where: { file.shape(of: $0) != nil }) {
      let lists = try Self.longFactors.map { name in
        try file.tensor(named: name).to(.float32).floats.map { JSONValue.number("\($0)") }
      }
      var members = [
        JSONMember("rope_type", "longrope"), JSONMember("short_factor", .array(lists[0])),
        JSONMember("long_factor", .array(lists[1])),
        JSONMember("original_max_position_embeddings", try number("original_context_length")),
      ]
      if file.values[key("attn_factor")] != nil {
        members.append(JSONMember("attention_factor", try number("attn_factor")))
      }
      return .object(members)
    }
    guard file.values[key("attn_factor")] == nil else {
      throw wrong(key("attn_factor"), "is not supported without factors of each frequency")
    }
    switch try file.text(key("type")) {
    case nil, "none": return nil
    case "linear": return ["rope_type": "linear", "factor": try number("factor")]
    case "yarn":
      return [
        "rope_type": "yarn", "factor": try number("factor"),
        "original_max_position_embeddings": try number("original_context_length"),
      ]
    case let other?:
      throw wrong(key("type"), "\(other) is not supported; none, linear and yarn are")
    }
  }

  static let factors = "rope_freqs.weight"
  static let longFactors = ["rope_factors_short.weight", "rope_factors_long.weight"]

  /// Finds Llama 3.1's settings that give the factors which the file has in their place.
  ///
  /// The converter writes what each frequency is divided by. The settings are those of all released
  /// models (1, 4, 8192) with the largest factor; they are taken where they give the same numbers.
  private func llama3Scaling() throws -> JSONValue {
    let stored = try file.tensor(named: Self.factors).to(.float32).floats
    let factor = stored.last.map(Double.init) ?? 1
    let base = try file.number("\(prefix).rope.freq_base") ?? 10000
    let plain = Rotary(base: base).frequencies(width: 2 * stored.count)
    let scaling = RotaryScaling.llama3(factor: factor, low: 1, high: 4, original: 8192)
    let scaled = Rotary(base: base, scaling: scaling).frequencies(width: 2 * stored.count)
    let isSame = stored.indices.allSatisfy { index in
      let ratio: Float = plain[index] / scaled[index]
      return abs(ratio - stored[index]) <= 1e-3 * stored[index]
    }
    guard isSame, factor.isFinite else {
      throw ModelError.weight(
        file: file.url.path,
        name: Self.factors,
        reason: "has other factors than Llama 3.1's, which alone are supported"
      )
    }
    return [
      "rope_type": "llama3", "factor": .number("\(factor)"), "low_freq_factor": 1,
      "high_freq_factor": 4, "original_max_position_embeddings": 8192,
    ]
  }
}
