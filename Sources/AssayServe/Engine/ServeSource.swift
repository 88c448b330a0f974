import AssayGenerate
import AssayModel
import AssayReward

/// A model to serve.
package struct ServeSource: Sendable {
  /// The name that answers tell.
  package let name: String
  /// Other names that requests may ask for it by.
  package let aliases: [String]
  /// How much is computed and kept at once; `nil` is the model's.
  package let options: GenerationEngine.Options?
  /// The card that is kept beside it, if any.
  let card: KeptCard?
  /// Loads it, on the thread that will own it.
  let load: @Sendable () throws -> Model

  /// Makes one.
  ///
  /// - Parameters:
  ///   - name: The name that answers tell.
  ///   - aliases: Other names that requests may ask for it by.
  ///   - options: How much is computed and kept at once; `nil` is the model's.
  ///   - card: The card that is kept beside it, if any.
  ///   - load: Loads it, on the thread that will own it.
  package init(
    name: String,
    aliases: [String] = [],
    options: GenerationEngine.Options? = nil,
    card: KeptCard? = nil,
    load: @escaping @Sendable () throws -> Model
  ) {
    (self.name, self.aliases, self.options) = (name, aliases, options)
    (self.card, self.load) = (card, load)
  }
}
