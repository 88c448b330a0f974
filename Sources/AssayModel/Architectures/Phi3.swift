import AssayBase
import AssayTensor

extension Architecture {
  /// Phi 3, 3.5 and 4: one matrix of queries, keys and values, one of gate and other half; perhaps
  /// LongRoPE, a window, and heads of which a part is rotated.
  ///
  /// Source: Abdin et al. 2024 (arXiv:2404.14219); `transformers` `configuration_phi3.py`,
  /// `modeling_phi3.py`.
  package static let phi3 = Architecture(
    modelType: "phi3",
    className: "Phi3",
    weights: .standard {
      $0.qkv = ["self_attn.qkv_proj.weight"]
      $0.feedForward?.gateUp = ["mlp.gate_up_proj.weight"]
    },
    read: { file, model in
      try model.readShared(
        file,
        contextTokens: 4096,
        normEpsilon: 1e-5,
        takesRotaryShare: true
      )
      model.attention.window = try file.int("sliding_window").map { .init(tokens: $0) }
    },
    members: { model in
      var members = [JSONMember("sliding_window", .optional(model.attention.window?.tokens))]
      if case .longrope(let long)? = model.rotary.scaling {
        members.append(
          JSONMember("original_max_position_embeddings", .optional(long.original))
        )
      }
      return members
    }
  )
}
