// Recipes: YAML files laid over a struct of defaults.
import AssayBase
import Foundation
import Yams

/// A recipe whose settings are all known.
package struct ResolvedRecipe<Config: RecipeSection>: Equatable, Sendable {
  /// The settings.
  package let config: Config
  /// All settings as YAML, in the order of declaration; equal settings give equal text.
  package let yaml: String
}

/// A recipe as it was read: YAML whose keys are checked when it meets its config type.
package struct RecipeFile: Sendable {
  /// What error messages call the file.
  package let name: String
  private let text: String

  /// Reads a recipe.
  ///
  /// - Parameter url: A YAML file.
  /// - Throws: `FileError.fileSystem` where it cannot be read, `RunError.invalidRecipe` where it is no YAML.
  package init(contentsOf url: URL) throws {
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw FileError.fileSystem(
        action: "read",
        path: url.path,
        reason: "\(error.fileReason); give a recipe, a file in YAML"
      )
    }
    // Some editors begin a file with a byte-order mark.
    let mark = data.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    try self.init(text: String(decoding: data.dropFirst(mark), as: UTF8.self), name: url.path)
  }

  /// Reads a recipe from its text.
  ///
  /// - Parameters:
  ///   - text: YAML; an empty text is a recipe of defaults.
  ///   - name: What error messages call it.
  /// - Throws: `RunError.invalidRecipe` where it is no YAML.
  package init(text: String, name: String) throws {
    self.text = text
    self.name = name
    _ = try Self.compose(text, name)
  }

  /// Returns a setting of the top level as it is spelt, as `method`, before the config type is known.
  ///
  /// - Parameters:
  ///   - key: The key.
  ///   - overrides: `--set` texts; the last one of this key wins over the file.
  /// - Returns: The scalar's text, or `nil` where the key is absent or no scalar.
  /// - Throws: `RunError.invalidRecipe` where an override's value is no YAML.
  package func setting(_ key: String, overrides: [String] = []) throws -> String? {
    for override in overrides.reversed() where override.hasPrefix(key + "=") {
      return try Self.compose(String(override.dropFirst(key.count + 1)), "--set")?.scalar?.string
    }
    let file = try Self.compose(text, name)
    guard file?.sequence == nil, file?.scalar == nil || file?.scalar?.string.isEmpty == true else {
      throw RunError.invalidRecipe(
        file: name,
        problems: ["\(name): this is no group of settings, expected lines as 'method: classic'"]
      )
    }
    return file?[key]?.scalar?.string
  }

  /// Lays the file and then the overrides over a base, checks everything and decodes.
  ///
  /// - Parameters:
  ///   - type: The config type.
  ///   - base: The settings that the file leaves out: the defaults, or a preset.
  ///   - overrides: `a.b=value` texts, with values in YAML; later ones win.
  /// - Returns: The settings and their resolved YAML.
  /// - Throws: `RunError.invalidRecipe` with every problem found.
  package func resolve<Config: RecipeSection>(
    _ type: Config.Type,
    base: Config = Config(),
    overrides: [String] = []
  ) throws -> ResolvedRecipe<Config> {
    var checks = RecipeChecks()
    let described = try DescribedRecipe.of(base, checks: &checks)
    var overlay = RecipeOverlay(root: described.schema)
    var value = described.value
    if let node = try Self.compose(text, name) {
      overlay.source = .file(name)
      value = overlay.apply(node, to: value, described.schema, path: [])
    }
    for override in overrides {
      overlay.source = .override(override)
      guard let node = Self.node(ofOverride: override) else {
        overlay.problems.append("--set \(override): expected key.path=value, with a value in YAML")
        continue
      }
      value = overlay.apply(node, to: value, described.schema, path: [])
    }
    guard overlay.problems.isEmpty else {
      throw RunError.invalidRecipe(file: name, problems: overlay.problems)
    }
    let config: Config = try overlay.decode(value, described.schema, name: name)
    let resolved = try DescribedRecipe.of(config, checks: &checks)
    guard checks.failures.isEmpty else {
      let problems = checks.failures.map {
        overlay.message($0, in: resolved.value, name: name)
      }
      throw RunError.invalidRecipe(file: name, problems: problems)
    }
    return ResolvedRecipe(config: config, yaml: resolved.value.yaml)
  }

  /// Returns all settings of a section as YAML.
  package static func yaml<Config: RecipeSection>(of config: Config) throws -> String {
    var checks = RecipeChecks()
    return try DescribedRecipe.of(config, checks: &checks).value.yaml
  }

  private static func compose(_ text: String, _ name: String) throws -> Node? {
    do {
      return try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw RunError.invalidRecipe(file: name, problems: ["\(name)\(Self.describe(error))"])
    }
  }

  private static func describe(_ error: YamlError) -> String {
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let place = context.map { " (\($0.text) in line \($0.mark.line))" } ?? ""
      return ":\(mark.line): this is no YAML: \(problem)\(place)"
    case .duplicatedKeysInMapping(let duplicates, let context):
      return ":\(context.mark.line): the group of settings that starts here gives "
        + "\(duplicates.joined(separator: ", ")) twice"
    case .reader(let problem, _, _, _): return ": this is no YAML: \(problem)"
    default: return ": this is no YAML: \(error)"
    }
  }

  /// `a.b=v` as the mapping `{a: {b: v}}`.
  private static func node(ofOverride text: String) -> Node? {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return nil }
    let value = String(text[text.index(after: equals)...])
    let parsed: Node?
    do { parsed = try Yams.compose(yaml: value) } catch { return nil }
    let path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false)
    return path.reversed().reduce(parsed ?? Node("null", Tag(.null))) { inner, key in
      Node([(Node(String(key)), inner)])
    }
  }
}
