// CLoud: critique-out-loud reward models, in three stages.
//
//   1 critique SFT   the base model learns the oracle's critiques of both responses
//   2 critiques      that model writes one critique of every response: on-policy data
//   3 joint          from the weights of stage 1 and a fresh head, Bradley-Terry on rewards read
//                    behind the critiques, plus lambda times the critiques' token loss
//
// `on_policy: false` trains stage 3 on the oracle's critiques instead: the paper's ablation. There
// is no filter of critiques, as in the paper. Everything trains; there are no adapters.
//
//   assay train Recipes/cloud.yaml --set model=base --set data.train=train.jsonl --out runs/cloud
//
// Source: Ankner et al. 2024 (arXiv:2408.11791), and their released code for what it leaves open.

import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import Foundation

/// How critiques are learnt from the oracle.
public struct CritiqueSection: RecipeSection {
  /// How weights are updated.
  public var optimizer = OptimizerSection(learningRate: 5e-6)
  /// Responses, of which there are two a pair, in a step.
  ///
  /// Default: 64.
  public var batchResponses = 64
  /// Parts that a step is computed in, to save memory; the result is the same.
  ///
  /// Default: 1.
  public var accumulation = 1
  /// Times that the critiques are read.
  ///
  /// Default: 1.
  public var epochs = 1
  /// What opens the critique's turn, in the user's voice.
  ///
  /// Default: `critique :`.
  public var leadIn = "critique :"
  /// Whether the constant lead-in is learnt too, as in the released code.
  ///
  /// Default: false.
  public var trainsLeadIn = false
  /// Tokens that a critique may have when it is written.
  ///
  /// Default: 256.
  public var critiqueTokens = 256

  /// Makes a section of defaults.
  public init() {}

  /// Reports settings that cannot be used.
  public func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (batchResponses, "batchResponses"), (accumulation, "accumulation"), (epochs, "epochs"),
      (critiqueTokens, "critiqueTokens"),
    ] { checks.require(value > 0, name, "a number above 0") }
  }
}

/// How a CLoud model is trained behind its critique SFT.
public struct CloudSection: RecipeSection {
  /// Whether stage 3 trains on critiques that the model wrote itself.
  ///
  /// Default: true.
  public var onPolicy = true
  /// Temperature of the regenerated critiques.
  ///
  /// Default: 0, greedy, as in the paper.
  public var temperature = 0.0
  /// Weight of the critique's token loss; the paper has 1.25 (8B) and 0.75 (70B).
  ///
  /// Default: 1.25.
  public var lambda = 1.25
  /// The head: `cloud` (two layers, the paper's) or `linear`.
  ///
  /// Default: `cloud`.
  public var head = HeadKind.cloud
  /// How weights are updated.
  public var optimizer = OptimizerSection(learningRate: 1e-6)
  /// Pairs in a step.
  ///
  /// Default: 32.
  public var batchPairs = 32
  /// Parts that a step is computed in, to save memory; the result is the same.
  ///
  /// Default: 1.
  public var accumulation = 1
  /// Times that the pairs are read.
  ///
  /// Default: 1.
  public var epochs = 1
  /// Weight of the term that draws rewards to a mean of zero.
  ///
  /// Default: 0.
  public var centring = 0.0

  /// Makes a section of defaults.
  public init() {}

  /// Reports settings that cannot be used.
  public func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (batchPairs, "batchPairs"), (accumulation, "accumulation"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
    checks.require(lambda >= 0, "lambda", "a number of at least 0")
    checks.require(temperature >= 0, "temperature", "a number of at least 0")
    checks.require(centring >= 0, "centring", "a number of at least 0")
  }
}

/// A critique of one response of a pair, as `records.jsonl` of a critiques stage has it.
public struct CritiqueRecord: Codable, Equatable, Sendable {
  /// The pair's id.
  public var id: String
  /// `chosen` or `rejected`.
  public var side: String
  /// The critique.
  public var critique: String
  /// `stop`, or `length` where it was cut.
  public var finishReason: String

  /// Makes a record.
  public init(id: String, side: String, critique: String, finishReason: String) {
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

/// Stage 1: the base model learns the oracle's critiques.
struct CritiqueTraining {
  let section: CritiqueSection
  let compute: ComputeSection
  let events: RunEventHandler

  func run(_ stage: Stage, base: URL, pairs: [PreferencePair]) throws {
    // 1 model
    let model = try Model.load(base, device: try compute.chosenDevice())
    guard model.decoder.isLanguageModel else {
      throw ModelError.lacks(
        path: base.path,
        part: "output embedding",
        hint: "critiques need a language model"
      )
    }
    model.decoder.computeType = compute.dtype.dtype
    model.manifest = ModelManifest(
      kind: .languageModel,
      leadIn: section.leadIn,
      critiqueTokens: section.critiqueTokens
    )

    // 2 data
    let renderer = try model.renderer()
    let sequences = try pairs.flatMap { pair in
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
    guard !sequences.isEmpty else {
      throw TrainingError.noData(
        stage: stage.name,
        hint: "CLoud needs chosen_critique and rejected_critique in the pairs"
      )
    }

    // 3 optimizer and schedule
    let plan = ShuffledBatches(
      itemCount: sequences.count,
      batchSize: section.batchResponses,
      seed: UInt64(compute.seed)
    )
    let loop = TrainingLoop(
      stage: stage,
      model: model,
      section: section.optimizer,
      steps: plan.batchesPerEpoch * section.epochs,
      checkpointSteps: compute.checkpointSteps,
      events: events
    )

    // 4 loop
    var order = EpochOrder(plan)
    try loop.run { step in
      let items = order.items(step: step)
      return tokenLossStep(
        items.map { sequences[$0] },
        items: items,
        model: model,
        accumulation: section.accumulation
      )
    }
    try loop.publish()
  }
}

/// Stage 2: the model writes a critique of every response.
struct CritiqueRegeneration {
  let temperature: Double
  let compute: ComputeSection
  let events: RunEventHandler

  func run(_ stage: Stage, critic: URL, pairs: [PreferencePair]) async throws {
    let log = try stage.records(of: CritiqueRecord.self)
    var done = try log.records().count
    let model = try Model.load(critic, device: try compute.chosenDevice())
    var settings = CritiqueSettings()
    settings.temperature = Float(temperature)
    settings.seed = UInt64(compute.seed)
    let writer = try CritiqueWriter(model, settings: settings)
    let engine = GenerationEngine(decoder: model.decoder, head: nil, tokenizer: model.tokenizer)
    let sides = pairs.flatMap { [($0, "chosen", $0.chosen), ($0, "rejected", $0.rejected)] }
    events(
      .stageStarted(name: stage.name, number: stage.number, total: sides.count, resumedAt: done)
    )
    var cut = 0
    while done < sides.count {
      try Interruption.check()
      let part = sides[done..<min(done + 1024, sides.count)]
      let inputs = part.map { ScoringInput.response(prompt: $0.0.prompt, response: $0.2) }
      let written = try await engine.generate(try writer.requests(inputs, firstIndex: done))
      cut += written.count { $0.finishReason == .length }
      try log.append(
        contentsOf: zip(part, written).map { side, generation in
          CritiqueRecord(
            id: side.0.id,
            side: side.1,
            critique: generation.text,
            finishReason: generation.finishReason.rawValue
          )
        }
      )
      try log.synchronize()
      done += part.count
      let tokens = written.map { $0.tokens.count + 1 }.reduce(0, +)
      events(.step(done: done, total: sides.count, metrics: [], tokens: tokens))
    }
    if cut > 0 {
      events(
        .warning(
          "\(cut) of \(sides.count) critiques were cut at \(writer.critiqueTokens) tokens; their "
            + "end is not learnt"
        )
      )
    }
  }
}

/// Stage 3: joint training of critiques and rewards.
struct JointTraining {
  let section: CloudSection
  let critique: CritiqueSection
  let compute: ComputeSection
  let events: RunEventHandler

  /// Trains, on the model's own critiques (chosen and rejected in turn) or, for `nil`, the oracle's.
  func run(
    _ stage: Stage,
    critic: URL,
    pairs: [PreferencePair],
    critiques: [CritiqueRecord]?
  ) throws {
    // 1 model
    let model = try Model.load(critic, device: try compute.chosenDevice())
    model.decoder.computeType = compute.dtype.dtype
    model.head = RewardHead(
      random: section.head.kind,
      hiddenSize: model.decoder.configuration.hiddenSize,
      seed: UInt64(compute.seed),
      device: model.decoder.device
    )
    model.manifest.kind = .cloud

    // 2 data
    let renderer = try model.renderer()
    let sequences = try critiquedPairs(
      pairs,
      renderer: renderer,
      section: critique,
      written: critiques
    )
    guard !sequences.isEmpty else {
      throw TrainingError.noData(stage: stage.name, hint: "no pair has critiques of both responses")
    }

    // 3 optimizer and schedule
    let plan = ShuffledBatches(
      itemCount: sequences.count,
      batchSize: section.batchPairs,
      seed: UInt64(compute.seed)
    )
    let loop = TrainingLoop(
      stage: stage,
      model: model,
      section: section.optimizer,
      steps: plan.batchesPerEpoch * section.epochs,
      checkpointSteps: compute.checkpointSteps,
      events: events
    )

    // 4 loop
    var order = EpochOrder(plan)
    try loop.run { step in
      let items = order.items(step: step)
      return preferenceStep(
        items.map { sequences[$0] },
        items: items,
        model: model,
        lambda: section.lambda,
        centring: section.centring,
        accumulation: section.accumulation
      )
    }
    try loop.publish()
  }
}

/// The pairs of the joint loss: both responses with critiques, each scored where its critique ends.
///
/// - Parameters:
///   - pairs: The pairs; those without both critiques are left out.
///   - renderer: What makes tokens of them.
///   - section: How critiques are opened.
///   - written: The model's own critiques, chosen and rejected in turn; `nil` takes the oracle's.
/// - Returns: The pairs as tokens.
/// - Throws: `TrainingError.recipe` where the critiques are not those of the pairs.
package func critiquedPairs(
  _ pairs: [PreferencePair],
  renderer: SequenceRenderer,
  section: CritiqueSection,
  written: [CritiqueRecord]?
) throws -> [TrainingPair] {
  if let written, written.count != 2 * pairs.count {
    throw TrainingError.recipe(
      reason: "\(written.count) critiques for \(pairs.count) pairs: the data changed since "
        + "they were written; use another --out"
    )
  }
  return try pairs.enumerated().compactMap { index, pair in
    func side(_ response: String, _ oracle: String?, _ offset: Int) throws -> TrainingSequence? {
      let own = written?[2 * index + offset]
      guard let text = own?.critique ?? oracle else { return nil }
      var sequence = TrainingSequence(
        try renderer.render(
          prompt: pair.prompt,
          response: response,
          critique: text,
          leadIn: section.leadIn,
          trainsLeadIn: section.trainsLeadIn
        ),
        withTargets: true
      )
      // The model did not choose to end a critique that was cut.
      if own?.finishReason == "length" { sequence.targets.removeLast() }
      return sequence
    }
    guard let chosen = try side(pair.chosen, pair.chosenCritique, 0),
      let rejected = try side(pair.rejected, pair.rejectedCritique, 1)
    else { return nil }
    return TrainingPair(
      chosen: chosen,
      rejected: rejected,
      margin: pair.margin,
      probability: pair.probability
    )
  }
}
