import AssayData
import AssayReward
import AssayRun
import AssayText
import AssayTrain

/// How many items of the Playground are made.
package struct PlaygroundSection: RecipeSection {
  /// Training pairs, over all sections.
  ///
  /// Default: 8000.
  package var train = 8000
  /// Test pairs, over all sections.
  ///
  /// Default: 2000.
  package var test = 2000
  /// Out-of-distribution pairs, over all sections.
  ///
  /// Default: 1000.
  package var ood = 1000
  /// Worked solutions to pretrain on.
  ///
  /// Default: 40000.
  package var corpus = 40000

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [(train, "train"), (test, "test"), (ood, "ood"), (corpus, "corpus")] {
      checks.require(value > 0, name, "a number above 0")
    }
  }
}

/// The synthetic world that ships with Assay: it knows everything about its items.
struct PlaygroundWorld: World {
  static let name = "playground"
  private let wording = RolePrompts.playground
  var prompts: RolePrompts? { wording }
  private let config: StudyConfig
  private let playground: Playground

  static func check(_ config: StudyConfig, _ checks: inout RecipeChecks) {
    config.refuseFiles(&checks)
  }

  init(_ config: StudyConfig) {
    self.config = config
    playground = Playground(PlaygroundConfiguration(seed: UInt64(config.compute.seed)))
  }

  func data(_ stages: StageRunner) async throws -> WorldData {
    let section = config.playground
    var data = try await WorldFiles(
      stages,
      from: ["playground": section],
      inputs: ["seed": "\(config.compute.seed)", "world": Self.name],
      limit: config.evaluation.pairs
    ) { folder in
      try PlaygroundWriter.write(
        playground.configuration,
        PlaygroundCounts(
          train: section.train,
          test: section.test,
          ood: section.ood,
          corpus: section.corpus
        ),
        to: folder
      )
      return ["test", "ood"]
    }.data
    if config.needsValidation {
      data.validation = playground.validation(
        count: config.search.pairs,
        behind: data.train.count
      ).map(\.pair)
    }
    return data
  }

  func demonstrations(_ data: WorldData) -> [Demonstration] {
    let section = config.instruct
    let tutor = PlaygroundTutor(
      playground,
      prompts: wording,
      strength: TutorStrength(
        steps: section.steps,
        slips: section.slips,
        verdictNoise: section.verdictNoise
      )
    )
    return (0..<section.demonstrations).map(tutor.demonstration)
  }

  var truth: CritiqueTruth? {
    { [playground] pair, response, critique in
      guard let item = playground.item(id: pair.id) else { return nil }
      return PlaygroundChecker.check(critique: critique, of: item, response: response).isTrue
    }
  }

  var oracle: JudgementOracle? { JudgementOracle(playground) }

  var isRight: (@Sendable (String, String) -> Bool?)? {
    { [playground] id, response in playground.item(id: id)?.isRight(response) }
  }

  /// The steps of step-by-step tasks.
  func bin(of pair: PreferencePair) -> String? {
    func steps(_ count: Int) -> String { count == 1 ? "1 step" : "\(count) steps" }
    switch playground.item(id: pair.id)?.facts {
    case .quantity(_, let changes): return steps(changes.count)
    case .holder(let names): return steps(names.count - 1)
    default: return nil
    }
  }
}

extension JudgementOracle {
  /// The Playground's.
  init(_ playground: Playground) {
    @Sendable func shown(
      _ pair: PreferencePair,
      _ order: JudgementOrder
    ) -> (item: PlaygroundItem, a: String, b: String)? {
      let isFirst = order == .chosenFirst
      return playground.item(id: pair.id).map {
        ($0, isFirst ? pair.chosen : pair.rejected, isFirst ? pair.rejected : pair.chosen)
      }
    }
    self.init(
      judgement: { pair, order in
        shown(pair, order).map { $0.item.judgement(a: $0.a, b: $0.b) }
      },
      isTrue: { pair, order, text in
        shown(pair, order).map {
          let check = PlaygroundChecker.check(judgement: text, of: $0.item, a: $0.a, b: $0.b)
          return check.claims > 0 && check.falseClaims.isEmpty
        }
      }
    )
  }
}
