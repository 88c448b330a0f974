import AssayBase
import AssayTensor

extension Architecture {
  /// Mixtral: Mistral with experts in place of each feed-forward part.
  ///
  /// Source: Jiang et al. 2024 (arXiv:2401.04088); `transformers` `configuration_mixtral.py`,
  /// `modeling_mixtral.py`; the released checkpoints' names.
  package static let mixtral = Architecture(
    modelType: "mixtral",
    className: "Mixtral",
    weights: .standard {
      $0.feedForward = nil
      $0.router = ["block_sparse_moe.gate.weight"]
      $0.experts = [
        GatedParts(
          gateUp: ["w1", "w3"].map { "block_sparse_moe.experts.#.\($0).weight" },
          down: ["block_sparse_moe.experts.#.w2.weight"]
        )
      ]
    },
    read: { file, model in
      try model.readShared(
        file,
        contextTokens: 131072,
        groupCount: 8,
        normEpsilon: 1e-5,
        rotaryBase: 1_000_000
      )
      model.attention.window = try file.int("sliding_window").map { .init(tokens: $0) }
      model.experts = try Experts(
        file,
        countKey: "num_local_experts",
        widthKey: "intermediate_size",
        normalizesShares: true
      )
    },
    members: { model in
      [
        JSONMember("sliding_window", .optional(model.attention.window?.tokens)),
        JSONMember("num_local_experts", .optional(model.experts?.count)),
        JSONMember("num_experts_per_tok", .optional(model.experts?.perToken)),
      ]
    },
    gguf: GGUFForm(name: "llama", permutesHeads: true)
  )
}
