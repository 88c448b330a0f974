import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// A critique of one response of a pair, as `records.jsonl` of a critiques stage has it.
package struct CritiqueRecord: Codable, Equatable, Sendable {
  /// The pair's id.
  package var id: String
  /// `chosen` or `rejected`.
  package var side: String
  /// The critique.
  package var critique: String
  /// `stop`, or `length` where it was cut.
  package var finishReason: String

  /// Makes a record.
  package init(id: String, side: String, critique: String, finishReason: String) {
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
  var replay: Replay?

  func run(_ stage: Stage, base: URL, pairs: [PreferencePair]) throws {
    // 1 model
    let model = try compute.modelToTrain(base)
    guard model.decoder.isLanguageModel else {
      throw ModelError.lacks(
        path: base.path,
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

    // 3 training
    try BatchTraining(
      stage: stage,
      model: model,
      optimizer: section.optimizer,
      compute: compute,
      events: events,
      replay: replay
    ).run(count: sequences.count, batchSize: section.batchResponses, epochs: section.epochs) {
      step in
      tokenLossStep(
        step.items.map { sequences[$0] },
        items: step.items,
        model: model,
        accumulation: section.accumulation
      )
    }
  }
}

/// Stage 2: the model writes a critique of every response.
struct CritiqueRegeneration {
  let temperature: Double
  let compute: ComputeSection
  let events: RunEventHandler

  func run(_ stage: Stage, critic: URL, pairs: [PreferencePair]) async throws {
    let model = try Model.load(critic, device: try compute.chosenDevice())
    var settings = CritiqueSettings()
    settings.temperature = Float(temperature)
    settings.seed = UInt64(compute.seed)
    let writer = try CritiqueWriter(model, settings: settings)
    let sides = pairs.flatMap { [($0, "chosen", $0.chosen), ($0, "rejected", $0.rejected)] }
    let records: [CritiqueRecord] = try await SamplingStage(
      stage: stage,
      model: model,
      events: events,
      stretch: 1024
    ).run(count: sides.count) { index in
      let (pair, _, response) = sides[index]
      let input = ScoringInput.response(prompt: pair.prompt, response: response)
      return try writer.requests(input, index: index)
    } record: { index, written in
      CritiqueRecord(
        id: sides[index].0.id,
        side: sides[index].1,
        critique: written[0].text,
        finishReason: written[0].finishReason.rawValue
      )
    }
    let cut = records.count { $0.finishReason == FinishReason.length.rawValue }
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
