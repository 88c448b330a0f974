// Worlds: where a comparison's data and start model come from, and what is known about them.

import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayRun
import AssayText
import AssayTrain
import Foundation

/// The data of a world.
package struct WorldData: Sendable {
  /// The hash of what they were made from.
  package var digest: String
  /// Pairs to train on.
  package var train: [PreferencePair]
  /// Pairs to choose settings by; none where nothing is chosen.
  package var validation: [PreferencePair]
  /// Held-out pairs, at least one suite.
  package var suites: [Suite]
  /// Conversations to learn language from, and to read again; `nil` where there are none.
  package var corpus: URL?
  /// Pairs of prompts that are none of the training's, for demonstrations of a world that makes them so.
  package var tutored: [PreferencePair] = []

  /// Makes data.
  package init(
    digest: String,
    train: [PreferencePair],
    validation: [PreferencePair],
    suites: [Suite],
    corpus: URL? = nil
  ) {
    self.digest = digest
    self.train = train
    self.validation = validation
    self.suites = suites
    self.corpus = corpus
  }

  /// Takes the last training pairs away for validation, by prompt, so that none is in both.
  ///
  /// - Parameter count: At least so many pairs, where there are as many; 0 takes none.
  /// - Throws: `TrainingError.recipe` where nothing is left to train on.
  package mutating func holdOut(_ count: Int) throws {
    let held = Set(train.suffix(count).map(\.prompt))
    validation = train.filter { held.contains($0.prompt) }
    train.removeAll { held.contains($0.prompt) }
    guard !train.isEmpty else {
      throw TrainingError.recipe(
        reason: "search.pairs takes all \(validation.count) training pairs for validation; "
          + "give more pairs, or a smaller number"
      )
    }
  }
}

/// Where a comparison's data and start model come from, and what is known about them.
///
/// What a world does not know is `nil` or empty, as by default.
package protocol World: Sendable {
  /// What specifications call it.
  static var name: String { get }

  /// Reports settings of a specification that this world cannot use.
  static func check(_ config: StudyConfig, _ checks: inout RecipeChecks)

  /// Makes the world that a specification describes.
  ///
  /// - Throws: What opening its model's files throws.
  init(_ config: StudyConfig) throws

  /// Makes or reads its data.
  ///
  /// - Parameter stages: Where files that it makes are kept.
  /// - Returns: The data.
  /// - Throws: `DataError`, `FileError`, or `TrainingError.recipe` where too few pairs are left.
  func data(_ stages: StageRunner) async throws -> WorldData

  /// The folder of its start model; where there is none, one is pretrained on the corpus.
  var startModel: URL? { get }

  /// Demonstrations of all roles, which a pretrained model becomes a start model by.
  ///
  /// - Parameter data: Its data.
  /// - Returns: None where its start model needs none, or has none.
  /// - Throws: What the world throws.
  func demonstrations(_ data: WorldData) throws -> [Demonstration]

  /// What all of its data are drawn from: worlds of different seeds have no pair in common. `nil` where data do
  /// not depend on a seed.
  var seed: Int? { get }

  /// How its start model's roles are asked; `nil` leaves it to the methods' settings.
  var prompts: RolePrompts? { get }

  /// Tells whether a critique claims only what is true.
  var truth: CritiqueTruth? { get }

  /// Exact judgements.
  var oracle: JudgementOracle? { get }

  /// Teachers of critiques.
  ///
  /// - Parameter startStrength: How often the start model prefers the better response as a critic, which
  ///   an equal teacher does too; `nil` where that is not known.
  /// - Returns: `nil` where there are none.
  func teachers(startStrength: Double?) -> CritiqueTeachers?

  /// How good its teachers are on validation pairs, by what is printed beside the start model's strength.
  func teacherStrength(startStrength: Double?) -> [String: Double]

  /// Tells whether a response to the prompt of a pair is right.
  var isRight: (@Sendable (_ id: String, _ response: String) -> Bool?)? { get }

  /// Prompts for a policy to respond to, of which `isRight` knows.
  func policyPrompts(_ data: WorldData) -> [PreferencePair]

  /// What a pair shares with others that depend on it, as its question.
  func cluster(of pair: PreferencePair) -> String?

  /// A kind of pairs whose figures are shown apart, as their number of steps.
  func bin(of pair: PreferencePair) -> String?
}

extension World {
  /// Everything can be used.
  package static func check(_ config: StudyConfig, _ checks: inout RecipeChecks) {}
  /// None.
  package var startModel: URL? { nil }
  /// None.
  package func demonstrations(_ data: WorldData) throws -> [Demonstration] { [] }
  /// Data are what they are.
  package var seed: Int? { nil }
  /// As settings say.
  package var prompts: RolePrompts? { nil }
  /// Nobody can tell.
  package var truth: CritiqueTruth? { nil }
  /// None.
  package var oracle: JudgementOracle? { nil }
  /// None.
  package func teachers(startStrength: Double?) -> CritiqueTeachers? { nil }
  /// None.
  package func teacherStrength(startStrength: Double?) -> [String: Double] { [:] }
  /// Nobody can tell.
  package var isRight: (@Sendable (_ id: String, _ response: String) -> Bool?)? { nil }
  /// Those of the first suite.
  package func policyPrompts(_ data: WorldData) -> [PreferencePair] { data.suites[0].pairs }
  /// Pairs stand alone.
  package func cluster(of pair: PreferencePair) -> String? { nil }
  /// All pairs are of one kind.
  package func bin(of pair: PreferencePair) -> String? { nil }
}
