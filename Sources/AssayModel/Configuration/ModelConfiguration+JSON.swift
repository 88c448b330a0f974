import AssayBase
import AssayTensor
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
    let file = try file.flattened("text_config").filled(architecture.defaults)
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
    try checkConstants(file)
  }

  /// Reads the keys that all architectures share, and checks the sizes: call this first.
  ///
  /// - Parameters:
  ///   - file: The configuration.
  ///   - contextTokens: The longest sequence, where the file does not say it.
  ///   - groupCount: Key/value heads, where the file does not say them; `nil` is one a query head.
  ///   - headWidth: The width of a head, where the file does not say it; `nil` is that of the residual
  ///     stream divided by the heads.
  ///   - normEpsilon: Added in norms, where the file does not say it.
  ///   - tiesEmbeddings: Whether embeddings are tied, where the file does not say it.
  ///   - rotaryBase: The base of rotary frequencies, where the file does not say it.
  ///   - windowRotaryBase: That of blocks with a window, likewise; `nil` is the same in all blocks.
  ///   - takesRotaryShare: Whether a part of each head may be rotated.
  ///   - takesGELU: Whether the file's `gelu` is the architecture's own form of it.
  /// - Throws: `ModelError.configuration` for a key that is wrong or not supported.
  mutating func readShared(
    _ file: ConfigFile,
    contextTokens: Int,
    groupCount: Int? = nil,
    headWidth: Int? = nil,
    normEpsilon: Double = 1e-6,
    tiesEmbeddings: Bool = false,
    rotaryBase: Double = 10000,
    windowRotaryBase: Double? = nil,
    takesRotaryShare: Bool = false,
    takesGELU: Bool = false
  ) throws {
    self.groupCount = try file.int("num_key_value_heads") ?? groupCount ?? headCount
    self.headWidth = try file.int("head_dim") ?? headWidth ?? self.headWidth
    let context = try file.int("max_position_embeddings") ?? contextTokens
    self.contextTokens = context
    try checkSizes(file)
    rotary = try Rotary(
      file,
      base: rotaryBase,
      windowBase: windowRotaryBase,
      contextTokens: context,
      takesShare: takesRotaryShare,
      width: self.headWidth
    )
    // Longer texts are read with other frequencies, and so all at once alone.
    if case .longrope(let long)? = rotary.scaling {
      self.contextTokens = min(context, long.original)
    }
    options.normEpsilon = try file.double("rms_norm_eps") ?? normEpsilon
    for key in ["attention_bias", "mlp_bias"] { try file.refuse(key) }
    // Safe-RLHF's score models, which alone have a `score_dim`, mean their head by this key.
    if !file.has("score_dim") { try file.refuse("bias") }
    for key in ["hidden_activation", "hidden_act"] {
      guard let name = try file.string(key) else { continue }
      if takesGELU && name == "gelu" { break }
      guard let activation = Self.activations.first(where: { $0.name == name }) else {
        let known = Self.activations.map(\.name).joined(separator: " and ")
        throw file.wrong(key, "\(name) is not supported; \(known) are")
      }
      options.activation = activation.value
      break
    }
    self.tiesEmbeddings = try file.bool("tie_word_embeddings") ?? tiesEmbeddings
    initializerRange = try file.double("initializer_range") ?? 0.02
    padTokenID = try file.int("pad_token_id")
    beginTokenID = try file.int("bos_token_id")
    endTokenIDs = try file.ints("eos_token_id") ?? []
  }

  private static let activations: [(name: String, value: GateActivation)] = [
    ("silu", .silu), ("gelu_pytorch_tanh", .gelu),
  ]

  /// Reads the window of the upper blocks, from `max_window_layers` on or by `layer_types`.
  ///
  /// - Parameters:
  ///   - file: A model's configuration.
  ///   - block: The first block with a window, of an architecture whose file does not say it.
  /// - Throws: `ModelError.configuration` for a key of another type.
  mutating func readUpperWindow(_ file: ConfigFile, from block: Int? = nil) throws {
    guard try file.bool("use_sliding_window") == true, let tokens = try file.int("sliding_window")
    else { return }
    let first = try block ?? file.int("max_window_layers") ?? 28
    let layers = try windowLayers(file) ?? (0..<layerCount).map { $0 >= first }
    attention.window = .init(tokens: tokens, layers: layers)
  }

  /// Which blocks have a window by `layer_types`; `nil` where the file does not say.
  func windowLayers(_ file: ConfigFile) throws -> [Bool]? {
    guard let types = try file.strings("layer_types") else { return nil }
    guard types.count == layerCount else {
      throw file.wrong("layer_types", "has not one for each of the \(layerCount) layers")
    }
    return types.map { $0 == "sliding_attention" }
  }

  /// `layer_types` of the window.
  var layerTypes: JSONValue {
    let layers =
      attention.window?.layers ?? Array(repeating: attention.window != nil, count: layerCount)
    return .array(layers.map { .string($0 ? "sliding_attention" : "full_attention") })
  }

  /// The keys that say such a window.
  var upperWindowMembers: [JSONMember] {
    guard let window = attention.window else { return [JSONMember("use_sliding_window", false)] }
    let layers = window.layers ?? Array(repeating: true, count: layerCount)
    return [
      JSONMember("use_sliding_window", true),
      JSONMember("sliding_window", .number("\(window.tokens)")),
      JSONMember("max_window_layers", .number("\(layers.firstIndex(of: true) ?? layerCount)")),
      JSONMember("layer_types", layerTypes),
    ]
  }

  /// How `config.json` calls the activation.
  var activationName: String {
    Self.activations.first { $0.value == options.activation }?.name ?? ""
  }

  /// The contents of a `config.json` that `transformers` loads.
  ///
  /// - Parameters:
  ///   - labels: How many labels a sequence classifier has; 0 of a language model.
  ///   - dtype: The type of the stored weights, such as `float32`.
  /// - Returns: JSON text.
  package func json(labels: Int, dtype: String) -> Data {
    let isClassifier = labels > 0
    func number(_ value: some Numeric) -> JSONValue { .number("\(value)") }
    let name =
      isClassifier
      ? (architecture.classifierName ?? architecture.className) + "ForSequenceClassification"
      : architecture.className + "ForCausalLM"
    var members: [JSONMember] = [
      JSONMember("architectures", [.string(name)]),
      JSONMember("model_type", .string(architecture.modelType)),
      JSONMember("hidden_size", number(hiddenSize)),
      JSONMember("num_hidden_layers", number(layerCount)),
      JSONMember("num_attention_heads", number(headCount)),
      JSONMember("num_key_value_heads", number(groupCount)),
      JSONMember("head_dim", number(headWidth)),
      JSONMember("intermediate_size", number(feedForwardSize)),
      JSONMember("vocab_size", number(vocabularySize)),
      JSONMember("max_position_embeddings", number(rotary.extendedContext ?? contextTokens)),
      JSONMember("rms_norm_eps", number(options.normEpsilon)),
      JSONMember("attention_bias", false),
      JSONMember("hidden_act", .string(activationName)),
      JSONMember("tie_word_embeddings", .bool(tiesEmbeddings)),
      JSONMember("initializer_range", number(initializerRange)),
      JSONMember("dtype", .string(dtype)),
      JSONMember("use_cache", .bool(!isClassifier)),
    ]
    if encoder == nil {
      members += rotary.members
    } else {
      members.removeAll(where: \.isOfDecoders)
    }
    members += architecture.members(self)
    if let padTokenID { members.append(JSONMember("pad_token_id", number(padTokenID))) }
    if let beginTokenID { members.append(JSONMember("bos_token_id", number(beginTokenID))) }
    if let first = endTokenIDs.first {
      let ids = endTokenIDs.count == 1 ? number(first) : .array(endTokenIDs.map { number($0) })
      members.append(JSONMember("eos_token_id", ids))
    }
    if isClassifier {
      let names = (0..<labels).map { (number: $0, name: "LABEL_\($0)") }
      members += [
        JSONMember(
          "id2label",
          .object(names.map { JSONMember("\($0.number)", .string($0.name)) })
        ),
        JSONMember("label2id", .object(names.map { JSONMember($0.name, .number("\($0.number)")) })),
      ]
    }
    return Data((JSONValue.object(members.sorted { $0.key < $1.key }).pretty + "\n").utf8)
  }
}

extension JSONMember {
  /// Whether it says what only decoders have.
  fileprivate var isOfDecoders: Bool {
    [
      "num_key_value_heads", "head_dim", "rms_norm_eps", "attention_bias", "hidden_act",
      "tie_word_embeddings", "use_cache",
    ].contains(key)
  }
}
