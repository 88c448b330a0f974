// Low-rank adapters of PEFT, merged into their base model where they are loaded.
//
// W [O, I] a base weight, A [r, I] and B [O, r] what was trained, m [O] DoRA's magnitudes.
//
// Source: Hu et al. 2021 (arXiv:2106.09685) section 4.1; Kalajdzievski 2023 (arXiv:2312.03732) for
// alpha / sqrt(r); Liu et al. 2024 (arXiv:2402.09353) eq. 5; `peft` `tuners/lora/layer.py` and
// `tuners/lora/dora.py` (merging), `utils/save_and_load.py` (names).

import AssayBase
import AssayTensor
import Foundation

/// A folder with `adapter_config.json` and the adapter's weights.
struct Adapter {
  /// The folder of the base model.
  let base: URL
  /// Whether it makes a sequence classifier of its base.
  let isClassifier: Bool

  private let config: ConfigFile
  /// What `adapter_config.json` says.
  var document: JSONValue { config.document }
  let stored: WeightsFolder
  private let alpha: Double
  private let isRankStabilized: Bool

  static let fileName = "adapter_config.json"
  static let prefix = "base_model.model."
  /// Settings that must be absent, null, false or empty: what they ask for is not computed.
  private static let refused = [
    "alora_invocation_tokens", "alpha_pattern", "arrow_config", "fan_in_fan_out", "kasa_config",
    "layer_replication", "lora_bias", "target_parameters",
    "trainable_token_indices", "megatron_config", "monteclora_config", "use_bdlora", "use_qalora",
    "velora_config",
  ]
  /// Beginnings, by name, that leave the base's weights as they are; most others take from them what A and
  /// B begin with, so that the base alone is another model than the one that was trained.
  private static let harmlessStarts = ["gaussian", "eva", "orthogonal"]

  /// Opens a folder; `nil` where it is no adapter.
  ///
  /// - Parameter folder: A folder.
  /// - Throws: `ModelError` or `TensorError` for a setting that is not computed, or a missing base.
  init?(at folder: URL) throws {
    guard Self.exists(at: folder) else { return nil }
    let url = folder.appendingPathComponent(Self.fileName)
    config = try ConfigFile(contentsOf: url)
    let kind = try config.need(config.string("peft_type"), "peft_type")
    guard kind == "LORA" else {
      throw config.wrong("peft_type", "\(kind) is not supported; LORA is")
    }
    for key in Self.refused where !config.isUnset(key) {
      throw config.wrong(key, "is not supported; merge the adapter with the tool that made it")
    }
    let start = "init_lora_weights"
    if config.isText(start), let name = try config.string(start),
      !Self.harmlessStarts.contains(name.lowercased())
    {
      throw config.wrong(
        start,
        "\(name) may change the base's weights when training begins; save the adapter with PEFT's "
          + "path_initial_model_for_weight_conversion, or merge it with the tool that made it"
      )
    }
    if let bias = try config.string("bias"), bias != "none" {
      throw config.wrong("bias", "\(bias) is not supported; none is")
    }
    alpha = try config.need(config.double("lora_alpha"), "lora_alpha")
    isRankStabilized = try config.bool("use_rslora") ?? false
    isClassifier = try config.string("task_type") == "SEQ_CLS"
    let key = "base_model_name_or_path"
    base = try Model.base(config.need(config.string(key), key), of: url, "is the base")
      .deletingLastPathComponent()
    stored = try WeightsFolder(folder, name: "adapter_model")
  }

  /// The folder of the model that a folder's adapter was trained beside, or the folder itself.
  ///
  /// - Throws: As `init(at:)`.
  static func base(of folder: URL) throws -> URL { try Adapter(at: folder)?.base ?? folder }

  /// Whether a folder is an adapter.
  static func exists(at folder: URL) -> Bool {
    func has(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }
    return has(fileName) && !has("config.json")
  }

  /// The base's weights with the adapter's in them.
  ///
  /// - Parameter weights: The base's weights.
  /// - Returns: The merged weights, and those that the adapter keeps whole (`modules_to_save`).
  /// - Throws: `ModelError` where the adapter has a weight that the base lacks, lacks its other half,
  ///   or is a classifier's without a head.
  func merged(into weights: any WeightsSource) throws -> MergedWeights {
    let known = Set(weights.names)
    var (whole, layers): ([String: String], Set<String>) = ([:], [])
    for name in stored.names {
      let bare = name.hasPrefix(Self.prefix) ? String(name.dropFirst(Self.prefix.count)) : name
      if let range = bare.range(of: ".lora_") {
        let layer = String(bare[..<range.lowerBound])
        guard known.contains(layer + ".weight") else {
          throw wrong(name, "belongs to \(layer).weight, which the base model has not")
        }
        guard
          ["A.weight", "B.weight", "magnitude_vector"].contains(String(bare[range.upperBound...]))
        else { throw wrong(name, "is not a part of a linear layer's adapter") }
        layers.insert(layer)
      } else {
        whole[bare] = name
      }
    }
    guard !stored.names.isEmpty else {
      throw wrong("lora_A.weight", "is missing of every layer: adapter_model holds no weights")
    }
    if isClassifier, whole["score.weight"] == nil, !known.contains("score.weight") {
      throw ModelError.lacks(
        path: config.path,
        part: "reward head",
        hint: "task_type is SEQ_CLS and the adapter keeps no score.weight: it was saved without "
          + "modules_to_save, and a head of random numbers would score at random; save it again "
          + "with its head"
      )
    }
    return MergedWeights(
      names: Array(known.union(whole.keys)).sorted(),
      base: weights,
      adapter: stored,
      whole: whole,
      layers: layers,
      prefix: stored.names.first?.hasPrefix(Self.prefix) == true ? Self.prefix : "",
      scale: { alpha / (isRankStabilized ? Double($0).squareRoot() : Double($0)) },
      wrong: wrong
    )
  }

  private func wrong(_ name: String, _ reason: String) -> ModelError {
    .weight(file: config.path, name: name, reason: reason)
  }
}

/// A base model's weights, some of them with an adapter's product added, some exchanged.
struct MergedWeights: WeightsSource {
  let names: [String]
  var metadata: [String: String] { base.metadata }

  /// The base's weights.
  let base: any WeightsSource
  fileprivate let adapter: WeightsFolder
  /// Names in the adapter of weights that it keeps whole, by those here.
  fileprivate let whole: [String: String]
  /// Layers with an adapter, by the names of their weights without `.weight`.
  fileprivate let layers: Set<String>
  fileprivate let prefix: String
  /// What the product of a rank is multiplied by.
  fileprivate let scale: (Int) -> Double
  fileprivate let wrong: (String, String) -> ModelError

  func shape(of name: String) -> [Int]? {
    whole[name].map { adapter.shape(of: $0) } ?? base.shape(of: name)
  }

  func dtype(of name: String) -> DType? {
    whole[name].map { adapter.dtype(of: $0) } ?? base.dtype(of: name)
  }

  /// Whether the adapter has something of a weight.
  func changes(_ name: String) -> Bool { exchanges(name) || layers.contains(Self.layer(name)) }

  /// Whether the adapter keeps a weight whole.
  func exchanges(_ name: String) -> Bool { whole[name] != nil }

  /// What the adapter adds to a weight, with its scale in B, float32.
  ///
  /// - Parameters:
  ///   - name: The weight.
  ///   - piece: What is known of it.
  ///   - device: Where it goes.
  /// - Returns: The products of low rank; none where the adapter has nothing of the weight.
  /// - Throws: `ModelError.weight` for parts that are missing or do not fit.
  func part(_ name: String, _ piece: WeightSpec.Piece, device: Device) throws -> LowRank.Part {
    let layer = Self.layer(name)
    let rows = piece.shape[0]
    guard layers.contains(layer) else {
      return LowRank.Part(layer: layer, rows: rows, trained: nil)
    }
    let (a, b, magnitude) = try matrices(layer, shape: piece.shape)
    let scaled = try withTensorErrors { b * scale(a.shape[0]) }
    return LowRank.Part(
      layer: layer,
      rows: rows,
      trained: (
        Parameter("A", a.to(device)), Parameter("B", scaled.to(device)),
        magnitude.map { Parameter("m", $0.to(device)) }
      )
    )
  }

  private static func layer(_ name: String) -> String {
    name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name
  }

  /// A, B and, where the layer has magnitudes, m, float32.
  private func matrices(
    _ layer: String,
    shape: [Int]
  ) throws -> (a: Tensor, b: Tensor, magnitude: Tensor?) {
    let stem = prefix + layer + ".lora_"
    func part(_ suffix: String) throws -> Tensor {
      guard adapter.shape(of: stem + suffix) != nil else {
        throw wrong(stem + suffix, "is missing")
      }
      return try adapter.tensor(named: stem + suffix).to(.float32)
    }
    let (a, b) = (try part("A.weight"), try part("B.weight"))
    let rank = a.shape.first ?? 0
    guard shape.count == 2, rank > 0, a.shape == [rank, shape[1]], b.shape == [shape[0], rank]
    else {
      throw wrong(stem + "A.weight", "\(a.shape) and B \(b.shape) do not fit the base's \(shape)")
    }
    let magnitude = "magnitude_vector"
    guard adapter.shape(of: stem + magnitude) != nil else { return (a, b, nil) }
    let m = try part(magnitude)
    guard m.count == shape[0] else {
      throw wrong(stem + magnitude, "has shape \(m.shape), expected \(shape[0]) numbers")
    }
    return (a, b, m)
  }

  /// A weight: `W + s B A` in float32, with DoRA's magnitude `m / |W + s B A|` for each row.
  func tensor(named name: String) throws -> Tensor {
    if let kept = whole[name] { return try adapter.tensor(named: kept) }
    let weight = try base.tensor(named: name)
    let layer = Self.layer(name)
    guard layers.contains(layer) else { return weight }
    let (a, b, magnitude) = try matrices(layer, shape: weight.shape)
    return try withTensorErrors {
      let sum = weight.to(.float32) + b.matmul(a) * scale(a.shape[0])  // [O, I]
      guard let magnitude else { return sum }
      let norms = (sum * sum).sum(axis: 1, keeping: true).squareRoot()  // [O, 1]
      return sum * (magnitude.reshaped([-1, 1]) / norms)
    }
  }
}
