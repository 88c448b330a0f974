import AssayData
import AssayEvaluate
import AssayRun
import AssayTrain
import Foundation

/// Searches the learning rates of every method, each with the same number of trials.
///
/// A trial scales all rates of a method, as those of a critic and of what is built on it.
/// A trial trains on a share of the pairs under the first seed and is measured on validation pairs,
/// which nothing else sees. The best factor is used for all seeds and for the method's variants.
struct StudySearch {
  let recipe: StudyRecipe
  let common: StudyCommon
  /// Of the first seed, under which trials run.
  let start: StudyStart
  let stages: StageRunner
  let events: RunEventHandler

  private var config: StudyConfig { recipe.config }

  /// The methods that have something to search, which variants share.
  private var methods: [String] {
    StudyConfig.compared.filter { !$0.tuned.isEmpty }.map(\.name).filter { name in
      config.methods.contains { config.method(named: $0)?.method.name == name }
    }
  }

  /// What is tried, method by method; nothing where there is nothing to choose from.
  var trials: [StudyPart] {
    guard config.search.learningRates.count > 1 else { return [] }
    return methods.flatMap { method in
      config.search.learningRates.map { factor in
        StudyPart(
          method: method,
          seed: config.seeds[0],
          factor: factor,
          isTrial: true
        )
      }
    }
  }

  /// Runs the trials that are missing.
  ///
  /// - Returns: The trials, and what each method's learning rate is multiplied with.
  /// - Throws: What training and evaluation throw.
  func run() async throws -> ([Study.Trial], [String: Double]) {
    guard config.search.learningRates.count > 1 else {
      let only = config.search.learningRates[0]
      let factors = methods.map { ($0, config.search.factors[$0] ?? only) }
      return ([], Dictionary(uniqueKeysWithValues: factors))
    }
    var results: [Study.Trial] = []
    for trial in trials {
      events(.message("\(trial)"))
      var accuracy = 0.0
      do {
        accuracy = try await self.accuracy(trial)
      } catch  where StudyPart.isOwn(error) {
        events(.warning("this trial failed and counts as 0: \(error)"))
      }
      results.append(
        .init(method: trial.method, factor: trial.factor, accuracy: accuracy, isChosen: false)
      )
    }
    var factors: [String: Double] = [:]
    for method in methods {
      let own = results.indices.filter { results[$0].method == method }
      // The first of equals: the list starts with what is to be preferred.
      guard
        let best = own.max(by: {
          (results[$0].accuracy, -$0) < (results[$1].accuracy, -$1)
        })
      else { continue }
      results[best].isChosen = true
      factors[method] = results[best].factor
    }
    return (results, factors)
  }

  /// Runs a trial.
  ///
  /// - Returns: Its accuracy on the validation pairs.
  /// - Throws: What training and evaluation throw.
  func accuracy(_ trial: StudyPart) async throws -> Double {
    let method = try recipe.method(of: trial)
    let settings = try recipe.settings(of: trial.method, factor: trial.factor)
    let training = StudyTraining(
      config: settings,
      seed: trial.seed,
      common: common,
      start: start,
      stages: stages,
      share: config.search.share
    )
    let stage = try await training.evaluate(
      try await training.train(method),
      on: [Suite(name: "validation", pairs: common.data.validation)],
      settings.evaluation.greedy
    )
    return try PairEvaluator.accuracy(stage)
  }
}
