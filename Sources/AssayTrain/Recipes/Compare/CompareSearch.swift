import AssayData
import AssayReward
import Foundation

/// Searches the learning rate of every method, each with the same number of trials.
///
/// A trial trains on a share of the pairs under the first seed and is measured on validation pairs,
/// which nothing else sees. The best factor is used for all seeds and for the method's variants.
struct CompareSearch {
  let recipe: CompareRecipe
  let events: RunEventHandler

  /// Runs the trials that are missing.
  ///
  /// - Parameters:
  ///   - stages: Where they run.
  ///   - common: What methods share.
  ///   - result: Hears of the trials.
  /// - Returns: What each method's learning rate is multiplied with.
  /// - Throws: What training and evaluation throw.
  func run(
    _ stages: StageRunner,
    _ common: CompareCommon,
    into result: inout ComparisonRun
  ) async throws -> [ComparedMethod: Double] {
    let config = recipe.config
    let search = config.search
    guard search.learningRates.count > 1 else {
      return Dictionary(
        uniqueKeysWithValues: ComparedMethod.allCases.map { ($0, search.learningRates[0]) }
      )
    }
    let methods = ComparedMethod.allCases.filter { method in
      method.learningRateKey != nil
        && config.methods.contains { config.method(named: $0)?.method == method }
    }
    var factors: [ComparedMethod: Double] = [:]
    for method in methods {
      var best: (factor: Double, accuracy: Double)?
      let first = result.trials.count
      for factor in search.learningRates {
        events(.message("search: \(method.rawValue), learning rate x \(factor)"))
        let settings = try recipe.settings(of: method.rawValue, factor: factor)
        let training = CompareTraining(
          config: settings,
          seed: config.seeds[0],
          common: common,
          events: events,
          share: search.share
        )
        let accuracy: Double
        do {
          accuracy = try await measure(method, training, settings, stages, common)
        } catch let error as TrainingError {
          events(.warning("this trial failed and counts as 0: \(error)"))
          accuracy = 0
        }
        result.trials.append(
          .init(method: method.rawValue, factor: factor, accuracy: accuracy, isChosen: false)
        )
        // The first of equals: the list starts with what is to be preferred.
        if accuracy > best?.accuracy ?? -1 { best = (factor, accuracy) }
      }
      guard let best else { continue }
      factors[method] = best.factor
      for index in first..<result.trials.count where result.trials[index].factor == best.factor {
        result.trials[index].isChosen = true
      }
    }
    return factors
  }

  private func measure(
    _ method: ComparedMethod,
    _ training: CompareTraining,
    _ settings: CompareConfig,
    _ stages: StageRunner,
    _ common: CompareCommon
  ) async throws -> Double {
    let model = try await training.train(method, stages)
    let stage = try await CompareEvaluation(
      sampling: settings.evaluation.sampling,
      compute: training.compute,
      events: events
    ).run(
      stages,
      model: model,
      suites: [Suite(name: "validation", pairs: common.validation)],
      votes: 2,
      critiques: 1
    )
    return try CompareEvaluation.accuracy(stage)
  }
}
