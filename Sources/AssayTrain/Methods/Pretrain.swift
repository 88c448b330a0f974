// Language-model pretraining of a small model from nothing: a byte-level BPE tokenizer from the
// corpus, then next-token prediction. It does not resume from published weights, nor shuffle across
// files; it is what makes the Playground's base model.
//
//   assay train Recipes/pretrain.yaml --set corpus=corpus.jsonl --out runs/base

import AssayData
import AssayEvaluate
import AssayModel
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// How a base model is made.
package struct BaseSection: RecipeSection {
  /// Token ids of the new tokenizer, bytes and special tokens included.
  ///
  /// Default: 1024.
  package var vocabularySize = 1024
  /// The model's sizes.
  package var architecture = ArchitectureSection()
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 3e-3)
  /// Conversations in a step.
  ///
  /// Default: 64.
  package var batchSequences = 64
  /// Parts that a step is computed in, to save memory; the result is the same.
  ///
  /// Default: 1.
  package var accumulation = 1
  /// Times that the corpus is read.
  ///
  /// Default: 1.
  package var epochs = 1
  /// Whether the assistant's turns are learnt or everything.
  ///
  /// Default: `all`.
  package var targets = LanguageModelTargets.all

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(vocabularySize >= 262, "vocabularySize", "at least 262: bytes, special tokens")
    for (value, name) in [
      (batchSequences, "batchSequences"), (accumulation, "accumulation"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
  }
}

/// A base model from nothing.
struct PretrainMethod: Method {
  static let section = SectionKey("base", BaseSection())

  let name = "pretrain"
  let summary = "a tokenizer and a small base model from a corpus"
  var sections: [any MethodSection] { [Self.section] }
  var tuned: [any MethodSection] { [Self.section] }

  func data(_ settings: MethodSettings) -> MethodData { .corpus }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? { nil }

  func run(in context: RunContext) async throws -> TrainedModel {
    let section = context.settings[Self.section]
    guard let corpus = context.corpus else {
      throw TrainingError.recipe(reason: "there is nothing to learn language from: set `corpus`")
    }
    let stage = try await context.stages.run(
      "base",
      from: ["base": section, "compute": context.compute],
      inputs: context.inputs
    ) { stage in
      try Pretraining(section: section, compute: context.compute, events: context.events)
        .run(stage, conversations: try CorpusFile.read(corpus))
    }
    return try TrainedModel(stage, nil)
  }
}

/// Makes a tokenizer and a base model from conversations.
package struct Pretraining {
  let section: BaseSection
  let compute: ComputeSection
  let events: RunEventHandler

  /// Makes the work of a stage.
  package init(section: BaseSection, compute: ComputeSection, events: @escaping RunEventHandler) {
    self.section = section
    self.compute = compute
    self.events = events
  }

  /// Trains a base model.
  ///
  /// - Parameters:
  ///   - stage: Where it is trained.
  ///   - conversations: What it learns.
  ///   - vocabularyTexts: What the tokenizer reads besides.
  /// - Throws: `TrainingError.noData`, or what training throws.
  package func run(
    _ stage: Stage,
    conversations: [[Message]],
    vocabularyTexts: [String] = []
  ) throws {
    // 1 data
    guard !conversations.isEmpty else {
      throw TrainingError.noData(stage: stage.name, hint: "the corpus is empty")
    }
    let template = ChatTemplate.assay
    let tokenizer = try tokenizer(stage, conversations, vocabularyTexts)
    let renderer = try SequenceRenderer(
      tokenizer: tokenizer,
      template: template,
      maximumTokens: section.architecture.contextTokens
    )
    let sequences = try conversations.map {
      TrainingSequence(try renderer.renderForLanguageModel($0, targets: section.targets))
    }.filter { !$0.targets.isEmpty }
    guard !sequences.isEmpty else {
      throw TrainingError.noData(
        stage: stage.name,
        hint: "the corpus has no text to learn; base.targets is \(section.targets.rawValue)"
      )
    }

    // 2 model
    var configuration = section.architecture.configuration(
      vocabularySize: tokenizer.vocabularySize
    )
    configuration.padTokenID = template.padding.flatMap { tokenizer.id(of: $0) }.map(Int.init)
    configuration.beginTokenID = template.beginning.flatMap { tokenizer.id(of: $0) }.map(Int.init)
    configuration.endTokenIDs = [Int(renderer.endOfTurnID)]
    let decoder = Decoder(
      random: configuration,
      seed: UInt64(compute.seed),
      device: try compute.chosenDevice()
    )
    let model = Model(
      decoder: decoder,
      head: nil,
      tokenizer: tokenizer,
      template: template,
      manifest: ModelManifest(kind: .languageModel)
    )
    compute.prepare(model)

    // 3 training
    try BatchTraining(
      stage: stage,
      model: model,
      optimizer: section.optimizer,
      compute: compute,
      events: events,
      steps: compute.steps
    ).run(
      sequences,
      batchSize: section.batchSequences,
      accumulation: section.accumulation,
      epochs: section.epochs
    ) { _ in TokenObjective() }
  }

  /// The tokenizer of the stage: trained once, read back when the stage goes on.
  private func tokenizer(
    _ stage: Stage,
    _ conversations: [[Message]],
    _ more: [String]
  ) throws -> any Tokenizer {
    let url = stage.file("tokenizer.json")
    if FileManager.default.fileExists(atPath: url.path) { return try TokenizerFile.read(url) }
    let trainer = BPETrainer(
      vocabularySize: section.vocabularySize,
      specialTokens: ChatTemplate.assaySpecialTokens
    )
    let tokenizer = try trainer.train(conversations.joined().map(\.content) + more)
    try tokenizer.save(to: url)
    return tokenizer
  }
}
