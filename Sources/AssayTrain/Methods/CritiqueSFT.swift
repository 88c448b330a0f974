// Critique SFT: a model learns an oracle's critiques. It is CLoud's first stage, and a method of its
// own for whoever wants a critic that does not score.
//
//   assay train Recipes/cloud.yaml --set method=critique-sft --set model=base \
//     --set data.train=train.jsonl --out runs/critic

import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// How critiques are learnt from the oracle.
package struct CritiqueSection: RecipeSection {
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 5e-6)
  /// Responses, of which there are two a pair, in a step.
  ///
  /// Default: 64.
  package var batchResponses = 64
  /// Parts that a step is computed in, to save memory; the result is the same.
  ///
  /// Default: 1.
  package var accumulation = 1
  /// Times that the critiques are read.
  ///
  /// Default: 1.
  package var epochs = 1
  /// What opens the critique's turn, in the user's voice.
  ///
  /// Default: `critique :`.
  package var leadIn = "critique :"
  /// Whether the constant lead-in is learnt too, as in the released code.
  ///
  /// Default: false.
  package var trainsLeadIn = false
  /// Tokens that a critique may have when it is written.
  ///
  /// Default: 1024, as in the paper.
  package var critiqueTokens = 1024
  /// Whose critiques are learnt; all but `pairs` and `self` need a world with teachers.
  ///
  /// Default: `pairs`.
  package var teacher = CritiqueTeacher.pairs

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (batchResponses, "batchResponses"), (accumulation, "accumulation"), (epochs, "epochs"),
      (critiqueTokens, "critiqueTokens"),
    ] { checks.require(value > 0, name, "a number above 0") }
  }
}

extension CritiqueSection {
  /// What its training reads.
  func shape(share: Double = 1) -> TrainingShape {
    TrainingShape(
      stage: "critique-sft",
      key: "critique",
      reads: .critiques(tokens: critiqueTokens),
      head: nil,
      batch: batchResponses,
      accumulation: accumulation,
      epochs: epochs,
      moments: optimizer.moments,
      share: share
    )
  }
}

/// The oracle's critiques alone.
struct CritiqueSFTMethod: Method {
  static let section = SectionKey("critique", CritiqueSection())

  let name = "critique-sft"
  let summary = "a critic that writes and does not score, from critiques in the pairs"
  var sections: [any MethodSection] { [Self.section] }
  var tuned: [any MethodSection] { [Self.section] }

  func trainings(_ settings: MethodSettings) -> [TrainingShape] { [settings[Self.section].shape()] }

  func data(_ settings: MethodSettings) -> MethodData {
    .critiquedPairs(leadIn: settings[Self.section].leadIn)
  }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? { nil }

  func run(in context: RunContext) async throws -> TrainedModel {
    let section = context.settings[Self.section]
    let stage = try await CritiqueTraining(
      section: section,
      context: try await context.taught(by: section)
    ).run()
    return try TrainedModel(stage, nil)
  }
}

/// A critique of one response of a pair, as `records.jsonl` of a critiques stage has it.
package struct CritiqueRecord: Codable, Equatable, Sendable {
  /// The pair's id.
  package var id: String
  /// `chosen` or `rejected`.
  package var side: String
  /// The critique.
  package var critique: String
  /// `stop`, or `length` where it was cut.
  package var finishReason: FinishReason

  /// Makes a record.
  package init(id: String, side: String, critique: String, finishReason: FinishReason) {
    self.id = id
    self.side = side
    self.critique = critique
    self.finishReason = finishReason
  }

  enum CodingKeys: String, CodingKey {
    case id, side, critique
    case finishReason = "finish_reason"
  }
}

/// CLoud's stage 1: the start model learns the oracle's critiques.
struct CritiqueTraining {
  let section: CritiqueSection
  let context: RunContext
  /// Which part of the method's steps this training has, where these are set.
  var share = 1.0

  /// Runs the stage.
  func run() async throws -> Stage {
    let start = try context.startFolder()
    return try await context.stages.run(
      "critique-sft",
      from: [
        "critique": section, "compute": context.compute, "replay": context.replay?.made,
        "share": context.compute.steps.map { _ in share },
      ],
      inputs: context.inputs
    ) { try train($0, start) }
  }

  private func train(_ stage: Stage, _ start: URL) throws {
    // 1 model
    let model = try context.compute.modelToTrain(start)
    guard model.decoder.isLanguageModel else {
      throw ModelError.lacks(
        path: start.path,
        part: "output embedding",
        hint: "critiques need a language model"
      )
    }
    model.manifest = ModelManifest(
      kind: .languageModel,
      leadIn: section.leadIn,
      critiqueTokens: section.critiqueTokens
    )

    // 2 data
    let renderer = try model.renderer()
    let sequences = try sequences(context.pairs, renderer)
    guard !sequences.isEmpty else {
      throw TrainingError.noData(
        stage: stage.name,
        hint: "CLoud needs chosen_critique and rejected_critique in the pairs"
      )
    }

    // 3 training
    try context.training(stage, model, section.optimizer, share: share).run(
      sequences,
      heldOut: try self.sequences(context.heldOut, renderer),
      batchSize: section.batchResponses,
      accumulation: section.accumulation,
      epochs: section.epochs
    ) { _ in TokenObjective() }
  }

  /// The critiques of both responses of each pair, where it has them.
  private func sequences(
    _ pairs: [PreferencePair],
    _ renderer: SequenceRenderer
  ) throws -> [TrainingSequence] {
    try pairs.flatMap { pair in
      try [(pair.chosen, pair.chosenCritique), (pair.rejected, pair.rejectedCritique)].compactMap {
        response,
        critique in
        try critique.map {
          TrainingSequence(
            try renderer.render(
              prompt: pair.prompt,
              response: response,
              critique: $0,
              leadIn: section.leadIn,
              trainsLeadIn: section.trainsLeadIn
            ),
            withTargets: true
          )
        }
      }
    }
  }
}
