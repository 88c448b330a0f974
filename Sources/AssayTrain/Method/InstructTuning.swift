// An instruction-tuned start model: the base model learns from demonstrations to answer, criticize,
// judge, rate, merge and revise. It is meant to be imperfect: its own critiques and judgements are
// what Critic-RM and STaR start from.

import AssayData
import AssayModel
import AssayRun
import AssayText
import Foundation

/// How the start model of the comparison is made.
package struct InstructSection: RecipeSection {
  /// Demonstrations of all roles together; 0 makes none: methods start from the base model.
  ///
  /// Default: 20000.
  package var demonstrations = 20000
  /// The most steps that a demonstrated task has: longer ones have to be generalized to.
  ///
  /// Default: 2.
  package var steps = 2
  /// The share of demonstrations with a slip in their working, carried to the end.
  ///
  /// Default: 0.1.
  package var slips = 0.1
  /// The share of demonstrations whose conclusion is turned round.
  ///
  /// Default: 0.05.
  package var verdictNoise = 0.05
  /// How often demonstrations misread a task of a misconception, a fixed third of what tasks are made of:
  /// always in the same way, so that votes cannot mend it and labels can.
  ///
  /// Default: 0.
  package var misconceptions = 0.0
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 1e-3)
  /// Demonstrations in a step.
  ///
  /// Default: 64.
  package var batchSequences = 64
  /// Times that the demonstrations are read.
  ///
  /// Default: 1.
  package var epochs = 1

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(demonstrations >= 0, "demonstrations", "a number of at least 0")
    for (value, name) in [
      (steps, "steps"), (batchSequences, "batchSequences"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
    checks.require((0...1).contains(slips), "slips", "a share from 0 to 1")
    checks.require((0...1).contains(verdictNoise), "verdictNoise", "a share from 0 to 1")
    checks.require((0...1).contains(misconceptions), "misconceptions", "a share from 0 to 1")
  }
}

/// Trains a start model on demonstrations.
package struct InstructTuning {
  let section: InstructSection
  let compute: ComputeSection
  let events: RunEventHandler

  /// Makes the work of a stage.
  package init(section: InstructSection, compute: ComputeSection, events: @escaping RunEventHandler)
  {
    self.section = section
    self.compute = compute
    self.events = events
  }

  /// Trains a start model.
  ///
  /// - Parameters:
  ///   - stage: Where it is trained.
  ///   - base: The folder of the base model.
  ///   - demonstrations: What it learns.
  /// - Throws: `TrainingError.noData`, or what training throws.
  package func run(_ stage: Stage, base: URL, demonstrations: [Demonstration]) throws {
    // 1 model
    let model = try compute.modelToTrain(base, adapts: false)
    model.manifest = ModelManifest(kind: .languageModel)

    // 2 data
    let renderer = try model.renderer()
    let sequences = try demonstrations.map { demonstration in
      switch demonstration {
      case .conversation(_, let messages):
        // Only what the assistant says last: a demonstrated response may be a wrong one.
        try lastTurn(messages, renderer)
      case .critique(_, let prompt, let response, let critique, let leadIn):
        TrainingSequence(
          try renderer.render(
            prompt: prompt,
            response: response,
            critique: critique,
            leadIn: leadIn,
            trainsLeadIn: false
          ),
          withTargets: true
        )
      }
    }.filter { !$0.targets.isEmpty }.map {
      TrainingSequence(tokens: $0.tokens, targets: $0.targets, scoredIndex: nil)
    }
    guard !sequences.isEmpty else {
      throw TrainingError.noData(stage: stage.name, hint: "there are no demonstrations")
    }

    // 3 training
    try BatchTraining(
      stage: stage,
      model: model,
      optimizer: section.optimizer,
      compute: compute,
      events: events
    ).run(
      sequences,
      batchSize: section.batchSequences,
      epochs: section.epochs
    ) { _ in TokenObjective() }
  }

  private func lastTurn(
    _ messages: [Message],
    _ renderer: SequenceRenderer
  ) throws -> TrainingSequence {
    var sequence = TrainingSequence(
      try renderer.renderForLanguageModel(messages, targets: .assistant)
    )
    guard let last = messages.last, last.role == "assistant" else { return sequence }
    let asked = try renderer.generationPrefix(prompt: Array(messages.dropLast()))
    sequence.targets.removeAll { $0 < asked.count }
    return sequence
  }
}
