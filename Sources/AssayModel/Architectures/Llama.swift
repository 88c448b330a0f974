extension Architecture {
  /// Llama 1 to 3.3.
  ///
  /// Source: Touvron et al. 2023 (arXiv:2302.13971); Grattafiori et al. 2024 (arXiv:2407.21783);
  /// `transformers` `configuration_llama.py`, `modeling_llama.py`.
  package static let llama = Architecture(
    modelType: "llama",
    className: "Llama",
    weights: .standard(),
    read: { file, model in
      try model.readShared(file, contextTokens: 2048)
      try file.refuse("use_sliding_window")
    },
    members: { _ in [] },
    gguf: GGUFForm(permutesHeads: true)
  )
}
