import AssayBase
import AssayTensor

extension Architecture {
  /// Gemma 3's language model: Gemma 2's norms with those of each head's query and key in place of
  /// caps; five blocks of six have a window and a rotary base of their own.
  ///
  /// The text part of a folder that also reads images is read, and saved as a language model.
  ///
  /// Source: Gemma Team 2025 (arXiv:2503.19786) section 2; `transformers` `configuration_gemma3.py`,
  /// `modeling_gemma3.py`.
  package static let gemma3 = Architecture(
    modelType: "gemma3_text",
    className: "Gemma3",
    classifierName: "Gemma3Text",
    wrapperType: "gemma3",
    weights: .standard {
      $0.queryNorm = ["self_attn.q_norm.weight"]
      $0.keyNorm = ["self_attn.k_norm.weight"]
      $0.attentionNorm = ["post_attention_layernorm.weight"]
      $0.middleNorm = ["pre_feedforward_layernorm.weight"]
      $0.feedForwardNorm = ["post_feedforward_layernorm.weight"]
    },
    // Released files leave out what is so.
    defaults: [
      JSONMember("hidden_size", 2304), JSONMember("num_hidden_layers", 26),
      JSONMember("num_attention_heads", 8), JSONMember("intermediate_size", 9216),
      JSONMember("vocab_size", 262208),
    ],
    read: { file, model in
      try model.readGemma(file)
      try model.readShared(
        file,
        contextTokens: 131072,
        groupCount: 4,
        headWidth: 256,
        tiesEmbeddings: true,
        rotaryBase: 1_000_000,
        windowRotaryBase: 10000
      )
      model.options.logitCap = try file.double("final_logit_softcapping")
      model.attention.softCap = try file.double("attn_logit_softcapping")
      model.attention.scale = 1 / (try file.double("query_pre_attn_scalar") ?? 256).squareRoot()
      let pattern = try file.int("sliding_window_pattern") ?? 6
      try file.require(pattern > 0, "sliding_window_pattern", "\(pattern) is not above 0")
      model.attention.window = .init(
        tokens: try file.int("sliding_window") ?? 4096,
        layers: try model.windowLayers(file)
          ?? (0..<model.layerCount).map { ($0 + 1) % pattern != 0 }
      )
    },
    members: \.gemmaMembers,
    // llama.cpp knows the largest by the number of blocks.
    gguf: GGUFForm(name: "gemma3", unsaid: { [try $0.gemmaScale(layersOfLargest: 62)] })
  )
}
