import AssayBase
import Foundation

extension Rotary {
  /// Reads `rope_parameters`, or `rope_theta` and `rope_scaling` as `transformers` 4 spelt them.
  ///
  /// - Parameters:
  ///   - file: A model's configuration.
  ///   - base: The base where the file names none.
  ///   - windowBase: That of blocks with a window, for an architecture that has one of its own.
  ///   - contextTokens: Positions where a scaling does not say those of the first training.
  ///   - takesShare: Whether the architecture may rotate a part of each head.
  ///   - width: K.
  /// - Throws: `ModelError.configuration` for a key that is missing, wrong or not supported.
  init(
    _ file: ConfigFile,
    base: Double = 10000,
    windowBase: Double? = nil,
    contextTokens: Int,
    takesShare: Bool = false,
    width: Int
  ) throws {
    let all = try file.object("rope_parameters")
    // One for each kind of block, where they differ.
    let parameters = windowBase == nil ? all : try all?.object("full_attention") ?? all
    if let windowBase {
      let near = try all?.object("sliding_attention")
      if let kind = try near?.string("rope_type"), kind != "default" {
        throw (near ?? file).wrong("rope_type", "\(kind) is not supported; default is")
      }
      self.windowBase =
        try near?.double("rope_theta") ?? file.double("rope_local_base_freq") ?? windowBase
    }
    // Who adds a scaling to a file that has parameters means it, as `transformers` reads it.
    var scaled = windowBase == nil ? try file.object("rope_scaling") : nil
    if scaled?.document.members?.isEmpty == true { scaled = nil }
    let settings = try scaled ?? parameters ?? file.object("rope_scaling")
    let stated = try settings?.double("rope_theta") ?? file.double("rope_theta")
    if stated == nil, scaled != nil, parameters?.has("rope_theta") == true {
      throw file.wrong(
        "rope_scaling",
        "has no rope_theta, which the rope_parameters beside it have; put the scaling into rope_parameters"
      )
    }
    self.base = stated ?? base
    let key = "partial_rotary_factor"
    share = try settings?.double(key) ?? parameters?.double(key) ?? file.double(key) ?? 1
    guard share == 1 || takesShare && share > 0 && share < 1 && rotatedWidth(of: width) % 2 == 0
    else { throw (settings ?? file).wrong(key, "\(share) is not supported; 1 is") }
    guard let settings else { return }
    scaling = try RotaryScaling(
      settings,
      in: file,
      contextTokens: contextTokens,
      frequencies: rotatedWidth(of: width) / 2
    )
  }

  /// The keys of `config.json` that say this, for `transformers` 5 and, where scaled, 4.
  var members: [JSONMember] {
    var settings = scaling?.members ?? [JSONMember("rope_type", "default")]
    settings.append(JSONMember("rope_theta", .number("\(base)")))
    var members = [JSONMember("rope_theta", .number("\(base)"))]
    if share != 1 {
      settings.append(JSONMember("partial_rotary_factor", .number("\(share)")))
      members.append(JSONMember("partial_rotary_factor", .number("\(share)")))
    }
    if let windowBase {
      let near: JSONValue = ["rope_type": "default", "rope_theta": .number("\(windowBase)")]
      members.append(JSONMember("rope_local_base_freq", .number("\(windowBase)")))
      members.append(
        JSONMember(
          "rope_parameters",
          ["full_attention": .object(settings), "sliding_attention": near]
        )
      )
    } else {
      members.append(JSONMember("rope_parameters", .object(settings)))
    }
    return members + (scaling == nil ? [] : [JSONMember("rope_scaling", .object(settings))])
  }
}

extension RotaryScaling {
  private static let originalKey = "original_max_position_embeddings"

  /// Reads a scaling; `nil` where frequencies are not stretched.
  ///
  /// - Throws: `ModelError.configuration` for a key that is missing, wrong or not supported.
  init?(_ settings: ConfigFile, in file: ConfigFile, contextTokens: Int, frequencies: Int) throws {
    func need(_ key: String) throws -> Double { try settings.need(settings.double(key), key) }
    func factor() throws -> Double {
      let factor = try need("factor")
      guard (1...1e6).contains(factor) else {
        throw settings.wrong("factor", "\(factor) is not from 1 to 1e6")
      }
      return factor
    }
    func original() throws -> Int? {
      let size = try settings.int(Self.originalKey) ?? file.int(Self.originalKey)
      guard let size else { return nil }
      guard size > 1 && size <= 1 << 26 else {
        throw settings.wrong(Self.originalKey, "\(size) is not a size")
      }
      return size
    }
    switch try settings.string("rope_type") ?? settings.string("type") ?? "default" {
    case "default": return nil
    case "linear": self = .linear(factor: try factor())
    case "dynamic": self = .dynamic(factor: try factor())
    case "llama3":
      let (low, high) = (try need("low_freq_factor"), try need("high_freq_factor"))
      guard low > 0 && high > low && high < 1e6 else {
        throw settings.wrong(
          "high_freq_factor",
          "\(high) is not above low_freq_factor \(low), or that is not positive"
        )
      }
      let size = try settings.need(try original(), Self.originalKey)
      self = .llama3(factor: try factor(), low: low, high: high, original: size)
    case "yarn":
      var yarn = YaRN(factor: try factor(), original: try original() ?? contextTokens)
      yarn.fast = try settings.double("beta_fast") ?? 32
      yarn.slow = try settings.double("beta_slow") ?? 1
      guard yarn.slow > 0 && yarn.fast > yarn.slow else {
        throw settings.wrong("beta_fast", "\(yarn.fast) is not above beta_slow \(yarn.slow)")
      }
      yarn.truncates = try settings.bool("truncate") ?? true
      yarn.attentionFactor = try settings.double("attention_factor")
      for key in ["mscale", "mscale_all_dim"] where settings.has(key) {
        throw settings.wrong(key, "is not supported; attention_factor is")
      }
      self = .yarn(yarn)
    case "longrope", "su":
      func factors(_ key: String) throws -> [Double] {
        let list = try settings.need(settings.doubles(key), key)
        guard list.count == frequencies, list.allSatisfy({ $0 > 0 }) else {
          throw settings.wrong(key, "is not \(frequencies) numbers above 0, one a frequency")
        }
        return list
      }
      let (short, long) = (try factors("short_factor"), try factors("long_factor"))
      let trained = try settings.need(try original(), Self.originalKey)
      // A factor that is given stands for that of the contexts.
      let given = settings.has("factor") ? try factor() : nil
      let scale = given.map { (1 + log($0) / log(Double(trained))).squareRoot() }
      self = .longrope(
        LongRoPE(
          short: short,
          long: long,
          original: trained,
          extended: contextTokens,
          attentionFactor: try settings.double("attention_factor") ?? scale
        )
      )
    case let other:
      throw settings.wrong(
        "rope_type",
        "\(other) is not supported; default, linear, dynamic, llama3, yarn and longrope are"
      )
    }
  }

  /// The keys of `rope_parameters` that say this.
  var members: [JSONMember] {
    func member(_ key: String, _ value: some Numeric) -> JSONMember {
      JSONMember(key, .number("\(value)"))
    }
    func list(_ key: String, _ values: [Double]) -> JSONMember {
      JSONMember(key, .array(values.map { .number("\($0)") }))
    }
    func attention(_ factor: Double?) -> [JSONMember] {
      factor.map { [member("attention_factor", $0)] } ?? []
    }
    switch self {
    case .linear(let factor):
      return [JSONMember("rope_type", "linear"), member("factor", factor)]
    case .dynamic(let factor):
      return [JSONMember("rope_type", "dynamic"), member("factor", factor)]
    case .llama3(let factor, let low, let high, let original):
      return [
        JSONMember("rope_type", "llama3"), member("factor", factor),
        member("low_freq_factor", low), member("high_freq_factor", high),
        member(Self.originalKey, original),
      ]
    case .yarn(let yarn):
      return [
        JSONMember("rope_type", "yarn"), member("factor", yarn.factor),
        member(Self.originalKey, yarn.original), member("beta_fast", yarn.fast),
        member("beta_slow", yarn.slow), JSONMember("truncate", .bool(yarn.truncates)),
      ] + attention(yarn.attentionFactor)
    case .longrope(let long):
      return [
        JSONMember("rope_type", "longrope"), list("short_factor", long.short),
        list("long_factor", long.long), member(Self.originalKey, long.original),
      ] + attention(long.attentionFactor)
    }
  }
}
