// STaR: a judge that reasons before its verdict, trained on its own reasoning.
//
// The training pairs are split into equal parts, one for each iteration. In each iteration
//
//   1 judgements-T   the latest model judges its part, several samples an item
//   2 train-T        it learns from them: right ones alone (sft), or right against wrong (dpo, ipo)
//
// The rationalizer is told the right verdict while it writes, and learns to write the same unasked.
// `bootstrap` takes the first iteration's rationales from another source. Each iteration goes on
// from the model before it, which is also the reference of dpo and ipo.
//
//   assay train Recipes/star.yaml --set model=instruct --set data.train=train.jsonl --out runs/s
//
// Source: Mahan et al. 2024 (arXiv:2410.12832) section 3 and appendix A; what they leave open is
// named at each setting.

import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayReward
import AssayRun
import AssayText
import Foundation

/// STaR in one of its variants.
struct StarMethod: Method {
  static let sft = StarMethod(.sft, "starSft", "learns its right judgements")
  static let rationalizer = StarMethod(
    .rationalizer,
    "starRationalizer",
    "learns judgements written knowing the verdict"
  )
  static let dpo = StarMethod(.dpo, "starDpo", "learns right against wrong judgements by DPO")
  static let ipo = StarMethod(.ipo, "starIpo", "learns right against wrong judgements by IPO")

  let variant: StarVariant
  let section: SectionKey<StarSection>
  let endpoint: SectionKey<WriterEndpoint>
  let summary: String

  private init(_ variant: StarVariant, _ sharedKey: String, _ what: String) {
    self.variant = variant
    section = SectionKey("star", sharedKey: sharedKey, StarSection(of: variant))
    endpoint = SectionKey("endpoints", sharedKey: sharedKey + "Endpoints")
    summary = "a judge that reasons, and \(what)"
  }

  var name: String { variant.rawValue }
  var sections: [any MethodSection] { [section, endpoint] }
  var tuned: [any MethodSection] { [section] }

  func trainings(_ settings: MethodSettings) -> [TrainingShape] {
    let own = settings[section]
    return (1...own.iterations).map { iteration in
      let part = own.part(iteration)
      return TrainingShape(
        stage: "train-\(iteration)",
        key: section.key,
        reads: .judgements(
          part,
          each: own.learntPerItem,
          isContrasted: variant.isContrastive
        ),
        head: nil,
        batch: own.batchItems,
        accumulation: own.accumulation,
        epochs: own.epochs,
        moments: own.optimizer.moments,
        share: 1 / Double(own.iterations),
        writes: settings[endpoint].place == nil ? [part.writing] : []
      )
    }
  }

  func data(_ settings: MethodSettings) -> MethodData { .pairs }

  func preference(_ settings: MethodSettings, wording: RolePrompts?) -> Preference? {
    .verdicts(.chain, wording ?? settings[section].wording)
  }

  func run(in context: RunContext) async throws -> TrainedModel {
    let trained = try await StarIterations(
      section: context.settings[section],
      variant: variant,
      endpoint: context.settings[endpoint],
      context: context
    ).run()
    guard let last = trained.last else {
      throw TrainingError.noData(stage: name, hint: "there is no iteration")
    }
    return try TrainedModel(last, preference(context.settings, wording: context.wording))
  }
}

/// The iterations of STaR, one behind the other.
struct StarIterations {
  let section: StarSection
  let variant: StarVariant
  /// Who writes judgements for the latest model.
  let endpoint: WriterEndpoint
  let context: RunContext

  /// Runs the iterations.
  ///
  /// - Returns: The training stage of each iteration.
  /// - Throws: What sampling, training or writing throws.
  func run() async throws -> [Stage] {
    let (start, seed) = (try context.startFolder(), context.compute.seed)
    if section.filter == .none, variant.isContrastive {
      throw TrainingError.recipe(
        reason: "filter: none leaves \(variant.rawValue) no right judgement to hold against "
          + "a wrong one; it is for star-sft and star-rationalizer"
      )
    }
    if section.bootstrap != .own, context.oracle == nil {
      throw TrainingError.recipe(
        reason:
          "bootstrap: \(section.bootstrap.rawValue) needs a world with an oracle of judgements"
      )
    }
    let decided = context.pairs.compactMap(\.decided)
    let ties = context.pairs.count - decided.count
    if ties > 0 {
      context.events(.message("\(ties) ties are left out: no verdict on them is right"))
    }
    var trained: [Stage] = []
    for iteration in 1...section.iterations {
      let part = decided.part(iteration, of: section.iterations, seed: seed)
      let items = section.items(of: part, iteration: iteration, seed: seed)
      let latest = try trained.last?.model() ?? start
      let digests = trained.last.map { ["previous": $0.digest] } ?? context.inputs
      let judged = try await judge(iteration, items, model: latest, inputs: digests)
      let stage = try await learn(
        iteration,
        items,
        judged: judged,
        model: section.startsOver ? start : latest,
        inputs: digests.merging(["judgements": judged.digest]) { $1 }
      )
      trained.append(stage)
    }
    return trained
  }

  /// The first stage of an iteration.
  private func judge(
    _ iteration: Int,
    _ items: [ShownPair],
    model: URL,
    inputs: [String: String]
  ) async throws -> Stage {
    let source = source(iteration)
    return try await context.stages.run(
      "judgements-\(iteration)",
      from: [
        "judgements": section.sampling(source), "generatorModel": endpoint.place?.model,
        "compute": context.compute,
      ],
      inputs: inputs
    ) { stage in
      try await Judgements(
        section: section,
        source: source,
        iteration: iteration,
        context: context,
        endpoint: endpoint
      ).run(stage, model: model, items: items)
    }
  }

  /// The second stage of an iteration.
  private func learn(
    _ iteration: Int,
    _ items: [ShownPair],
    judged: Stage,
    model: URL,
    inputs: [String: String]
  ) async throws -> Stage {
    let records = try judged.records(of: JudgementRecord.self).records()
    return try await context.stages.run(
      "train-\(iteration)",
      from: [
        "variant": variant, "star": section, "compute": context.compute,
        "replay": context.replay?.made,
      ],
      inputs: inputs
    ) { stage in
      try StarTraining(
        section: section,
        variant: variant,
        iteration: iteration,
        context: context
      ).run(stage, start: model, items: items, records: records)
    }
  }

  private func source(_ iteration: Int) -> JudgementSource {
    if variant == .rationalizer { return .told }
    switch section.bootstrap {
    case .own: return .sampled
    case .oracle: return iteration == 1 ? borrowed : .sampled
    case .oracleAlways: return borrowed
    }
  }

  /// Who learns from wrong judgements too needs the model's own beside the oracle's.
  private var borrowed: JudgementSource { variant.isContrastive ? .oracleAndSampled : .oracle }
}
