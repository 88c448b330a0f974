// Pointwise regression: a reward model in one pass that predicts a response's rating.
//
// The head learns standardised ratings by mean squared error; when training ends, its last layer takes
// their mean and deviation, so that scores come out in the ratings' own unit.
//
//   assay train Recipes/regression.yaml --set model=base --set data.train=ratings.jsonl --out runs/ratings
//
// Source: Wang et al. 2024 (arXiv:2406.08673) section 4, the regression reward model of HelpSteer2, after
// Dong et al. 2023 (arXiv:2310.05344); standardised targets are this project's.

import AssayData
import AssayEvaluate
import AssayModel
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// How a model learns ratings.
package struct RegressionSection: RecipeSection {
  /// The name of the rating, where rows have several.
  ///
  /// Default: null, rows with one.
  package var rating: String?
  /// How weights are updated.
  package var optimizer = OptimizerSection(learningRate: 5e-6)
  /// Responses in a step.
  ///
  /// Default: 64.
  package var batchResponses = 64
  /// Parts that a step is computed in, to save memory; the result is the same.
  ///
  /// Default: 1.
  package var accumulation = 1
  /// Times that the responses are read.
  ///
  /// Default: 1.
  package var epochs = 1

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (batchResponses, "batchResponses"), (accumulation, "accumulation"), (epochs, "epochs"),
    ] { checks.require(value > 0, name, "a number above 0") }
    checks.require(rating?.isEmpty != true, "rating", "a name, or null")
  }
}

/// Regression on ratings.
struct RegressionMethod: Method {
  static let section = SectionKey("regression", RegressionSection())

  let name = "regression"
  let summary = "a reward model that predicts ratings of single responses, by least squares"
  var sections: [any MethodSection] { [Self.section] }
  var tuned: [any MethodSection] { [Self.section] }

  func trainings(_ settings: MethodSettings) -> [TrainingShape] {
    let own = settings[Self.section]
    return [
      TrainingShape(
        stage: name,
        key: "regression",
        reads: .ratings,
        head: .cloud,
        batch: own.batchResponses,
        accumulation: own.accumulation,
        epochs: own.epochs,
        moments: own.optimizer.moments
      )
    ]
  }

  var watchesHeldOut: Bool { true }

  func data(_ settings: MethodSettings) -> MethodData {
    .ratings(named: settings[Self.section].rating)
  }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? { .scores }

  func run(in context: RunContext) async throws -> TrainedModel {
    let section = context.settings[Self.section]
    let start = try context.startFolder()
    let stage = try await context.stages.run(
      name,
      from: ["regression": section, "compute": context.compute, "replay": context.replay?.made],
      inputs: context.inputs
    ) { stage in
      try train(stage, section, start, context)
    }
    return try TrainedModel(stage, .scores)
  }

  private func train(
    _ stage: Stage,
    _ section: RegressionSection,
    _ start: URL,
    _ context: RunContext
  ) throws {
    // 1 model: a head whose last layer has a bias, to hold the ratings' mean
    let model = try context.compute.modelToTrain(start)
    model.head = context.compute.newHead(.cloud, for: model)
    model.manifest = ModelManifest(kind: .classic, scoredToken: .lastOfTemplate)

    // 2 data
    let scale = try RatingScale(context.ratings.map(\.rating), stage: stage.name)
    model.manifest.ratings = RatingManifest(
      name: section.rating,
      mean: scale.mean,
      deviation: scale.deviation
    )
    let renderer = try model.renderer()
    func items(_ ratings: [RatedResponse]) throws -> [RatedSequence] {
      try ratings.map { rated in
        RatedSequence(
          sequence: TrainingSequence(
            try renderer.render(prompt: rated.prompt, response: rated.response),
            withTargets: false
          ),
          rating: Float(scale.standardised(rated.rating))
        )
      }
    }

    // 3 training
    try context.training(stage, model, section.optimizer, finish: scale.apply).run(
      try items(context.ratings),
      heldOut: try items(context.heldOutRatings),
      batchSize: section.batchResponses,
      accumulation: section.accumulation,
      epochs: section.epochs
    ) { _ in RegressionObjective() }
  }
}

/// The mean and the deviation of ratings.
package struct RatingScale: Equatable, Sendable {
  /// The mean.
  package let mean: Double
  /// The root of the mean squared distance from it, above 0.
  package let deviation: Double

  /// Measures ratings.
  ///
  /// - Parameters:
  ///   - ratings: What is learnt.
  ///   - stage: The stage's name, for the error.
  /// - Throws: `TrainingError.noData` where there are none or all are equal.
  package init(_ ratings: [Double], stage: String) throws {
    guard let first = ratings.first else {
      throw TrainingError.noData(stage: stage, hint: "every row was dropped or none given")
    }
    guard ratings.contains(where: { $0 != first }) else {
      throw TrainingError.noData(
        stage: stage,
        hint: "all ratings are \(first), so there is no difference to learn"
      )
    }
    let count = Double(ratings.count)
    let mean = ratings.reduce(0, +) / count
    self.mean = mean
    deviation = (ratings.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / count).squareRoot()
  }

  /// A rating in deviations from the mean.
  package func standardised(_ rating: Double) -> Double { (rating - mean) / deviation }

  /// Has a model's two-layer head put out ratings where it put out standardised ones.
  ///
  /// - Parameter model: A model whose head's last two weights are the output layer's `[1, D]` and `[1]`.
  package func apply(to model: Model) {
    guard let output = model.head?.parameters.suffix(2), output.count == 2,
      let weight = output.first?.value, let bias = output.last?.value
    else { return }
    weight.copyInPlace(weight.detached() * deviation)
    bias.copyInPlace(bias.detached() * deviation + mean)
  }
}

/// A response as tokens, with its rating in deviations from the mean.
package struct RatedSequence: Sendable {
  /// The response, with a scored token.
  package var sequence: TrainingSequence
  /// The standardised rating.
  package var rating: Float

  /// Makes one.
  package init(sequence: TrainingSequence, rating: Float) {
    self.sequence = sequence
    self.rating = rating
  }
}

/// The mean squared error of scores: `mean((score - rating)^2)` over the batch, in squared deviations.
package struct RegressionObjective: Objective {
  /// Makes the objective.
  package init() {}

  /// Computes a part's share; see `Objective`.
  ///
  /// - Parameters:
  ///   - part: Rated responses.
  ///   - batch: All of them, over which the mean is taken.
  ///   - model: What is trained; it has a head.
  /// - Returns: The share; `nil` where nothing is scored.
  package func loss(of part: [RatedSequence], in batch: [RatedSequence], model: Model) -> PartLoss?
  {
    let output = trainingForward(
      part.map(\.sequence),
      decoder: model.decoder,
      head: model.head,
      positionJumps: model.positionJumps
    )
    guard let scores = output.rewards else { return nil }  // [S]
    let ratings = Tensor(part.map(\.rating)).to(model.decoder.device)  // [S]
    return PartLoss(
      value: (scores - ratings).squared().sum() / Double(batch.count),
      tokens: output.tokenCount
    )
  }
}
