// Joint training of critiques and rewards, which CLoud and Critic-RM share: they differ in the
// critiques that they learn from and in how the two losses are weighed.

import AssayData
import AssayModel
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// How rewards and critiques are trained together.
struct JointTraining {
  /// The layout of the new head.
  let head: HeadKind
  /// How weights are updated.
  let optimizer: OptimizerSection
  /// Pairs in a step.
  let batchPairs: Int
  /// Parts that a step is computed in.
  let accumulation: Int
  /// Times that the pairs are read.
  let epochs: Int
  /// Weight of the centring term.
  let centring: Double
  /// How the two losses are weighed.
  let weight: CritiqueWeight
  /// Which part of the method's steps this training has, where these are set.
  var share = 1.0
  let context: RunContext

  /// Trains a fresh head and all weights of a model, and saves it as a critic with rewards.
  ///
  /// - Parameters:
  ///   - stage: Where it is trained.
  ///   - start: The folder of the model to start from.
  ///   - leadIn: What opens critiques.
  ///   - critiqueTokens: Tokens that a critique may have.
  ///   - pairs: Makes the pairs as tokens, those learnt from and those held out.
  /// - Throws: `TrainingError.noData` where there are none, or what training throws.
  func run(
    _ stage: Stage,
    start: URL,
    leadIn: String,
    critiqueTokens: Int,
    pairs: (SequenceRenderer) throws -> (learnt: [TrainingPair], heldOut: [TrainingPair])
  ) throws {
    // 1 model
    let model = try context.compute.modelToTrain(start)
    model.head = context.compute.newHead(head, for: model)
    model.manifest = ModelManifest(kind: .cloud, leadIn: leadIn, critiqueTokens: critiqueTokens)

    // 2 data
    let (sequences, heldOut) = try pairs(try model.renderer())
    guard !sequences.isEmpty else {
      throw TrainingError.noData(
        stage: stage.name,
        hint: "no pair has critiques of both responses, or none is left of them"
      )
    }

    // 3 training
    let training = context.training(stage, model, optimizer, share: share)
    let perEpoch = (sequences.count + batchPairs - 1) / batchPairs
    tellRates(of: training.steps ?? perEpoch * epochs, perEpoch: perEpoch)
    try training.run(
      sequences,
      heldOut: heldOut,
      batchSize: batchPairs,
      accumulation: accumulation,
      epochs: epochs
    ) { step in
      PreferenceObjective(weights: weights(step.step, of: step.total), centring: centring)
    }
  }

  /// The weights of both losses in a step; a schedule's epochs are equal parts of all steps.
  private func weights(_ step: Int, of total: Int) -> (preference: Double, critique: Double) {
    weight.weights(step: step, stepsPerEpoch: max(1, total / epochs), epochs: epochs)
  }

  /// Says how much the new head learns: a schedule may leave it the end of a falling rate alone.
  private func tellRates(of total: Int, perEpoch: Int) {
    let peak = optimizer.schedule.learningRate
    let sum = (0..<total).reduce(0.0) { sum, step in
      sum + optimizer.schedule.rate(step: step, total: total) / peak
        * weights(step, of: total).preference
    }
    let epochs = (100 * sum / Double(perEpoch)).rounded() / 100
    context.events(
      .message("rewards learn as much as in \(epochs) epochs at the peak rate and full weight")
    )
  }
}

/// A critique as a text to learn.
package struct WrittenCritique: Sendable {
  /// The critique.
  package var text: String
  /// Whether its length cut it: the model did not choose to end it there.
  package var isCut: Bool

  /// Makes a critique.
  package init(text: String, isCut: Bool) {
    self.text = text
    self.isCut = isCut
  }
}

extension TrainingPair {
  /// A pair with a critique of each response, each scored where its critique ends.
  ///
  /// - Parameters:
  ///   - pair: The pair.
  ///   - critiques: Of chosen and of rejected.
  ///   - renderer: What makes tokens of them.
  ///   - leadIn: What opens critiques.
  ///   - trainsLeadIn: Whether the lead-in is learnt too.
  /// - Throws: `TextError` where the template does not fit.
  package init(
    _ pair: PreferencePair,
    critiques: (chosen: WrittenCritique, rejected: WrittenCritique),
    renderer: SequenceRenderer,
    leadIn: String,
    trainsLeadIn: Bool
  ) throws {
    func side(_ response: String, _ critique: WrittenCritique) throws -> TrainingSequence {
      var sequence = TrainingSequence(
        try renderer.render(
          prompt: pair.prompt,
          response: response,
          critique: critique.text,
          leadIn: leadIn,
          trainsLeadIn: trainsLeadIn
        ),
        withTargets: true
      )
      if critique.isCut, !sequence.targets.isEmpty { sequence.targets.removeLast() }
      return sequence
    }
    self.init(
      chosen: try side(pair.chosen, critiques.chosen),
      rejected: try side(pair.rejected, critiques.rejected),
      margin: pair.margin,
      probability: pair.probability
    )
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
package func pairsWithCritiques(
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
    func critique(_ oracle: String?, _ offset: Int) -> WrittenCritique? {
      let own = written?[2 * index + offset]
      guard let text = own?.critique ?? oracle else { return nil }
      return WrittenCritique(text: text, isCut: own?.finishReason.isCut ?? false)
    }
    guard let chosen = critique(pair.chosenCritique, 0),
      let rejected = critique(pair.rejectedCritique, 1)
    else { return nil }
    return try TrainingPair(
      pair,
      critiques: (chosen, rejected),
      renderer: renderer,
      leadIn: section.leadIn,
      trainsLeadIn: section.trainsLeadIn
    )
  }
}

/// A response of a pair.
struct PairSide {
  let pair: PreferencePair
  /// `chosen` or `rejected`.
  let name: String
  let response: String

  /// Chosen, then rejected.
  static func both(_ pair: PreferencePair) -> [PairSide] {
    [
      PairSide(pair: pair, name: "chosen", response: pair.chosen),
      PairSide(pair: pair, name: "rejected", response: pair.rejected),
    ]
  }
}
