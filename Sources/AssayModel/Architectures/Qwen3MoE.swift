import AssayBase
import AssayTensor

extension Architecture {
  /// Qwen 3 with experts: in place of the feed-forward part of each block, or of some.
  ///
  /// Source: Qwen Team 2025 (arXiv:2505.09388) section 2; `transformers` `configuration_qwen3_moe.py`,
  /// `modeling_qwen3_moe.py`; the released checkpoints' names.
  package static let qwen3MoE = Architecture(
    modelType: "qwen3_moe",
    className: "Qwen3Moe",
    weights: .standard {
      $0.queryNorm = ["self_attn.q_norm.weight"]
      $0.keyNorm = ["self_attn.k_norm.weight"]
      $0.router = ["mlp.gate.weight"]
      $0.experts = [
        GatedParts(
          gateUp: ["gate", "up"].map { "mlp.experts.#.\($0)_proj.weight" },
          down: ["mlp.experts.#.down_proj.weight"]
        )
      ]
    },
    read: { file, model in
      try model.readShared(file, contextTokens: 32768, groupCount: 4)
      try model.readUpperWindow(file, from: 0)
      var experts = try Experts(
        file,
        countKey: file.has("num_experts") ? "num_experts" : "num_local_experts",
        widthKey: "moe_intermediate_size",
        normalizesShares: try file.bool("norm_topk_prob") ?? false
      )
      let step = try file.int("decoder_sparse_step") ?? 1
      try file.require(step > 0, "decoder_sparse_step", "\(step) is not above 0")
      let skipped = (0..<model.layerCount).filter { ($0 + 1) % step != 0 }
      experts.denseLayers = Set(try file.ints("mlp_only_layers") ?? []).union(skipped)
      model.experts = experts
    },
    members: { model in
      let dense = model.experts?.denseLayers.sorted() ?? []
      return model.upperWindowMembers + [
        JSONMember("num_experts", .optional(model.experts?.count)),
        JSONMember("num_experts_per_tok", .optional(model.experts?.perToken)),
        JSONMember("moe_intermediate_size", .optional(model.experts?.width)),
        JSONMember("norm_topk_prob", .bool(model.experts?.normalizesShares == true)),
        JSONMember("decoder_sparse_step", 1),
        JSONMember("mlp_only_layers", .array(dense.map { .number("\($0)") })),
      ]
    },
    gguf: GGUFForm(unsaid: { _ in [JSONMember("norm_topk_prob", true)] })
  )
}
