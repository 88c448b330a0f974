import AssayBase
import AssayTensor

extension Architecture {
  /// DeBERTa V2 and V3, the one encoder: it reads a prompt and a response as two texts, and its head
  /// the first token.
  ///
  /// Source: He et al. 2021 (arXiv:2006.03654); He et al. 2023 (arXiv:2111.09543); `transformers`
  /// `configuration_deberta_v2.py`, `modeling_deberta_v2.py`.
  package static let debertaV2 = Architecture(
    modelType: "deberta-v2",
    className: "DebertaV2",
    weights: {
      var map = WeightMap()
      map.embedding = "deberta.embeddings.word_embeddings.weight"
      map.layers = "deberta.encoder.layer."
      map.finalNorm = nil
      func norm(_ stem: String) -> EncoderParts<String>.Norm {
        .init(weight: stem + "LayerNorm.weight", bias: stem + "LayerNorm.bias")
      }
      map.encoder = EncoderParts(
        embeddingNorm: norm("deberta.embeddings."),
        relative: "deberta.encoder.rel_embeddings.weight",
        relativeNorm: norm("deberta.encoder."),
        convolution: .init(
          weight: "deberta.encoder.conv.conv.weight",
          bias: "deberta.encoder.conv.conv.bias",
          norm: norm("deberta.encoder.conv.")
        )
      )
      let projections = ["query", "key", "value"].map { "attention.self.\($0)_proj" }
      map.block = BlockParts(
        inputNorm: nil,
        qkv: projections.map { $0 + ".weight" },
        qkvBias: projections.map { $0 + ".bias" },
        output: ["attention.output.dense.weight"],
        attentionNorm: ["attention.output.LayerNorm.weight"],
        middleNorm: nil,
        feedForward: GatedParts(
          gateUp: ["intermediate.dense.weight"],
          down: ["output.dense.weight"]
        ),
        feedForwardNorm: ["output.LayerNorm.weight"],
        encoder: EncoderBlockParts(
          outputBias: ["attention.output.dense.bias"],
          attentionNormBias: ["attention.output.LayerNorm.bias"],
          innerBias: ["intermediate.dense.bias"],
          downBias: ["output.dense.bias"],
          feedForwardNormBias: ["output.LayerNorm.bias"]
        )
      )
      return map
    }(),
    read: { file, model in
      try model.readShared(file, contextTokens: 512, takesGELU: true)
      model.tiesEmbeddings = false  // no output embedding is read
      model.options.normEpsilon = try file.double("layer_norm_eps") ?? 1e-7
      for key in ["hidden_act", "pooler_hidden_act"] {
        let name = try file.string(key) ?? "gelu"
        try file.require(name == "gelu", key, "\(name) is not supported; gelu is")
      }
      for (key, expected, usual) in [
        ("relative_attention", true, false), ("share_att_key", true, false),
        ("position_biased_input", false, true),
      ] {
        let flag = try file.bool(key) ?? usual
        try file.require(flag == expected, key, "\(flag) is not supported; \(expected) is")
      }
      let types = try file.int("type_vocab_size") ?? 0
      try file.require(types == 0, "type_vocab_size", "\(types) is not supported; 0 is")
      for (key, size) in [
        ("embedding_size", model.hiddenSize), ("pooler_hidden_size", model.hiddenSize),
        ("attention_head_size", model.hiddenSize / model.headCount),
      ] {
        let other = try file.int(key) ?? size
        try file.require(other == size, key, "\(other) is not supported; \(size) is")
      }
      model.encoder = try encoder(file, contextTokens: model.contextTokens)
    },
    members: { model in
      guard let encoder = model.encoder else { return [] }
      let kinds = [("p2c", encoder.positionToContent), ("c2p", encoder.contentToPosition)]
      var members = [
        JSONMember("hidden_act", "gelu"), JSONMember("pooler_hidden_act", "gelu"),
        JSONMember("pooler_hidden_size", .number("\(model.hiddenSize)")),
        JSONMember("layer_norm_eps", .number("\(model.options.normEpsilon)")),
        JSONMember("relative_attention", true), JSONMember("share_att_key", true),
        JSONMember("position_biased_input", false), JSONMember("type_vocab_size", 0),
        JSONMember("position_buckets", .number("\(encoder.buckets > 0 ? encoder.buckets : -1)")),
        JSONMember("max_relative_positions", .number("\(encoder.farthest)")),
        JSONMember("norm_rel_ebd", .string(encoder.normsPositions ? "layer_norm" : "none")),
        JSONMember("pos_att_type", .array(kinds.filter(\.1).map { .string($0.0) })),
      ]
      if let convolution = encoder.convolution {
        members += [
          JSONMember("conv_kernel_size", .number("\(convolution.tokens)")),
          JSONMember("conv_act", .string(convolution.isGELU ? "gelu" : "tanh")),
        ]
      }
      return members
    }
  )

  private static func encoder(_ file: ConfigFile, contextTokens: Int) throws -> EncoderOptions {
    let buckets = max(0, try file.int("position_buckets") ?? -1)
    var farthest = try file.int("max_relative_positions") ?? -1
    if farthest < 1 { farthest = contextTokens }
    // A span of this size is not reached; the middle of the buckets must be before their end.
    try file.require(farthest <= 1 << 20, "max_relative_positions", "\(farthest) is too many")
    try file.require(
      buckets == 0 || buckets > 3 && buckets / 2 < farthest - 1,
      "position_buckets",
      "\(buckets) do not fit into max_relative_positions \(farthest)"
    )
    var encoder = EncoderOptions(buckets: buckets, farthest: farthest)
    let text = file.isText("pos_att_type") ? try file.string("pos_att_type") : nil
    let kinds =
      try text?.lowercased().split(separator: "|").map { String($0.filter { $0 != " " }) }
      ?? file.strings("pos_att_type") ?? []
    for kind in kinds where !["c2p", "p2c"].contains(kind) {
      throw file.wrong("pos_att_type", "\(kind) is not supported; c2p and p2c are")
    }
    encoder.contentToPosition = kinds.contains("c2p")
    encoder.positionToContent = kinds.contains("p2c")
    let norm = try file.string("norm_rel_ebd") ?? "none"
    try file.require(
      ["none", "layer_norm"].contains(norm),
      "norm_rel_ebd",
      "\(norm) is not supported; layer_norm and none are"
    )
    encoder.normsPositions = norm == "layer_norm"
    if let tokens = try file.int("conv_kernel_size"), tokens > 0 {
      let name = try file.string("conv_act") ?? "tanh"
      try file.require(tokens % 2 == 1, "conv_kernel_size", "\(tokens) is not odd")
      try file.require(
        ["gelu", "tanh"].contains(name),
        "conv_act",
        "\(name) is not supported; gelu and tanh are"
      )
      let groups = try file.int("conv_groups") ?? 1
      try file.require(groups == 1, "conv_groups", "\(groups) is not supported; 1 is")
      encoder.convolution = .init(tokens: tokens, isGELU: name == "gelu")
    }
    return encoder
  }
}
