// What a stage was made from, so that a changed input is noticed and named.
import AssayBase
import AssayBase

/// What a stage is made from: the resolved recipe section and the hashes of its inputs.
package struct StageFingerprint: Codable, Equatable, Sendable {
  /// The resolved recipe section, as YAML with one `key: value` a line.
  package let recipe: String
  /// Names of inputs (a file, an earlier stage, a seed) and their hashes or values.
  package let inputs: [String: String]

  /// Makes a fingerprint.
  ///
  /// - Parameters:
  ///   - recipe: The resolved recipe section as YAML, without what cannot change the result.
  ///   - inputs: Name to hash, such as `Digest.fingerprint(of:)` or an earlier stage's `digest`.
  package init(recipe: String, inputs: [String: String] = [:]) {
    self.recipe = recipe
    self.inputs = inputs
  }

  /// The SHA-256 hash of all parts, as 64 hexadecimal digits.
  package var digest: String {
    let inputs = inputs.sorted { $0.key < $1.key }
    let parts = [recipe] + inputs.flatMap { [$0.key, $0.value] }
    return Digest.hex(parts.map { "\($0.utf8.count):\($0)" }.joined())
  }

  /// Returns one line for each difference from an earlier fingerprint; empty where equal.
  package func changes(from old: StageFingerprint) -> [String] {
    var lines = RecipeDifference.lines(from: old.recipe, to: recipe).map { "recipe: " + $0 }
    for name in Set(inputs.keys).union(old.inputs.keys).sorted() {
      switch (old.inputs[name], inputs[name]) {
      case (nil, _?): lines.append("input \(name): added")
      case (_?, nil): lines.append("input \(name): removed")
      case (let before?, let after?) where before != after:
        let isHash = before.count == 64 && after.count == 64
        lines.append(
          isHash ? "input \(name): its content changed" : "input \(name): \(before) -> \(after)"
        )
      default: break
      }
    }
    return lines
  }
}
