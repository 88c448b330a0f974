import AssayModel
import AssayText

/// What tasks need to know of the model that another thread owns.
struct ServedModel: Sendable {
  /// What turns conversations into its tokens.
  let text: ModelText
  /// Whether it writes texts: answers, judgements or critiques.
  let writes: Bool
  /// Tokens whose keys and values there is memory for.
  let cacheTokens: Int

  /// Takes it from a model.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - cacheTokens: Tokens whose keys and values there is memory for.
  /// - Throws: `TextError` where the template does not fit.
  init(_ model: Model, cacheTokens: Int) throws {
    text = try ModelText(model)
    writes = Self.writes(model)
    self.cacheTokens = cacheTokens
  }

  /// Whether a model writes texts, and so needs a cache.
  static func writes(_ model: Model) -> Bool {
    model.decoder.isLanguageModel && model.manifest.kind.writes
  }

  /// What the model is for.
  var kind: ModelKind { text.manifest.kind }
}
