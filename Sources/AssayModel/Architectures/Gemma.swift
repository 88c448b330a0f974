import AssayTensor

extension Architecture {
  /// Gemma 1: Llama with norms of `1 + w`, GELU and scaled embeddings.
  ///
  /// Source: Gemma Team 2024 (arXiv:2403.08295) section 2; `transformers` `configuration_gemma.py`,
  /// `modeling_gemma.py`.
  package static let gemma = Architecture(
    modelType: "gemma",
    className: "Gemma",
    weights: .standard(),
    read: { file, model in
      try model.readGemma(file)
      try model.readShared(
        file,
        contextTokens: 8192,
        headWidth: 256,
        tiesEmbeddings: true,
        takesGELU: true
      )
    },
    members: { _ in [] }
  )
}
