import AssayTensor

extension Architecture {
  /// Qwen 3, dense: a norm of each head's query and key.
  ///
  /// Source: Qwen Team 2025 (arXiv:2505.09388) section 2; `transformers` `configuration_qwen3.py`,
  /// `modeling_qwen3.py`.
  package static let qwen3 = Architecture(
    modelType: "qwen3",
    className: "Qwen3",
    weights: .standard {
      $0.queryNorm = ["self_attn.q_norm.weight"]
      $0.keyNorm = ["self_attn.k_norm.weight"]
    },
    read: { file, model in
      try model.readShared(file, contextTokens: 32768, groupCount: 32, headWidth: 128)
      try model.readUpperWindow(file)
    },
    members: { $0.upperWindowMembers }
  )
}
