import AssayBase
import AssayData
import AssayReward
import AssayRun
import AssayText
import AssayTrain
import Foundation

/// The synthetic world that ships with Assay: it knows everything about its items.
struct PlaygroundWorld: World {
  static let name = "playground"
  private let wording = RolePrompts.playground
  var prompts: RolePrompts? { wording }
  var seed: Int? { config.compute.seed }
  private let config: StudyConfig
  private let playground: Playground

  static func check(_ config: StudyConfig, _ checks: inout RecipeChecks) {
    config.refuseFiles(&checks)
  }

  init(_ config: StudyConfig) {
    self.config = config
    var configuration = PlaygroundConfiguration(seed: UInt64(config.compute.seed))
    configuration.holdsOut = config.playground.holdsOut
    configuration.taste = config.playground.taste
    playground = Playground(configuration)
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
          ood: section.holdsOut ? section.long : section.ood,
          corpus: section.corpus
        ),
        to: folder
      )
      guard section.holdsOut else { return ["test", "ood"] }
      // More steps are a suite of their own; out of distribution is what training never showed.
      let long = folder.appendingPathComponent("long.jsonl")
      try? FileManager.default.removeItem(at: long)
      try FileManager.default.moveItem(at: folder.appendingPathComponent("ood.jsonl"), to: long)
      try PlaygroundWriter.writeUnseen(
        playground.configuration,
        count: section.ood,
        to: folder.appendingPathComponent("ood.jsonl")
      )
      return ["test", "ood", "long"]
    }.data
    data.train = data.train.map(labelled)
    if config.needsValidation {
      data.validation = playground.validation(
        count: config.search.pairs,
        behind: data.train.count
      ).map(\.pair)
    }
    return data
  }

  /// A training pair with its label turned round, where the annotator errs.
  private func labelled(_ pair: PreferencePair) -> PreferencePair {
    guard config.playground.labelFlips > 0 else { return pair }
    var random = SeededRandom(
      path: [UInt64(config.compute.seed), 0x464C_4950] + pair.id.utf8.map(UInt64.init)
    )
    guard random.unit() < config.playground.labelFlips else { return pair }
    var turned = pair
    (turned.chosen, turned.rejected) = (pair.rejected, pair.chosen)
    (turned.chosenCritique, turned.rejectedCritique) = (pair.rejectedCritique, pair.chosenCritique)
    return turned
  }

  func demonstrations(_ data: WorldData) -> [Demonstration] {
    let section = config.instruct
    let tutor = PlaygroundTutor(
      playground,
      prompts: wording,
      strength: TutorStrength(
        steps: section.steps,
        slips: section.slips,
        verdictNoise: section.verdictNoise,
        misconceptions: section.misconceptions
      )
    )
    return (0..<section.demonstrations).map(tutor.demonstration)
  }

  var truth: CritiqueTruth? {
    { [playground] pair, response, critique in
      guard let item = playground.item(id: pair.id) else { return nil }
      let check = PlaygroundChecker.check(critique: critique, of: item, response: response)
      return check.claims > 0 && check.falseClaims.isEmpty
    }
  }

  var oracle: JudgementOracle? { JudgementOracle(playground) }

  func teachers(startStrength: Double?) -> CritiqueTeachers? {
    let teachers = teacherLevels(startStrength)
    return { [playground] level, pair, response in
      guard let item = playground.item(id: pair.id) else { return nil }
      return teachers[level]?.critique(of: item, response)
    }
  }

  func teacherStrength(startStrength: Double?) -> [String: Double] {
    let items = validationItems
    var result: [String: Double] = [:]
    for (level, teacher) in teacherLevels(startStrength) where level != .exact {
      result["teacher (\(level.rawValue))"] = teacher.accuracy(items)
    }
    return result
  }

  /// The pairs that difficulty is measured on.
  private var validationItems: [PlaygroundItem] {
    playground.validation(count: config.search.pairs, behind: config.playground.train)
  }

  /// Teachers by their level; an equal one where the start model's strength is known.
  private func teacherLevels(_ startStrength: Double?) -> [CritiqueTeacher: PlaygroundTeacher] {
    let seed = UInt64(config.compute.seed)
    let stronger = config.playground.teacher
    var strengths: [CritiqueTeacher: TeacherStrength] = [.exact: .exact, .stronger: stronger]
    if let startStrength {
      strengths[.equal] = stronger.weakened(to: startStrength, on: validationItems, seed: seed)
    }
    return strengths.mapValues { PlaygroundTeacher(seed: seed, strength: $0) }
  }

  var isRight: (@Sendable (String, String) -> Bool?)? {
    { [playground] id, response in playground.item(id: id)?.isRight(response) }
  }

  /// The steps of step-by-step tasks.
  func bin(of pair: PreferencePair) -> String? {
    func steps(_ count: Int) -> String { count == 1 ? "1 step" : "\(count) steps" }
    guard let item = playground.item(id: pair.id), !item.isTaste else { return nil }
    switch item.facts {
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
        shown(pair, order).flatMap {
          // Whoever knows what is right alone cannot tell two right responses apart.
          $0.item.isTaste ? nil : $0.item.judgement(a: $0.a, b: $0.b)
        }
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
