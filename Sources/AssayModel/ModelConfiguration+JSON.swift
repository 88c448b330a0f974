import AssayBase
import Foundation

extension ModelConfiguration {
  /// Reads a `config.json`.
  ///
  /// - Parameter url: The file.
  /// - Throws: `ModelError` naming the key that is missing, wrong or not supported.
  package init(contentsOf url: URL) throws {
    try self.init(ConfigFile(contentsOf: url))
  }

  /// Reads a configuration with the architecture that it names.
  init(_ file: ConfigFile) throws {
    let architecture = try Architecture.named(in: file)
    func need(_ key: String) throws -> Int { try file.need(file.int(key), key) }
    self.init(
      architecture,
      hiddenSize: try need("hidden_size"),
      layerCount: try need("num_hidden_layers"),
      headCount: try need("num_attention_heads"),
      feedForwardSize: try need("intermediate_size"),
      vocabularySize: try need("vocab_size")
    )
    try architecture.read(file, &self)
    try validate(file: file.path)
  }

  /// Reads the keys that all architectures share.
  ///
  /// - Parameters:
  ///   - file: The configuration.
  ///   - contextTokens: The longest sequence, where the file does not say it.
  ///   - groupCount: Key/value heads, where the file does not say them; `nil` is one a query head.
  ///   - headWidth: The width of a head, where the file does not say it; `nil` is that of the residual
  ///     stream divided by the heads.
  /// - Throws: `ModelError.configuration` for a key that is wrong or not supported.
  mutating func readShared(
    _ file: ConfigFile,
    contextTokens: Int,
    groupCount: Int? = nil,
    headWidth: Int? = nil
  ) throws {
    self.groupCount = try file.int("num_key_value_heads") ?? groupCount ?? headCount
    self.headWidth = try file.int("head_dim") ?? headWidth ?? self.headWidth
    self.contextTokens = try file.int("max_position_embeddings") ?? contextTokens
    rotary = try Rotary(file)
    normEpsilon = try file.double("rms_norm_eps") ?? 1e-6
    try file.refuse("mlp_bias")
    if let activation = try file.string("hidden_act"), activation != "silu" {
      throw file.wrong("hidden_act", "\(activation) is not supported; silu is")
    }
    tiesEmbeddings = try file.bool("tie_word_embeddings") ?? false
    initializerRange = try file.double("initializer_range") ?? 0.02
    padTokenID = try file.int("pad_token_id")
    beginTokenID = try file.int("bos_token_id")
    endTokenIDs = try file.ints("eos_token_id") ?? []
  }

  /// Reads the window of the upper blocks, from `max_window_layers` on or by `layer_types`.
  mutating func readUpperWindow(_ file: ConfigFile) throws {
    guard try file.bool("use_sliding_window") == true, let tokens = try file.int("sliding_window")
    else { return }
    let first = try file.int("max_window_layers") ?? 28
    let types = try file.strings("layer_types")
    guard types.map({ $0.count == layerCount }) ?? true else {
      throw file.wrong("layer_types", "has not one for each of the \(layerCount) layers")
    }
    let layers = types.map { $0.map { $0 == "sliding_attention" } }
    attention.window = .init(tokens: tokens, layers: layers ?? (0..<layerCount).map { $0 >= first })
  }

  /// The keys that say such a window.
  var upperWindowMembers: [JSONMember] {
    guard let window = attention.window else { return [JSONMember("use_sliding_window", false)] }
    let layers = window.layers ?? Array(repeating: true, count: layerCount)
    return [
      JSONMember("use_sliding_window", true),
      JSONMember("sliding_window", .number("\(window.tokens)")),
      JSONMember("max_window_layers", .number("\(layers.firstIndex(of: true) ?? layerCount)")),
      JSONMember(
        "layer_types",
        .array(layers.map { .string($0 ? "sliding_attention" : "full_attention") })
      ),
    ]
  }

  /// The contents of a `config.json` that `transformers` loads.
  ///
  /// - Parameters:
  ///   - isClassifier: Whether the folder is a one-label sequence classifier.
  ///   - dtype: The type of the stored weights, such as `float32`.
  /// - Returns: JSON text.
  package func json(isClassifier: Bool, dtype: String) -> Data {
    func number(_ value: some Numeric) -> JSONValue { .number("\(value)") }
    let kind = isClassifier ? "ForSequenceClassification" : "ForCausalLM"
    var members: [JSONMember] = [
      JSONMember("architectures", [.string(architecture.className + kind)]),
      JSONMember("model_type", .string(architecture.modelType)),
      JSONMember("hidden_size", number(hiddenSize)),
      JSONMember("num_hidden_layers", number(layerCount)),
      JSONMember("num_attention_heads", number(headCount)),
      JSONMember("num_key_value_heads", number(groupCount)),
      JSONMember("head_dim", number(headWidth)),
      JSONMember("intermediate_size", number(feedForwardSize)),
      JSONMember("vocab_size", number(vocabularySize)),
      JSONMember("max_position_embeddings", number(contextTokens)),
      JSONMember("rms_norm_eps", number(normEpsilon)),
      JSONMember("attention_bias", false),
      JSONMember("hidden_act", "silu"),
      JSONMember("tie_word_embeddings", .bool(tiesEmbeddings)),
      JSONMember("initializer_range", number(initializerRange)),
      JSONMember("dtype", .string(dtype)),
      JSONMember("use_cache", .bool(!isClassifier)),
    ]
    members += rotary.members + architecture.members(self)
    if let padTokenID { members.append(JSONMember("pad_token_id", number(padTokenID))) }
    if let beginTokenID { members.append(JSONMember("bos_token_id", number(beginTokenID))) }
    if let first = endTokenIDs.first {
      let ids = endTokenIDs.count == 1 ? number(first) : .array(endTokenIDs.map { number($0) })
      members.append(JSONMember("eos_token_id", ids))
    }
    if isClassifier {
      members += [
        JSONMember("id2label", ["0": "LABEL_0"]), JSONMember("label2id", ["LABEL_0": 0]),
      ]
    }
    return Data((JSONValue.object(members.sorted { $0.key < $1.key }).pretty + "\n").utf8)
  }
}
