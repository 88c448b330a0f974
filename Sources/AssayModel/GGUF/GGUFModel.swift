// A GGUF file as a model folder: its metadata as `config.json`, its weights under the names that
// Hugging Face's checkpoints have, its tokenizer as `tokenizer.json`.
//
// Source: github.com/ggml-org/llama.cpp, gguf-py/gguf/constants.py (keys, names of tensors) and
// convert_hf_to_gguf.py (what is changed on the way there).

import AssayBase
import AssayTensor
import Foundation

/// A model in one GGUF file.
struct GGUFModel {
  /// Its file.
  let file: GGUFFile
  /// What stands before the keys of the architecture.
  let prefix: String

  /// The GGUF file that a path means: itself, or the only one of a folder without `config.json`.
  ///
  /// - Parameter url: A file or a folder.
  /// - Returns: The file; `nil` for a model folder of another layout.
  static func find(_ url: URL) -> URL? {
    let manager = FileManager.default
    var isFolder: ObjCBool = false
    guard manager.fileExists(atPath: url.path, isDirectory: &isFolder) else { return nil }
    guard isFolder.boolValue else { return url.pathExtension.lowercased() == "gguf" ? url : nil }
    let names = (try? manager.contentsOfDirectory(atPath: url.path)) ?? []
    let found = names.filter { $0.lowercased().hasSuffix(".gguf") }
    guard !names.contains("config.json"), found.count == 1 else { return nil }
    return url.appendingPathComponent(found[0])
  }

  /// Opens the file that a path means; `nil` for a model folder of another layout.
  ///
  /// - Parameter url: A file or a folder.
  /// - Throws: As opening a file.
  init?(at url: URL) throws {
    guard let file = Self.find(url) else { return nil }
    try self.init(file)
  }

  /// Opens a file.
  ///
  /// - Parameter url: The file.
  /// - Throws: `TensorError` for a damaged file, `ModelError` for one that names no architecture.
  init(_ url: URL) throws {
    file = try GGUFFile(url)
    guard let name = try file.text("general.architecture") else {
      throw ModelError.configuration(
        file: url.path,
        key: "general.architecture",
        reason: "is missing"
      )
    }
    prefix = name
  }

  /// An error at a key of the metadata.
  func wrong(_ key: String, _ reason: String) -> ModelError {
    .configuration(file: file.url.path, key: key, reason: reason)
  }

  // MARK: Configuration

  /// Whole numbers by key, with the key of `config.json`.
  private static let sizes = [
    "block_count": "num_hidden_layers", "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size", "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads", "attention.key_length": "head_dim",
    "attention.sliding_window": "sliding_window",
  ]
  /// Numbers by key, likewise.
  private static let numbers = [
    "attention.layer_norm_rms_epsilon": "rms_norm_eps", "rope.freq_base": "rope_theta",
    "attn_logit_softcapping": "attn_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping", "embedding_scale": "embedding_multiplier",
    "residual_scale": "residual_multiplier", "attention.scale": "attention_multiplier",
    "logit_scale": "logits_scaling",
  ]
  /// Keys that are checked, or say nothing that is not said elsewhere.
  private static let others: Set<String> = [
    "vocab_size", "rope.dimension_count", "attention.value_length", "rope.scaling.type",
    "rope.scaling.factor", "rope.scaling.finetuned", "rope.scaling.original_context_length",
    "attention.causal", "expert_count", "expert_used_count",
  ]

  /// The metadata as a `config.json`.
  ///
  /// - Returns: The keys that the architecture reads.
  /// - Throws: `ModelError` or `TensorError` for a key that is missing, of another type, or not
  ///   known: what it says would not be computed.
  func config() throws -> ConfigFile {
    var members = [JSONMember("model_type", .string(try modelType()))]
    for key in file.values.keys.sorted() where key.hasPrefix(prefix + ".") {
      let name = String(key.dropFirst(prefix.count + 1))
      if let target = Self.sizes[name], let value = try file.integer(key) {
        members.append(JSONMember(target, .number("\(value)")))
      } else if let target = Self.numbers[name], let value = try file.number(key) {
        guard value.isFinite else { throw wrong(key, "\(value) is not a finite number") }
        members.append(JSONMember(target, .number("\(value)")))
      } else if !Self.others.contains(name) {
        throw wrong(key, "is a setting that is not known, so the model would be computed otherwise")
      }
    }
    for (key, target) in Self.sizes where !members.contains(where: { $0.key == target }) {
      let optional = ["head_count_kv", "key_length", "sliding_window"]
      guard optional.contains(where: key.hasSuffix) else {
        throw wrong("\(prefix).\(key)", "is missing")
      }
    }
    members.append(JSONMember("vocab_size", .number("\(try vocabularySize())")))
    members.append(JSONMember("tie_word_embeddings", .bool(file.shape(of: Self.output) == nil)))
    for (key, target) in [("bos", "bos"), ("eos", "eos"), ("padding", "pad")] {
      guard let id = try file.integer("tokenizer.ggml.\(key)_token_id") else { continue }
      members.append(JSONMember(target + "_token_id", .number("\(id)")))
    }
    if let scaling = try rotaryScaling() { members.append(JSONMember("rope_scaling", scaling)) }
    try checkWidths()
    return ConfigFile(path: file.url.path, document: .object(members))
  }

  /// The `model_type` of an architecture: the same word, but for marks between its parts.
  private func modelType() throws -> String {
    func bare(_ word: String) -> String { word.filter { $0.isLetter || $0.isNumber } }
    guard let found = Architecture.all.first(where: { bare($0.modelType) == bare(prefix) }) else {
      let known = Architecture.all.map(\.modelType).joined(separator: ", ")
      throw wrong("general.architecture", "\(prefix) is not supported; known are \(known)")
    }
    return found.modelType
  }

  private func vocabularySize() throws -> Int {
    guard let shape = file.shape(of: Self.embedding), shape.count == 2 else {
      throw ModelError.weight(
        file: file.url.path,
        name: Self.embedding,
        reason: "is missing, or is no table of rows"
      )
    }
    return shape[0]
  }

  private func checkWidths() throws {
    func key(_ name: String) -> String { "\(prefix).\(name)" }
    if let experts = try file.integer(key("expert_count")), experts > 0 {
      throw wrong(key("expert_count"), "\(experts) experts are not supported; dense models are")
    }
    if let causal = try file.flag(key("attention.causal")), !causal {
      throw wrong(key("attention.causal"), "false is not supported")
    }
    guard let hidden = try file.integer(key("embedding_length")),
      let heads = try file.integer(key("attention.head_count")), heads > 0
    else { return }
    let width = try file.integer(key("attention.key_length")) ?? hidden / heads
    for name in ["rope.dimension_count", "attention.value_length"] {
      guard let other = try file.integer(key(name)), other != width else { continue }
      throw wrong(key(name), "\(other) is not the width of a head, \(width), as it must be here")
    }
  }

  /// The stretching of rotary positions: what the metadata say, or Llama 3.1's by its factors.
  private func rotaryScaling() throws -> JSONValue? {
    func key(_ name: String) -> String { "\(prefix).rope.scaling.\(name)" }
    if file.shape(of: Self.factors) != nil { return try llama3Scaling() }
    switch try file.text(key("type")) {
    case nil, "none": return nil
    case "linear":
      guard let factor = try file.number(key("factor")), factor.isFinite else {
        throw wrong(key("factor"), "is missing or no number")
      }
      return ["rope_type": "linear", "factor": .number("\(factor)")]
    case let other?: throw wrong(key("type"), "\(other) is not supported; none and linear are")
    }
  }

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

  // MARK: Weights

  private static let embedding = "token_embd.weight"
  private static let finalNorm = "output_norm.weight"
  private static let output = "output.weight"
  private static let factors = "rope_freqs.weight"
  /// Names below a block; `joined` where the checkpoint keeps one piece.
  private static let block = BlockParts<[String]>(
    inputNorm: ["attn_norm.weight"],
    qkv: ["attn_q.weight", "attn_k.weight", "attn_v.weight"],
    qkvBias: ["attn_q.bias", "attn_k.bias", "attn_v.bias"],
    queryNorm: ["attn_q_norm.weight"],
    keyNorm: ["attn_k_norm.weight"],
    output: ["attn_output.weight"],
    attentionNorm: ["post_attention_norm.weight"],
    middleNorm: ["ffn_norm.weight"],
    feedForward: GatedParts(
      gateUp: ["ffn_gate.weight", "ffn_up.weight"],
      down: ["ffn_down.weight"]
    ),
    feedForwardNorm: ["post_ffw_norm.weight"]
  )
  private static let joined = (qkv: ["attn_qkv.weight"], gateUp: ["ffn_up.weight"])

  /// The weights under the names of Hugging Face's checkpoints.
  ///
  /// - Parameter configuration: What `config()` gives.
  /// - Returns: The weights; queries and keys in the order that the checkpoint had.
  /// - Throws: `ModelError.weight` for a tensor that the architecture does not have.
  func weights(_ configuration: ModelConfiguration) throws -> GGUFWeights {
    let map = configuration.architecture.weights
    var names = [
      map.embedding: Self.embedding, map.finalNorm: Self.finalNorm,
      map.outputEmbedding: Self.output,
    ]
    var heads: [String: Int] = [:]
    let (theirs, ours) = (Self.block, map.block)
    for index in 0..<configuration.layerCount {
      let stem = "\(map.layers)\(index)."
      func add(_ ours: [String]?, _ theirs: [String]?) {
        for (name, path) in zip(ours ?? [], theirs ?? []) {
          names[stem + name] = "blk.\(index).\(path)"
        }
      }
      add(ours.inputNorm, theirs.inputNorm)
      add(ours.qkv, ours.qkv.count == 1 ? Self.joined.qkv : theirs.qkv)
      add(ours.qkvBias, theirs.qkvBias)
      add(ours.queryNorm, theirs.queryNorm)
      add(ours.keyNorm, theirs.keyNorm)
      add(ours.output, theirs.output)
      add(ours.attentionNorm, theirs.attentionNorm)
      add(ours.middleNorm, theirs.middleNorm)
      let gateUp = ours.feedForward?.gateUp
      add(gateUp, gateUp?.count == 1 ? Self.joined.gateUp : theirs.feedForward?.gateUp)
      add(ours.feedForward?.down, theirs.feedForward?.down)
      add(ours.feedForwardNorm, theirs.feedForwardNorm)
      guard configuration.architecture.permutesHeadsInGGUF else { continue }
      for paths in [ours.qkv, ours.qkvBias ?? []] where paths.count > 1 {
        heads[stem + paths[0]] = configuration.headCount
        heads[stem + paths[1]] = configuration.groupCount
      }
    }
    let read = Set(names.values).union([Self.factors])
    if let extra = file.names.first(where: { !read.contains($0) }) {
      throw ModelError.weight(
        file: file.url.path,
        name: extra,
        reason: "is not one of \(prefix)'s as it is computed here"
      )
    }
    return GGUFWeights(file: file, stored: names, heads: heads)
  }
}

/// The weights of a GGUF file under other names.
struct GGUFWeights: WeightsSource {
  let names: [String]
  var metadata: [String: String] { file.metadata }

  private let file: GGUFFile
  private let stored: [String: String]
  private let heads: [String: Int]

  /// Renames weights.
  ///
  /// - Parameters:
  ///   - file: Their file.
  ///   - stored: The names in the file, by the names here.
  ///   - heads: How many heads a weight has whose rows are in llama.cpp's order.
  init(file: GGUFFile, stored: [String: String], heads: [String: Int]) {
    self.file = file
    self.heads = heads
    self.stored = stored.filter { file.shape(of: $0.value) != nil }
    names = self.stored.keys.sorted()
  }

  func shape(of name: String) -> [Int]? { stored[name].flatMap(file.shape) }

  func dtype(of name: String) -> DType? { stored[name].flatMap(file.dtype) }

  /// A weight, with the two halves of a head's rotary pairs one behind the other.
  ///
  /// llama.cpp keeps both numbers of a pair side by side: `[H, K/2, 2]` there, `[H, 2, K/2]` here.
  func tensor(named name: String) throws -> Tensor {
    let tensor = try file.tensor(named: stored[name] ?? name)
    guard let heads = heads[name] else { return tensor }
    let shape = tensor.shape
    guard let rows = shape.first, heads > 0, rows.isMultiple(of: 2 * heads) else { return tensor }
    let pairs = [heads, rows / heads / 2, 2] + shape.dropFirst()
    return try withTensorErrors {
      tensor.reshaped(pairs).transposed(1, 2).contiguous().reshaped(shape)
    }
  }
}
