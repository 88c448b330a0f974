// What results were made from, so that a changed setting or input is noticed and named.
import AssayBase
import Foundation

/// What results are made from: settings, and the hashes of inputs.
///
/// ```swift
/// let made = try Fingerprint(["classic": section, "compute": compute], inputs: ["train": hash])
/// ```
package struct Fingerprint: Codable, Equatable, Sendable {
  /// The settings, as YAML.
  package let recipe: String
  /// Names of inputs (a file, an earlier stage, a seed) and their hashes or values.
  package let inputs: [String: String]

  /// Makes a fingerprint of settings that are YAML already.
  ///
  /// - Parameters:
  ///   - recipe: The settings, without what cannot change the result.
  ///   - inputs: Name to hash, such as `Digest.fingerprint(of:)` or an earlier stage's `digest`.
  package init(recipe: String, inputs: [String: String] = [:]) {
    self.recipe = recipe
    self.inputs = inputs
  }

  /// Makes a fingerprint of named settings.
  ///
  /// - Parameters:
  ///   - settings: Everything that changes the result, by the name that differences call it by.
  ///   - inputs: Name to hash, such as `Digest.fingerprint(of:)` or an earlier stage's `digest`.
  /// - Throws: `EncodingError` where a value cannot be encoded.
  package init(_ settings: Settings, inputs: [String: String] = [:]) throws {
    let entries = try settings.map {
      RecipeValue.Entry(key: snakeCase($0.key), value: try RecipeValue(encoding: $0.value))
    }
    self.init(recipe: RecipeValue.section(entries).yaml, inputs: inputs)
  }

  /// Makes a fingerprint of one group of settings.
  ///
  /// - Parameters:
  ///   - settings: Everything that changes the result.
  ///   - inputs: As in `init(_:inputs:)`.
  /// - Throws: `EncodingError` where a value cannot be encoded.
  package init(of settings: some Encodable, inputs: [String: String] = [:]) throws {
    self.init(recipe: try RecipeValue(encoding: settings).yaml, inputs: inputs)
  }

  /// Settings by name, in the order in which they are written.
  package typealias Settings = KeyValuePairs<String, any Encodable>

  /// The SHA-256 hash of all parts, as 64 hexadecimal digits.
  package var digest: String {
    let inputs = inputs.sorted { $0.key < $1.key }
    let parts = [recipe] + inputs.flatMap { [$0.key, $0.value] }
    return Digest.hex(parts.map { "\($0.utf8.count):\($0)" }.joined())
  }

  /// Returns one line for each difference from an earlier fingerprint; empty where equal.
  package func changes(from old: Fingerprint) -> [String] {
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

extension RecipeValue {
  /// The tree of anything that encodes: recipe sections in the order of declaration with absent
  /// settings as null, other values as JSON with sorted keys.
  ///
  /// - Parameter value: What to encode.
  /// - Throws: `EncodingError` where it cannot be encoded.
  package init(encoding value: any Encodable) throws {
    if let section = value as? any RecipeSection {
      var checks = RecipeChecks()
      self = try DescribedRecipe.of(section, checks: &checks).value
      return
    }
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    self.init(try JSONValue(parsing: Array(try encoder.encode(value))))
  }

  private init(_ json: JSONValue) {
    switch json {
    case .null: self = .null
    case .bool(let value): self = .boolean(value)
    case .number(let digits): self = .number(Self.portable(digits))
    case .string(let text): self = .string(text)
    case .array(let items): self = .list(items.map { RecipeValue($0) })
    case .object(let members):
      self = .section(members.map { Entry(key: $0.key, value: RecipeValue($0.value)) })
    }
  }
}
