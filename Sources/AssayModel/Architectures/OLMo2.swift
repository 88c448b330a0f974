import AssayTensor

extension Architecture {
  /// OLMo 2: norms behind each part and none before it, norms of all queries and of all keys.
  ///
  /// Source: Team OLMo 2024 (arXiv:2501.00656) section 2; `transformers` `configuration_olmo2.py`,
  /// `modeling_olmo2.py`.
  package static let olmo2 = Architecture(
    modelType: "olmo2",
    className: "Olmo2",
    weights: {
      var map = WeightMap.standard {
        $0.inputNorm = nil
        $0.queryNorm = ["self_attn.q_norm.weight"]
        $0.keyNorm = ["self_attn.k_norm.weight"]
        $0.attentionNorm = ["post_attention_layernorm.weight"]
        $0.middleNorm = nil
        $0.feedForwardNorm = ["post_feedforward_layernorm.weight"]
      }
      map.normsHeadsTogether = true
      return map
    }(),
    read: { file, model in
      try model.readShared(file, contextTokens: 2048, normEpsilon: 1e-5)
    },
    members: { _ in [] }
  )
}
