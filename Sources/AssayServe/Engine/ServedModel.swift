import AssayModel
import AssayReward
import AssayText

/// What tasks need to know of the model that another thread owns.
struct ServedModel: Sendable {
  /// What turns conversations into its tokens.
  let text: ModelText
  /// Whether it has a reward head.
  let hasHead: Bool
  /// Whether it continues texts.
  let isLanguageModel: Bool

  /// Takes it from a model.
  ///
  /// - Parameter model: The model.
  /// - Throws: `TextError` where the template does not fit.
  init(_ model: Model) throws {
    text = try ModelText(model)
    hasHead = model.head != nil
    isLanguageModel = model.decoder.isLanguageModel
  }

  /// What the model is for.
  var kind: ModelKind { text.manifest.kind }
}
