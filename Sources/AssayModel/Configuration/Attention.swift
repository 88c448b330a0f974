import AssayTensor

/// What a decoder's attention computes beside its sizes.
package struct Attention: Equatable, Sendable {
  /// How far back tokens see.
  package struct Window: Equatable, Sendable {
    /// How many tokens a token sees, itself and those before it.
    package var tokens: Int
    /// Of each block, whether it has the window; `nil` is every block.
    package var layers: [Bool]?

    /// Makes a window.
    package init(tokens: Int, layers: [Bool]? = nil) {
      self.tokens = tokens
      self.layers = layers
    }
  }

  /// What products of queries and keys are multiplied with; `nil` is `1 / sqrt(K)`.
  package var scale: Double?
  /// What bounds those products; `nil` is nothing.
  package var softCap: Double?
  /// How far back tokens see; `nil` is to the beginning.
  package var window: Window?

  /// Makes one: scaled by `1 / sqrt(K)`, unbounded, to the beginning.
  package init() {}
}
