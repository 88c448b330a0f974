import AssayModel
import AssayReward
import AssayText

/// What tasks need to know of a model that another thread owns.
struct ServedModel: Sendable {
  /// The name that answers tell.
  let name: String
  /// Other names that requests may ask for it by.
  let aliases: [String]
  /// The card that is kept beside it, if any.
  let card: KeptCard?
  /// What turns conversations into its tokens.
  let text: ModelText
  /// What its tokenizer puts around a text.
  let framing: TextFraming
  /// Whether it writes texts: answers, judgements or critiques.
  let writes: Bool
  /// Tokens whose keys and values there is memory for.
  let cacheTokens: Int
  /// The way to its owner.
  let queue: ModelQueue

  /// Takes it from a model.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - name: The name that answers tell.
  ///   - aliases: Other names.
  ///   - card: The card that is kept beside it, if any.
  ///   - cacheTokens: Tokens whose keys and values there is memory for.
  ///   - queue: The way to its owner.
  /// - Throws: `TextError` where the template does not fit.
  init(
    _ model: Model,
    name: String,
    aliases: [String],
    card: KeptCard?,
    cacheTokens: Int,
    queue: ModelQueue
  ) throws {
    text = try ModelText(model)
    framing = TextFraming(model.tokenizer)
    writes = Self.writes(model)
    (self.name, self.aliases, self.card) = (name, aliases, card)
    (self.cacheTokens, self.queue) = (cacheTokens, queue)
  }

  /// Whether a model writes texts, and so needs a cache.
  static func writes(_ model: Model) -> Bool {
    model.decoder.isLanguageModel && model.manifest.kind.writes
  }

  /// What the model is for.
  var kind: ModelKind { text.manifest.kind }
}

/// The models of a server.
struct ServedModels: Sendable {
  /// The one of requests that name none.
  let first: ServedModel
  /// The others.
  let others: [ServedModel]

  /// All of them.
  var all: [ServedModel] { [first] + others }

  /// Finds a model by one of its names.
  ///
  /// - Parameter name: The name; `nil` is the first model.
  /// - Returns: The model.
  /// - Throws: `ServeError.otherModel`.
  func named(_ name: String?) throws(ServeError) -> ServedModel {
    guard let name else { return first }
    guard let model = all.first(where: { $0.name == name || $0.aliases.contains(name) }) else {
      throw .otherModel(actual: name, served: all.map(\.name))
    }
    return model
  }
}
