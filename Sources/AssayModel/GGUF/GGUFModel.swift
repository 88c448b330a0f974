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
  static let sizes = [
    "block_count": "num_hidden_layers", "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size", "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads", "attention.key_length": "head_dim",
    "attention.sliding_window": "sliding_window",
    "attention.sliding_window_pattern": "sliding_window_pattern",
    "expert_count": "num_local_experts", "expert_used_count": "num_experts_per_tok",
    "expert_feed_forward_length": "moe_intermediate_size",
  ]
  /// Those of them that a file may lack.
  private static let optional: Set = [
    "attention.head_count_kv", "attention.key_length", "attention.sliding_window",
    "attention.sliding_window_pattern", "expert_count", "expert_used_count",
    "expert_feed_forward_length",
  ]
  /// Numbers by key, likewise.
  static let numbers = [
    "attention.layer_norm_rms_epsilon": "rms_norm_eps", "rope.freq_base": "rope_theta",
    "rope.freq_base_swa": "rope_local_base_freq",
    "attn_logit_softcapping": "attn_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping", "embedding_scale": "embedding_multiplier",
    "residual_scale": "residual_multiplier", "attention.scale": "attention_multiplier",
    "logit_scale": "logits_scaling",
  ]
  /// Keys that are checked, or say nothing that is not said elsewhere.
  private static let others: Set<String> = [
    "vocab_size", "rope.dimension_count", "attention.value_length", "rope.scaling.type",
    "rope.scaling.factor", "rope.scaling.finetuned", "rope.scaling.original_context_length",
    "rope.scaling.attn_factor", "attention.causal",
  ]

  /// The metadata as a `config.json`.
  ///
  /// - Returns: The keys that the architecture reads.
  /// - Throws: `ModelError` or `TensorError` for a key that is missing, of another type, or not
  ///   known: what it says would not be computed.
  func config() throws -> ConfigFile {
    let architecture = try architecture()
    let type = architecture.gguf.modelType ?? architecture.modelType
    var members = [JSONMember("model_type", .string(type))]
    for key in file.values.keys.sorted() where key.hasPrefix(prefix + ".") {
      let name = String(key.dropFirst(prefix.count + 1))
      if let target = Self.sizes[name], let value = try file.integer(key) {
        // Zero is none, of what may be lacking.
        guard value != 0 || !Self.optional.contains(name) else { continue }
        members.append(JSONMember(target, .number("\(value)")))
      } else if let target = Self.numbers[name], let value = try file.number(key) {
        guard value.isFinite else { throw wrong(key, "\(value) is not a finite number") }
        members.append(JSONMember(target, .number("\(value)")))
      } else if !Self.others.contains(name) {
        throw wrong(key, "is a setting that is not known, so the model would be computed otherwise")
      }
    }
    for (key, target) in Self.sizes where !members.contains(where: { $0.key == target }) {
      guard Self.optional.contains(key) else {
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
    members += try widths()
    let config = ConfigFile(path: file.url.path, document: .object(members))
    return config.filled(try architecture.gguf.unsaid(config))
  }

  /// The architecture of the file: the same word, but for marks between its parts.
  private func architecture() throws -> Architecture {
    func bare(_ word: String) -> String { word.filter { $0.isLetter || $0.isNumber } }
    let named = Architecture.all.filter { bare($0.gguf.name ?? $0.modelType) == bare(prefix) }
    let experts = try file.integer("\(prefix).expert_count") ?? 0
    let found = named.first { $0.weights.block.experts.isEmpty == (experts == 0) }
    if let found { return found }
    guard named.isEmpty else {
      throw wrong("\(prefix).expert_count", "\(experts) experts are not supported in a \(prefix)")
    }
    let known = Set(Architecture.all.map { $0.gguf.name ?? bare($0.modelType) }).sorted()
    throw wrong(
      "general.architecture",
      "\(prefix) is not supported; known are \(known.joined(separator: ", "))"
    )
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

  /// Checks the widths of heads; gives the share that is rotated where that is not all.
  private func widths() throws -> [JSONMember] {
    func key(_ name: String) -> String { "\(prefix).\(name)" }
    if let causal = try file.flag(key("attention.causal")), !causal {
      throw wrong(key("attention.causal"), "false is not supported")
    }
    guard let hidden = try file.integer(key("embedding_length")),
      let heads = try file.integer(key("attention.head_count")), heads > 0
    else { return [] }
    let width = try file.integer(key("attention.key_length")) ?? hidden / heads
    if let other = try file.integer(key("attention.value_length")), other != width {
      throw wrong(
        key("attention.value_length"),
        "\(other) is not the width of a head, \(width), as it must be here"
      )
    }
    guard let rotated = try file.integer(key("rope.dimension_count")), rotated != width else {
      return []
    }
    guard rotated > 0 && rotated < width else {
      throw wrong(
        key("rope.dimension_count"),
        "\(rotated) is not a part of a head's width, \(width)"
      )
    }
    return [JSONMember("partial_rotary_factor", .number("\(Double(rotated) / Double(width))"))]
  }
}
