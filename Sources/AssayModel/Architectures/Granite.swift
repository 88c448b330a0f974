import AssayBase
import AssayTensor

extension Architecture {
  /// Granite 3: Llama with multipliers of embeddings, attention, residual stream and logits.
  ///
  /// Source: `transformers` `configuration_granite.py`, `modeling_granite.py`; IBM Granite Team 2024,
  /// "Granite 3.0 language models".
  package static let granite = Architecture(
    modelType: "granite",
    className: "Granite",
    weights: .standard(),
    read: { file, model in
      try model.readShared(file, contextTokens: 2048)
      model.options.embeddingScale = try file.double("embedding_multiplier") ?? 1
      model.options.residualScale = try file.double("residual_multiplier") ?? 1
      model.options.logitScale = 1 / (try file.double("logits_scaling") ?? 1)
      model.attention.scale = try file.double("attention_multiplier") ?? 1
    },
    members: { model in
      [
        JSONMember("embedding_multiplier", .optional(model.options.embeddingScale)),
        JSONMember("residual_multiplier", .optional(model.options.residualScale)),
        JSONMember("logits_scaling", .optional(1 / model.options.logitScale)),
        JSONMember("attention_multiplier", .optional(model.attention.scale)),
      ]
    },
    gguf: GGUFForm(permutesHeads: true)
  )
}
