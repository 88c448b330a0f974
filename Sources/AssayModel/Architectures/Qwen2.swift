import AssayTensor

extension Architecture {
  /// Qwen 2 and 2.5: biases on queries, keys and values.
  ///
  /// Source: Yang et al. 2024 (arXiv:2407.10671); `transformers` `configuration_qwen2.py`,
  /// `modeling_qwen2.py`.
  package static let qwen2 = Architecture(
    modelType: "qwen2",
    className: "Qwen2",
    weights: .standard {
      $0.qkvBias = ["self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias"]
    },
    read: { file, model in
      try model.readShared(file, contextTokens: 32768, groupCount: 32)
      try model.readUpperWindow(file)
    },
    members: { $0.upperWindowMembers }
  )
}
