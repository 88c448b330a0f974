// Classic against CLoud from one base model and the same pairs: what a critique buys.
//
//   1 data           a world's pairs, held-out suites and corpus, as files
//   2 base           tokenizer and language model from the corpus
//   3 classic        Bradley-Terry
//   4 critique-sft, 5 critiques, 6 cloud
//   7 evaluate       every suite with both
//
// Both methods read the same pairs from the same base; each has its own schedule in the recipe.
//
//   assay train Recipes/demo.yaml --out runs/demo
//   assay train Recipes/gsm8k.yaml --out runs/gsm8k

import AssayData
import AssayEvaluate
import AssayModel
import AssayRun
import AssayText
import Foundation

/// Where a comparison's data come from.
package enum World: String, CaseIterable, Codable, Sendable {
  /// The synthetic world that ships with Assay.
  case playground
  /// Grade-school mathematics with broken solutions, from the data set's folder.
  case gsm8k
}

/// How many items of the Playground are made.
package struct PlaygroundSection: RecipeSection {
  /// Training pairs, over all sections.
  ///
  /// Default: 8000.
  package var train = 8000
  /// Test pairs, over all sections.
  ///
  /// Default: 2000.
  package var test = 2000
  /// Out-of-distribution pairs, over all sections.
  ///
  /// Default: 1000.
  package var ood = 1000
  /// Worked solutions to pretrain on.
  ///
  /// Default: 40000.
  package var corpus = 40000

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [(train, "train"), (test, "test"), (ood, "ood"), (corpus, "corpus")] {
      checks.require(value > 0, name, "a number above 0")
    }
  }
}

/// How pairs are made of GSM8K.
package struct GSM8KSection: RecipeSection {
  /// The folder with `train.jsonl` and `example_model_solutions.jsonl`.
  package var folder = "../shared/data/gsm8k_openai"
  /// Broken solutions of each question.
  ///
  /// Default: 2.
  package var breaksPerQuestion = 2
  /// Pairs of real model solutions of each test question, at most.
  ///
  /// Default: 2.
  package var pairsPerTestQuestion = 2

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(breaksPerQuestion > 0, "breaksPerQuestion", "a number above 0")
    checks.require(pairsPerTestQuestion > 0, "pairsPerTestQuestion", "a number above 0")
  }
}

/// The settings of a comparison.
package struct ComparisonConfig: RecipeSection {
  /// Names the recipe's kind.
  package var method = "comparison"
  /// Where the data come from.
  package var world = World.playground
  /// Where and how it computes.
  package var compute = ComputeSection()
  /// Sizes of the Playground.
  package var playground = PlaygroundSection()
  /// Pairs of GSM8K.
  package var gsm8k = GSM8KSection()
  /// The base model that both methods start from.
  package var base = BaseSection()
  /// What both methods read again while they learn.
  package var replay = ReplaySection()
  /// The classic model.
  package var classic = ClassicSection()
  /// CLoud's first stage.
  package var critique = CritiqueSection()
  /// CLoud's further stages.
  package var cloud = CloudSection()
  /// What is evaluated.
  package var evaluation = EvaluationSection()

  /// Makes a config of defaults.
  package init() {}
}

/// Runs a comparison.
struct ComparisonRecipe {
  let config: ComparisonConfig
  let events: RunEventHandler

  func run(_ run: RunFolder) async throws {
    let compute = config.compute
    let computing = try RecipeFile.yaml(of: compute)
    let stages = StageRunner(run: run, events: events)

    // 1 data
    let section =
      config.world == .playground
      ? try RecipeFile.yaml(of: config.playground) : try RecipeFile.yaml(of: config.gsm8k)
    let data = try await stages.run(
      "data",
      recipe: section,
      inputs: ["seed": "\(compute.seed)", "world": config.world.rawValue]
    ) { stage in
      try WorldFiles(
        world: config.world,
        playground: config.playground,
        gsm8k: config.gsm8k,
        seed: compute.seed,
        events: events
      ).write(to: stage.url)
    }
    let files = try WorldFiles.read(data.url)

    // 2 base
    let base = try await stages.run(
      "base",
      recipe: try RecipeFile.yaml(of: config.base) + computing,
      inputs: ["data": data.digest]
    ) { stage in
      try Pretraining(section: config.base, compute: compute, events: events)
        .run(stage, conversations: try CorpusFile.read(files.corpus))
    }
    let pairs = try PairReader().read(files.train.path).pairs

    // 3 classic
    let replay = try config.replay.replay(files.corpus)
    let classic = try await stages.run(
      "classic",
      recipe: try RecipeFile.yaml(of: config.classic) + computing + (replay?.recipe ?? ""),
      inputs: ["base": base.digest]
    ) { stage in
      try ClassicRecipe(
        section: config.classic,
        compute: compute,
        events: events,
        replay: replay
      ).run(stage, base: try base.model(), pairs: pairs)
    }

    // 4 to 6 CLoud
    let cloud = try await CloudRecipe(
      critique: config.critique,
      cloud: config.cloud,
      compute: compute,
      events: events,
      replay: replay
    ).run(stages, base: try base.model(), inputs: ["base": base.digest], pairs: pairs)

    // 7 evaluation
    let suites = try files.suites.map {
      Suite(name: $0.name, pairs: try PairReader().read($0.url.path).pairs)
    }
    _ = try await stages.run(
      "evaluate",
      recipe: try RecipeFile.yaml(of: config.evaluation),
      inputs: ["classic": classic.digest, "cloud": cloud.digest]
    ) { stage in
      try await PairEvaluation(section: config.evaluation, compute: compute, events: events).run(
        stage,
        models: [("classic", try classic.model()), ("cloud", try cloud.model())],
        suites: suites
      )
    }
  }
}
