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
      model.options.activation = .gelu
      try model.readShared(
        file,
        contextTokens: 8192,
        groupCount: 4,
        headWidth: 256,
        tiesEmbeddings: true
      )
      try file.refuse("use_bidirectional_attention")
      model.options.normOffset = 1
      model.options.embeddingScale = Double(model.hiddenSize).squareRoot()
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
    members: { model in
      let scale = model.attention.scale ?? 1
      return [
        JSONMember("hidden_activation", .string(model.activationName)),
        JSONMember("final_logit_softcapping", .optional(model.options.logitCap)),
        JSONMember("attn_logit_softcapping", .optional(model.attention.softCap)),
        JSONMember("query_pre_attn_scalar", .optional(1 / (scale * scale))),
        JSONMember("sliding_window", .optional(model.attention.window?.tokens)),
        JSONMember("layer_types", model.layerTypes),
      ]
    },
    gguf: GGUFForm(unsaid: { file in
      // The largest model's scale is that of its stream, as llama.cpp knows by the number of blocks.
      let isLargest = try file.int("num_hidden_layers") == 46
      let stream =
        (try file.int("hidden_size") ?? 0) / max(try file.int("num_attention_heads") ?? 1, 1)
      let width = isLargest ? stream : try file.int("head_dim") ?? 256
      return [JSONMember("query_pre_attn_scalar", .number("\(width)"))]
    })
  )
}
