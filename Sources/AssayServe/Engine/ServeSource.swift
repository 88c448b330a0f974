import AssayGenerate
import AssayModel

/// A model to serve.
package struct ServeSource: Sendable {
  /// The name that answers tell.
  package let name: String
  /// Other names that requests may ask for it by.
  package let aliases: [String]
  /// How much is computed and kept at once; `nil` is the model's.
  package let options: GenerationEngine.Options?
  /// Loads it, on the thread that will own it.
  let load: @Sendable () throws -> Model

  /// Makes one.
  ///
  /// - Parameters:
  ///   - name: The name that answers tell.
  ///   - aliases: Other names that requests may ask for it by.
  ///   - options: How much is computed and kept at once; `nil` is the model's.
  ///   - load: Loads it, on the thread that will own it.
  package init(
    name: String,
    aliases: [String] = [],
    options: GenerationEngine.Options? = nil,
    load: @escaping @Sendable () throws -> Model
  ) {
    (self.name, self.aliases, self.options, self.load) = (name, aliases, options, load)
  }
}
