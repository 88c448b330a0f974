import AssayText

/// What turns conversations into a model's tokens, without its weights.
///
/// A server renders and tokenizes with it while another thread owns the model.
package struct ModelText: Sendable {
  /// What the model is for.
  package let manifest: ModelManifest
  /// Whether the model has a reward head.
  package let hasHead: Bool
  /// The tokenizer.
  package let tokenizer: any Tokenizer
  /// What turns conversations into tokens.
  package let renderer: SequenceRenderer
  /// Tokens that the model reads and writes at most.
  package let contextTokens: Int
  /// Tokens that the model knows: ids lie below.
  package let vocabularySize: Int
  /// What the head computes; `nil` without one.
  package let head: HeadDescriptor?
  /// Where the head reads; `nil` without one.
  package let places: HeadPlaces?
  /// The grammars that texts were asked for in.
  package let grammars: GrammarBinder

  /// Takes what belongs to a model's texts.
  ///
  /// - Parameter model: The model.
  /// - Throws: `TextError` or `ModelError` where tokens of the template or the head are missing from the
  ///   vocabulary.
  package init(_ model: Model) throws {
    manifest = model.manifest
    hasHead = model.head != nil
    tokenizer = model.tokenizer
    renderer = try model.renderer()
    contextTokens = model.contextTokens
    vocabularySize = model.decoder.configuration.vocabularySize
    head = model.head?.descriptor
    places = try model.places()
    grammars = GrammarBinder(model.tokenizer)
  }
}
