// What a method is: its settings, the data that it learns from, its loop, and what its model gives.
//
// A new method is a file in `Methods/`, a line in `Methods.all` and a section of the documentation.

import AssayBase
import AssayData
import AssayEvaluate
import AssayRun
import AssayText
import Foundation

/// A way to a model that gives preferences, or to the model that such a way starts from.
package protocol Method: Sendable {
  /// What recipes, reports and the command line call it: lower-case letters, digits and hyphens.
  var name: String { get }
  /// What it is, in one line without its name.
  var summary: String { get }
  /// Its groups of settings, in the order in which recipes show them.
  var sections: [any MethodSection] { get }
  /// The groups whose `optimizer.schedule.learning_rate` a search scales, all of them alike; none where
  /// nothing is trained.
  var tuned: [any MethodSection] { get }
  /// What it learns from.
  ///
  /// - Parameter settings: Its settings; which kind of data it is does not depend on them.
  /// - Returns: The kind, and how it is read.
  func data(_ settings: MethodSettings) -> MethodData
  /// How its model gives preferences, or `nil` where it only writes texts.
  ///
  /// - Parameters:
  ///   - settings: Its settings; which kind of preference it is does not depend on them.
  ///   - wording: How a world asks for verdicts; `nil` leaves it to the settings.
  /// - Returns: The kind, and how it is asked for.
  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference?
  /// Whether it looks at held-out items while it learns.
  var watchesHeldOut: Bool { get }
  /// Whether it can learn from pairs while they are read.
  var readsWindows: Bool { get }
  /// What it trains, as far as a plan has to know it; none where nothing that is there is trained, or a plan
  /// does not know it.
  func trainings(_ settings: MethodSettings) -> [TrainingShape]
  /// Runs its stages, passing over those that are done.
  ///
  /// - Parameter context: What it starts from, and where it runs.
  /// - Returns: The model.
  /// - Throws: `Interrupted`, which the same call continues; what training, sampling or writing throws.
  func run(in context: RunContext) async throws -> TrainedModel
}

extension Method {
  /// None that a plan knows.
  package func trainings(_ settings: MethodSettings) -> [TrainingShape] { [] }

  /// Not unless it says so.
  package var watchesHeldOut: Bool { false }

  /// Not unless it says so.
  package var readsWindows: Bool { false }

  /// Whether its model writes critiques of one response.
  package var writesCritiques: Bool {
    preference(MethodSettings(), wording: nil)?.writesCritiques ?? false
  }

  /// Whether its model gives preferences, so that it can be evaluated and compared.
  package var givesPreferences: Bool { preference(MethodSettings(), wording: nil) != nil }

  /// The key paths of the peak learning rates, in recipes of several methods.
  package var learningRateKeys: [String] {
    tuned.map { "\(snakeCase($0.sharedKey)).optimizer.schedule.learning_rate" }
  }
}

/// What a method learns from.
package enum MethodData: Equatable, Sendable {
  /// Conversations, without a model to start from.
  case corpus
  /// Preference pairs.
  case pairs
  /// Preference pairs with critiques of both responses, behind a lead-in.
  case critiquedPairs(leadIn: String)
  /// Responses with ratings; those of a name where a response has several.
  case ratings(named: String?)
  /// Nothing: its start model is the model.
  case none

  /// Whether what is learnt are pairs.
  var isOfPairs: Bool {
    switch self {
    case .pairs, .critiquedPairs: true
    case .corpus, .ratings, .none: false
    }
  }
}

/// A group of settings that a method has.
package protocol MethodSection: Sendable {
  /// The group's type.
  associatedtype Section: RecipeSection
  /// What it is called in recipes of the method alone, as a property.
  var key: String { get }
  /// What it is called where recipes have the settings of several methods.
  var sharedKey: String { get }
  /// What it is unless a recipe says otherwise.
  var initial: Section { get }
}

/// The name and the defaults of a group of settings.
package struct SectionKey<Section: RecipeSection>: MethodSection {
  package let key: String
  package let sharedKey: String
  package let initial: Section

  /// Makes a key.
  ///
  /// - Parameters:
  ///   - key: Its name in recipes of the method alone, as a property: `criticRm`.
  ///   - sharedKey: Its name in recipes of several methods; `nil` is the same.
  ///   - initial: What it is unless a recipe says otherwise.
  package init(_ key: String, sharedKey: String? = nil, _ initial: Section = Section()) {
    self.key = key
    self.sharedKey = sharedKey ?? key
    self.initial = initial
  }
}

/// The settings of one or several methods, by their groups.
package struct MethodSettings: Equatable, Sendable {
  // By shared key; what is not there is as in the group's declaration.
  private var values: [String: any RecipeSection] = [:]

  /// Makes settings of defaults.
  package init() {}

  /// The settings of a group.
  package subscript<Key: MethodSection>(key: Key) -> Key.Section {
    get { values[key.sharedKey] as? Key.Section ?? key.initial }
    set { values[key.sharedKey] = newValue }
  }

  /// Whether all groups that either has are equal.
  package static func == (one: MethodSettings, other: MethodSettings) -> Bool {
    func isEqual<Section: RecipeSection>(_ section: Section, to other: Any?) -> Bool {
      section == other as? Section
    }
    guard one.values.count == other.values.count else { return false }
    for (key, section) in one.values where !isEqual(section, to: other.values[key]) {
      return false
    }
    return true
  }

  // MARK: Recipes

  /// Writes groups beside the other settings of a recipe.
  ///
  /// - Parameters:
  ///   - sections: Which groups; one that several methods share is written once.
  ///   - isShared: Whether the recipe has several methods.
  ///   - encoder: The recipe's encoder.
  /// - Throws: What encoding throws.
  package func encode(
    _ sections: [any MethodSection],
    isShared: Bool,
    to encoder: any Encoder
  ) throws {
    var container = encoder.container(keyedBy: RecipeKey.self)
    func add<Key: MethodSection>(_ key: Key, _ name: String) throws {
      try container.encode(self[key], forKey: RecipeKey(name))
    }
    for (name, key) in Self.named(sections, isShared) { try add(key, name) }
  }

  /// Reads groups that stand beside the other settings of a recipe.
  ///
  /// - Parameters:
  ///   - sections: Which groups.
  ///   - isShared: Whether the recipe has several methods.
  ///   - decoder: The recipe's decoder.
  /// - Throws: `DecodingError`.
  package init(
    _ sections: [any MethodSection],
    isShared: Bool,
    from decoder: any Decoder
  ) throws {
    let container = try decoder.container(keyedBy: RecipeKey.self)
    func read<Key: MethodSection>(_ key: Key, _ name: String) throws {
      self[key] = try container.decode(Key.Section.self, forKey: RecipeKey(name))
    }
    for (name, key) in Self.named(sections, isShared) { try read(key, name) }
  }

  private static func named(
    _ sections: [any MethodSection],
    _ isShared: Bool
  ) -> [(String, any MethodSection)] {
    var seen: Set<String> = []
    return sections.map { (isShared ? $0.sharedKey : $0.key, $0) }
      .filter { seen.insert($0.0).inserted }
  }
}

/// The name of a setting that is only known when a recipe is read.
package struct RecipeKey: CodingKey {
  package let stringValue: String
  package var intValue: Int? { nil }

  /// Makes the key of a property.
  package init(_ name: String) { stringValue = name }

  /// Makes the key of a property.
  package init?(stringValue: String) { self.init(stringValue) }

  /// Settings have no numbers for keys.
  package init?(intValue: Int) { nil }
}

/// A model to start from.
package struct StartFolder: Sendable {
  /// Its folder.
  package var folder: URL
  /// The hash of its files, or of what it was made from.
  package var digest: String

  /// Makes one.
  package init(folder: URL, digest: String) {
    self.folder = folder
    self.digest = digest
  }
}

/// What a method runs in: the model that it starts from, its data, its settings, its stages.
package struct RunContext {
  /// Where stages run.
  package var stages: StageRunner
  /// The model to start from; `nil` for methods that make one from a corpus.
  package var start: StartFolder?
  /// The settings of the method.
  package var settings: MethodSettings
  /// Where and how it computes.
  package var compute: ComputeSection
  /// What is read again while it learns.
  package var replay: Replay?
  /// Digests of what its first stages are made from: the model and the data.
  package var inputs: [String: String]
  /// Training pairs, for methods that learn from pairs.
  package var pairs: [PreferencePair] = []
  /// The pairs of a file that is read while they are learnt, in place of `pairs`.
  package var windows: PairWindows?
  /// Pairs that are looked at while it learns, and never learnt from.
  package var heldOut: [PreferencePair] = []
  /// Rated responses, for methods that learn from ratings.
  package var ratings: [RatedResponse] = []
  /// Rated responses that are never learnt from.
  package var heldOutRatings: [RatedResponse] = []
  /// When held-out items are looked at; `nil` looks at none.
  package var watch: WatchPlan?
  /// Whether batches are shuffled.
  package var isShuffled = true
  /// A file of conversations, for methods that learn from a corpus.
  package var corpus: URL?
  /// How the world asks for verdicts; `nil` leaves it to the settings.
  package var wording: RolePrompts?
  /// Tells whether what a critique claims is true, where the world can tell.
  package var truth: CritiqueTruth?
  /// Exact judgements, where the world has them.
  package var oracle: JudgementOracle?
  /// Teachers of critiques, where the world has them.
  package var teachers: CritiqueTeachers?

  /// Makes a context without data.
  package init(
    stages: StageRunner,
    start: StartFolder?,
    settings: MethodSettings,
    compute: ComputeSection,
    replay: Replay?,
    inputs: [String: String]
  ) {
    self.stages = stages
    self.start = start
    self.settings = settings
    self.compute = compute
    self.replay = replay
    self.inputs = inputs
  }

  /// Hears of progress.
  package var events: RunEventHandler { stages.events }

  /// The folder of the model to start from.
  ///
  /// - Throws: `TrainingError.recipe` where there is none.
  func startFolder() throws -> URL {
    guard let start else {
      throw TrainingError.recipe(reason: "there is no model to start from: set `model`")
    }
    return start.folder
  }
}

/// What a method made.
package struct TrainedModel: Sendable {
  /// The model's folder.
  package let folder: URL
  /// The digest of what it was made from.
  package let digest: String
  /// How it gives preferences; `nil` where it only writes texts.
  package let preference: Preference?

  /// Makes one.
  package init(folder: URL, digest: String, preference: Preference?) {
    self.folder = folder
    self.digest = digest
    self.preference = preference
  }

  /// The model of a finished stage.
  ///
  /// - Throws: `FileError.malformedRecord` where it is gone.
  init(_ stage: Stage, _ preference: Preference?) throws {
    self.init(folder: try stage.model(), digest: stage.digest, preference: preference)
  }

  /// The model as it is evaluated; `nil` where it only writes texts.
  package var rated: RatedModel? {
    preference.map { RatedModel(folder: folder, digest: digest, preference: $0) }
  }
}
