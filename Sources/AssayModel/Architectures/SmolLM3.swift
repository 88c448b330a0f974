import AssayBase

extension Architecture {
  /// SmolLM 3: every fourth block rotates nothing.
  ///
  /// Source: Bakouch et al. 2025, "SmolLM3: smol, multilingual, long-context reasoner" (NoPE after
  /// Yang et al. 2025, arXiv:2501.18795); `transformers` `configuration_smollm3.py`,
  /// `modeling_smollm3.py`.
  package static let smollm3 = Architecture(
    modelType: "smollm3",
    className: "SmolLM3",
    weights: .standard(),
    read: { file, model in
      try model.readShared(
        file,
        contextTokens: 32768,
        groupCount: 4,
        tiesEmbeddings: true,
        rotaryBase: 2_000_000
      )
      try file.refuse("use_sliding_window")
      let interval = try file.int("no_rope_layer_interval") ?? 4
      guard interval > 0 else {
        throw file.wrong("no_rope_layer_interval", "\(interval) is not above 0")
      }
      // 1 is rotated, 0 is not.
      let layers =
        try file.ints("no_rope_layers")
        ?? (0..<model.layerCount).map { ($0 + 1) % interval == 0 ? 0 : 1 }
      guard layers.count == model.layerCount else {
        throw file.wrong("no_rope_layers", "has \(layers.count) of \(model.layerCount) layers")
      }
      model.rotary.unrotated = layers.map { $0 == 0 }
    },
    members: { model in
      let layers = model.rotary.unrotated ?? Array(repeating: false, count: model.layerCount)
      return [
        JSONMember("no_rope_layers", .array(layers.map { $0 ? 0 : 1 })),
        JSONMember("use_sliding_window", false),
      ]
    },
    gguf: GGUFForm(permutesHeads: true)
  )
}
