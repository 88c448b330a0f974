import AssayRun
import AssayTrain
import Foundation

/// The settings of a comparison of methods.
package struct StudyConfig: RecipeSection {
  /// Names the recipe's kind.
  package var method = "compare"
  /// Where the data and the start model come from: a name out of `Worlds.all`.
  ///
  /// Default: `playground`.
  package var world = Worlds.standard
  /// What is compared: methods, and names of variants.
  package var methods = ["classic", "cloud"]
  /// Methods with other settings: a name, and the method with `key=value` settings behind it.
  package var variants: [String: String] = [:]
  /// For each seed base, start model and methods are made anew, in the same world, whose seed is
  /// `compute.seed`.
  ///
  /// Default: `[1]`.
  package var seeds = [1]
  /// The share of the training pairs that is used.
  ///
  /// Default: 1.
  package var share = 1.0
  /// Where and how it computes; its seed is the world's, and its jumps are the methods' alone: the
  /// base and the start model read texts as they are.
  package var compute = ComputeSection()
  /// The model that every method starts from, its folder or a run folder: `world: files` alone.
  package var model = ""
  /// The pairs and the suites: `world: files` alone.
  package var data: DataSection?
  /// Sizes of the Playground.
  package var playground = PlaygroundSection()
  /// Pairs of GSM8K.
  package var gsm8k = GSM8KSection()
  /// The base model.
  package var base = BaseSection()
  /// What every method reads again while it learns.
  package var replay = ReplaySection()
  /// The start model of every method.
  package var instruct = InstructSection()
  /// The settings of the methods, by their groups.
  package var settings = MethodSettings()
  /// How settings are searched.
  package var search = SearchSection()
  /// What is evaluated.
  package var evaluation = StudyEvaluationSection()

  /// Makes a config of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(method == "compare", "method", "compare")
    checks.require(!seeds.isEmpty, "seeds", "at least one seed")
    checks.require(Set(seeds).count == seeds.count, "seeds", "different numbers")
    checks.require(seeds.allSatisfy { $0 >= 0 }, "seeds", "numbers of at least 0")
    let parts = max(1, evaluation.parts)
    checks.require(
      parts == 1 || Set(seeds.map { $0 % parts }).count == seeds.count,
      "evaluation.parts",
      "as many as there are seeds or more, of which no two take the same part"
    )
    checks.require(share > 0 && share <= 1, "share", "a share above 0 and up to 1")
    checks.require(Worlds.named(world) != nil, "world", Worlds.names.joined(separator: ", "))
    Worlds.named(world)?.check(self, &checks)
    let known = Self.compared.map(\.name)
    checks.require(
      !methods.isEmpty && methods.allSatisfy { known.contains($0) || variants[$0] != nil }
        && Set(methods).count == methods.count,
      "methods",
      "different names out of \(known.joined(separator: ", ")), or of `variants`"
    )
    checks.require(
      variants.allSatisfy { name, text in
        !known.contains(name)
          && name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }
          && known.contains { text.split(separator: " ").first.map(String.init) == $0 }
      },
      "variants",
      "names of lower-case letters, digits and hyphens, each with a method and its settings, as "
        + "\"cloud cloud.on_policy=false\""
    )
    for (names, key) in [(evaluation.deep, "deep"), (evaluation.bestOf, "bestOf")] {
      checks.require(
        names.allSatisfy(methods.contains),
        "evaluation.\(key)",
        "names out of `methods`"
      )
    }
  }

  /// Reports settings of `world: files` where another world makes its own data and start model.
  func refuseFiles(_ checks: inout RecipeChecks) {
    for (isAbsent, key) in [(model.isEmpty, "model"), (data == nil, "data")] {
      checks.require(
        isAbsent,
        key,
        "to be left out, as \(world) makes its own; `world: files` reads it"
      )
    }
  }

  /// Whether the start model is made of demonstrations here.
  var instructs: Bool { model.isEmpty && instruct.demonstrations > 0 }

  /// Whether anything is measured on validation pairs: trials, or a start model that is made here.
  var needsValidation: Bool { search.learningRates.count > 1 || instructs }

  /// What opens the critiques in the pairs, where a method learns from them.
  ///
  /// - Returns: What opens them; `nil` where no method does.
  var critiqueLeadIn: String? {
    for name in methods {
      guard case .critiquedPairs(let leadIn)? = method(named: name)?.method.data(settings) else {
        continue
      }
      return leadIn
    }
    return nil
  }

  /// Makes the world that the settings describe.
  ///
  /// - Throws: `TrainingError.recipe` where there is none of that name; what the world throws.
  func makeWorld() throws -> any World {
    guard let type = Worlds.named(world) else {
      throw TrainingError.recipe(
        reason: "world: \(world) is not known; one of \(Worlds.names.joined(separator: ", "))"
      )
    }
    return try type.init(self)
  }

  /// The method of a name, and the settings that make a variant of it.
  func method(named name: String) -> (method: any Method, settings: [String])? {
    if let method = Self.compared(name) { return (method, []) }
    let words = (variants[name] ?? "").split(separator: " ").map(String.init)
    guard let first = words.first, let method = Self.compared(first) else { return nil }
    return (method, Array(words.dropFirst()))
  }

  /// Methods that can be compared: those whose models give preferences.
  package static var compared: [any Method] { Methods.all.filter(\.givesPreferences) }

  private static func compared(_ name: String) -> (any Method)? {
    compared.first { $0.name == name }
  }

  /// The peak learning rates that a method's settings give, in the order of its keys of them.
  ///
  /// - Returns: None where nothing is trained.
  /// - Throws: `EncodingError` where the settings cannot be encoded.
  func learningRates(of method: any Method) throws -> [Double] {
    func rate<Key: MethodSection>(_ key: Key) throws -> Double? {
      let leaves = try RecipeValue(encoding: settings[key]).leaves()
      guard case .number(let text)? = leaves.first(where: { $0.path == Self.learningRate })?.value
      else { return nil }
      return Double(text)
    }
    return try method.tuned.compactMap { try rate($0) }
  }

  private static let learningRate = "optimizer.schedule.learning_rate"
}

// MARK: - Reading and writing

extension StudyConfig {
  /// The settings besides those of the methods.
  private enum Part: String {
    case method, world, model, data, methods, variants, seeds, share, compute, playground, gsm8k
    case base, replay, instruct, search, evaluation

    var key: RecipeKey { RecipeKey(rawValue) }
  }

  private static var sections: [any MethodSection] { compared.flatMap(\.sections) }

  /// Writes all settings, those of every method too.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: RecipeKey.self)
    try container.encode(method, forKey: Part.method.key)
    try container.encode(world, forKey: Part.world.key)
    try container.encode(model, forKey: Part.model.key)
    try container.encodeIfPresent(data, forKey: Part.data.key)
    try container.encode(methods, forKey: Part.methods.key)
    try container.encode(variants, forKey: Part.variants.key)
    try container.encode(seeds, forKey: Part.seeds.key)
    try container.encode(share, forKey: Part.share.key)
    try container.encode(compute, forKey: Part.compute.key)
    try container.encode(playground, forKey: Part.playground.key)
    try container.encode(gsm8k, forKey: Part.gsm8k.key)
    try container.encode(base, forKey: Part.base.key)
    try container.encode(replay, forKey: Part.replay.key)
    try container.encode(instruct, forKey: Part.instruct.key)
    try settings.encode(Self.sections, isShared: true, to: encoder)
    try container.encode(search, forKey: Part.search.key)
    try container.encode(evaluation, forKey: Part.evaluation.key)
  }

  /// Reads all settings.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: RecipeKey.self)
    method = try container.decode(String.self, forKey: Part.method.key)
    world = try container.decode(String.self, forKey: Part.world.key)
    model = try container.decode(String.self, forKey: Part.model.key)
    data = try container.decodeIfPresent(DataSection.self, forKey: Part.data.key)
    methods = try container.decode([String].self, forKey: Part.methods.key)
    variants = try container.decode([String: String].self, forKey: Part.variants.key)
    seeds = try container.decode([Int].self, forKey: Part.seeds.key)
    share = try container.decode(Double.self, forKey: Part.share.key)
    compute = try container.decode(ComputeSection.self, forKey: Part.compute.key)
    playground = try container.decode(PlaygroundSection.self, forKey: Part.playground.key)
    gsm8k = try container.decode(GSM8KSection.self, forKey: Part.gsm8k.key)
    base = try container.decode(BaseSection.self, forKey: Part.base.key)
    replay = try container.decode(ReplaySection.self, forKey: Part.replay.key)
    instruct = try container.decode(InstructSection.self, forKey: Part.instruct.key)
    settings = try MethodSettings(Self.sections, isShared: true, from: decoder)
    search = try container.decode(SearchSection.self, forKey: Part.search.key)
    evaluation = try container.decode(StudyEvaluationSection.self, forKey: Part.evaluation.key)
  }
}
