import AssayBase
import AssayTensor

extension Architecture {
  /// Gemma 2: norms of `1 + w` before and behind each part, bounded attention scores and logits, a
  /// window in every second block.
  ///
  /// Source: Gemma Team 2024 (arXiv:2408.00118) section 2; `transformers` `configuration_gemma2.py`,
  /// `modeling_gemma2.py`.
  package static let gemma2 = Architecture(
    modelType: "gemma2",
    className: "Gemma2",
    weights: .standard {
      $0.attentionNorm = ["post_attention_layernorm.weight"]
      $0.middleNorm = ["pre_feedforward_layernorm.weight"]
      $0.feedForwardNorm = ["post_feedforward_layernorm.weight"]
    },
    read: { file, model in
      try model.readGemma(file)
      try model.readShared(
        file,
        contextTokens: 8192,
        groupCount: 4,
        headWidth: 256,
        tiesEmbeddings: true
      )
      model.options.logitCap =
        file.has("final_logit_softcapping")
        ? try file.double("final_logit_softcapping") : 30
      model.attention.softCap =
        file.has("attn_logit_softcapping")
        ? try file.double("attn_logit_softcapping") : 50
      model.attention.scale = 1 / (try file.double("query_pre_attn_scalar") ?? 256).squareRoot()
      let layers = (0..<model.layerCount).map { $0 % 2 == 0 }
      model.attention.window = .init(
        tokens: try file.int("sliding_window") ?? 4096,
        layers: try model.windowLayers(file) ?? layers
      )
    },
    members: \.gemmaMembers,
    // llama.cpp knows the largest by the number of blocks.
    gguf: GGUFForm(unsaid: { [try $0.gemmaScale(layersOfLargest: 46)] })
  )
}

extension ModelConfiguration {
  /// Sets what all Gemmas have in common, before what all architectures share is read.
  mutating func readGemma(_ file: ConfigFile) throws {
    try file.refuse("use_bidirectional_attention")
    options.activation = .gelu
    options.normOffset = 1
    options.embeddingScale = Double(hiddenSize).squareRoot()
  }

  /// The keys that Gemma 2 and those behind it add.
  var gemmaMembers: [JSONMember] {
    let scale = attention.scale ?? 1
    return [
      JSONMember("hidden_activation", .string(activationName)),
      JSONMember("final_logit_softcapping", .optional(options.logitCap)),
      JSONMember("attn_logit_softcapping", .optional(attention.softCap)),
      JSONMember("query_pre_attn_scalar", .optional(1 / (scale * scale))),
      JSONMember("sliding_window", .optional(attention.window?.tokens)),
      JSONMember("layer_types", layerTypes),
    ]
  }
}

extension ConfigFile {
  /// What a Gemma's queries are scaled by, which GGUF files do not say: the width of a head, but of
  /// the largest model that of its stream's share.
  func gemmaScale(layersOfLargest layers: Int) throws -> JSONMember {
    let stream = (try int("hidden_size") ?? 0) / max(try int("num_attention_heads") ?? 1, 1)
    let isLargest = try int("num_hidden_layers") == layers
    let width = isLargest ? stream : try int("head_dim") ?? 256
    return JSONMember("query_pre_attn_scalar", .number("\(width)"))
  }
}
