import AssayBase

extension Architecture {
  /// Mistral 7B and its like: every token sees a window of those before it, where one is given.
  ///
  /// Source: Jiang et al. 2023 (arXiv:2310.06825) section 2; `transformers`
  /// `configuration_mistral.py`, `modeling_mistral.py`.
  package static let mistral = Architecture(
    modelType: "mistral",
    className: "Mistral",
    weights: .standard(),
    read: { file, model in
      try model.readShared(file, contextTokens: 131072, groupCount: 8)
      // Null is no window; without the key it is the first release's.
      let window = file.has("sliding_window") ? try file.int("sliding_window") : 4096
      model.attention.window = window.map { .init(tokens: $0) }
    },
    members: { model in
      [JSONMember("sliding_window", .optional(model.attention.window?.tokens))]
    }
  )
}
