import AssayBase
import AssayText
import Foundation

extension ModelConfiguration {
  /// The keys of `config.json` that are read and written.
  struct File: Codable {
    struct Rotary: Codable {
      var rope_type: String?
      var type: String?
      var rope_theta: Double?
      var factor: Double?
      var low_freq_factor: Double?
      var high_freq_factor: Double?
      var original_max_position_embeddings: Int?
      var partial_rotary_factor: Double?
    }
    enum OneOrMany: Codable {
      case many([Int])
      init(from decoder: any Swift.Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let one = try? container.decode(Int.self) {
          self = .many([one])
        } else {
          self = .many(try container.decode([Int].self))
        }
      }
      func encode(to encoder: any Swift.Encoder) throws {
        guard case .many(let ids) = self else { return }
        var container = encoder.singleValueContainer()
        if ids.count == 1 { try container.encode(ids[0]) } else { try container.encode(ids) }
      }
    }
    var architectures: [String]?
    var model_type: String?
    var hidden_size: Int?
    var num_hidden_layers: Int?
    var num_attention_heads: Int?
    var num_key_value_heads: Int?
    var head_dim: Int?
    var intermediate_size: Int?
    var vocab_size: Int?
    var max_position_embeddings: Int?
    var rope_theta: Double?
    var rope_scaling: Rotary?
    var rope_parameters: Rotary?
    var rms_norm_eps: Double?
    var attention_bias: Bool?
    var mlp_bias: Bool?
    var use_sliding_window: Bool?
    var hidden_act: String?
    var tie_word_embeddings: Bool?
    var initializer_range: Double?
    var pad_token_id: Int?
    var bos_token_id: Int?
    var eos_token_id: OneOrMany?
    var id2label: [String: String]?
    var label2id: [String: Int]?
    var dtype: String?
    var use_cache: Bool?
    var problem_type: String?
    // CLoud's released layout names another folder for the sizes.
    var feedback_method: String?
    var base_model_name_or_path: String?
  }

  /// Reads a `config.json`.
  ///
  /// - Parameter url: The file.
  /// - Throws: `ModelError` naming the key that is missing, wrong or not supported.
  package init(contentsOf url: URL) throws {
    try self.init(file: Self.readFile(url), path: url.path)
  }

  static func readFile(_ url: URL) throws -> File {
    guard let data = try? Data(contentsOf: url) else {
      throw ModelError.notFound(path: url.path, hint: "a model folder holds config.json")
    }
    do {
      return try JSONDecoder().decode(File.self, from: data)
    } catch DecodingError.typeMismatch(_, let context) where !context.codingPath.isEmpty,
      DecodingError.valueNotFound(_, let context) where !context.codingPath.isEmpty,
      DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty
    {
      let key = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw ModelError.configuration(file: url.path, key: key, reason: "has the wrong type")
    } catch {
      // Foundation does not name the key of a number that its type does not hold.
      let key = (try? JSONValue(parsing: Array(data)))?.members?.first { member in
        let alone = Data(JSONValue.object([member]).pretty.utf8)
        return (try? JSONDecoder().decode(File.self, from: alone)) == nil
      }?.key
      throw ModelError.configuration(
        file: url.path,
        key: key ?? "file",
        reason: key == nil ? "is not a JSON object" : "has a number that does not fit"
      )
    }
  }

  init(file: File, path: String) throws {
    func wrong(_ key: String, _ reason: String) -> ModelError {
      .configuration(file: path, key: key, reason: reason)
    }
    func need<Value>(_ value: Value?, _ key: String) throws -> Value {
      guard let value else { throw wrong(key, "is missing") }
      return value
    }
    let type = try need(file.model_type, "model_type")
    guard let family = Family(rawValue: type) else {
      throw wrong("model_type", "\(type) is not supported; llama and qwen2 are")
    }
    let heads = try need(file.num_attention_heads, "num_attention_heads")
    self.init(
      hiddenSize: try need(file.hidden_size, "hidden_size"),
      layerCount: try need(file.num_hidden_layers, "num_hidden_layers"),
      headCount: heads,
      groupCount: file.num_key_value_heads,
      feedForwardSize: try need(file.intermediate_size, "intermediate_size"),
      vocabularySize: try need(file.vocab_size, "vocab_size")
    )
    self.family = family
    headWidth = file.head_dim ?? (heads > 0 ? hiddenSize / heads : 0)
    contextTokens = file.max_position_embeddings ?? (family == .llama ? 2048 : 32768)
    let rotary = file.rope_parameters ?? file.rope_scaling
    rotaryBase = file.rope_parameters?.rope_theta ?? file.rope_theta ?? 10000
    switch rotary?.rope_type ?? rotary?.type ?? "default" {
    case "default": rotaryScaling = nil
    case "linear": rotaryScaling = .linear(factor: try need(rotary?.factor, "rope_scaling.factor"))
    case "llama3":
      rotaryScaling = .llama3(
        factor: try need(rotary?.factor, "rope_scaling.factor"),
        low: try need(rotary?.low_freq_factor, "rope_scaling.low_freq_factor"),
        high: try need(rotary?.high_freq_factor, "rope_scaling.high_freq_factor"),
        original: try need(
          rotary?.original_max_position_embeddings,
          "rope_scaling.original_max_position_embeddings"
        )
      )
    case let other: throw wrong("rope_scaling", "type \(other) is not supported")
    }
    if let part = rotary?.partial_rotary_factor, part != 1 {
      throw wrong("rope_parameters", "partial_rotary_factor \(part) is not supported")
    }
    normEpsilon = file.rms_norm_eps ?? 1e-6
    hasAttentionBias = family == .qwen2
    if family == .llama, file.attention_bias == true {
      throw wrong("attention_bias", "true is not supported for llama (its output has a bias too)")
    }
    if file.mlp_bias == true { throw wrong("mlp_bias", "true is not supported") }
    if file.use_sliding_window == true { throw wrong("use_sliding_window", "is not supported") }
    if let act = file.hidden_act, act != "silu" {
      throw wrong("hidden_act", "\(act) is not supported; silu is")
    }
    tiesEmbeddings = file.tie_word_embeddings ?? false
    initializerRange = file.initializer_range ?? 0.02
    padTokenID = file.pad_token_id
    beginTokenID = file.bos_token_id
    if case .many(let ids)? = file.eos_token_id { endTokenIDs = ids }
    try validate(file: path)
  }

  /// The contents of a `config.json` that `transformers` loads.
  ///
  /// - Parameters:
  ///   - isClassifier: Whether the folder is a one-label sequence classifier.
  ///   - dtype: The type of the stored weights, such as `float32`.
  /// - Returns: JSON text.
  /// - Throws: What the encoder throws.
  package func json(isClassifier: Bool, dtype: String) throws -> Data {
    var file = File()
    let name = family == .llama ? "Llama" : "Qwen2"
    file.architectures = [name + (isClassifier ? "ForSequenceClassification" : "ForCausalLM")]
    file.model_type = family.rawValue
    file.hidden_size = hiddenSize
    file.num_hidden_layers = layerCount
    file.num_attention_heads = headCount
    file.num_key_value_heads = groupCount
    if family == .llama || headWidth != hiddenSize / headCount { file.head_dim = headWidth }
    file.intermediate_size = feedForwardSize
    file.vocab_size = vocabularySize
    file.max_position_embeddings = contextTokens
    file.rope_theta = rotaryBase
    var rotary = File.Rotary(rope_type: "default", rope_theta: rotaryBase)
    switch rotaryScaling {
    case nil: break
    case .linear(let factor)?:
      rotary.rope_type = "linear"
      rotary.factor = factor
    case .llama3(let factor, let low, let high, let original)?:
      rotary.rope_type = "llama3"
      rotary.factor = factor
      rotary.low_freq_factor = low
      rotary.high_freq_factor = high
      rotary.original_max_position_embeddings = original
    }
    file.rope_parameters = rotary
    if rotaryScaling != nil { file.rope_scaling = rotary }
    file.rms_norm_eps = normEpsilon
    if family == .llama { file.attention_bias = false }
    file.hidden_act = "silu"
    file.tie_word_embeddings = tiesEmbeddings
    file.initializer_range = initializerRange
    file.pad_token_id = padTokenID
    file.bos_token_id = beginTokenID
    file.eos_token_id = endTokenIDs.isEmpty ? nil : .many(endTokenIDs)
    if isClassifier {
      file.id2label = ["0": "LABEL_0"]
      file.label2id = ["LABEL_0": 0]
    }
    file.dtype = dtype
    file.use_cache = !isClassifier
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(file)
  }
}
