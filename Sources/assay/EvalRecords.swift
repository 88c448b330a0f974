import AssayEvaluate
import AssayModel
import AssayReward
import AssayText
import Foundation

extension EvalCommand {
  /// Gives all items their records.
  ///
  /// - Returns: What was recorded, and what that depends on.
  /// - Throws: What loading and asking throw.
  func evaluate(
    _ model: ModelSource
  ) async throws -> ([Evaluated], RecordSettings) {
    let critiques = what.draws.critiques(samples: what.samples, seed: common.seed)
    let settings = judging.settings(what.draws, seed: common.seed)
    let length = try model.length(critiques: critiques, judging: settings)
    let (method, written) = try method(model, critiques, settings)
    let loaded = try what.load(rows) { type in
      guard case .judge(_, _, let asking?) = method, let text = model.text else {
        return length?.items
      }
      return asking.reading.limit(of: type, text) ?? length?.items
    }
    var found: [Evaluated] = []
    func answers(_ number: Int, baseline: String? = nil) async throws -> [BenchmarkRecord] {
      let benchmark = method.answerable(loaded[number].benchmark)
      let start = Date()
      let name = [type(of: benchmark).name, baseline].compactMap(\.self).joined(separator: ", ")
      let progress = Progress(name, number: number + 1, total: benchmark.items.count, common)
        .following(model, itemTokens: itemTokens(benchmark, method, model, critiques))
      // A file for each: what is done already is no reason to drop what another has begun.
      let own = (["scores-\(type(of: benchmark).name)"] + [baseline].compactMap(\.self))
        .joined(separator: ".")
      let scores = what.out.map { URL(fileURLWithPath: $0).appendingPathComponent(own).path }
      let out = model.place(scores, isLetter: method.readsPasses)
      let made = try await model.keeping(beside: out, written, anew: records.force) {
        try await method.records(
          benchmark,
          folder: what.out.map { URL(fileURLWithPath: $0) },
          baseline: baseline,
          settings: written,
          force: records.force,
          isCut: rows.marker(length?.items),
          onProgress: progress.update
        )
      }
      progress.finish(seconds: Date().timeIntervalSince(start))
      return made
    }
    for (number, one) in loaded.enumerated() {
      let benchmark = method.answerable(one.benchmark)
      found.append(Evaluated(benchmark, try await answers(number), leftOut: one.leftOut))
    }
    if what.shuffledHead, let own = model.shuffledHead() {
      for number in loaded.indices {
        found[number].others[own] = try await answers(number, baseline: own)
      }
    }
    return (found, written)
  }

  /// Most tokens that are written for an item, in the mean; `nil` where a model writes nothing.
  private func itemTokens(
    _ benchmark: any Benchmark,
    _ method: EvaluationMethod,
    _ model: ModelSource,
    _ critiques: CritiqueSettings
  ) -> Int? {
    // A judge compares every chosen response with every rejected one; a critic criticizes each of them.
    let rater: any Rater
    let halves: [Int]
    switch method {
    case .judge(let judge as JudgeRater, _, let asking) where asking?.asks(benchmark) != true:
      rater = judge
      halves = benchmark.items.map { 2 * $0.chosen.count * $0.rejected.count }
    case .scorer(let scorer):
      rater = ScorerRater(scorer)
      halves = benchmark.items.map { $0.chosen.count + $0.rejected.count }
    default: return nil
    }
    return model.pairTokens(rater, critiques).map {
      $0 * halves.reduce(0, +) / (2 * max(1, halves.count))
    }
  }

  private func method(
    _ model: ModelSource,
    _ critiques: CritiqueSettings,
    _ settings: JudgeSettings
  ) throws -> (EvaluationMethod, RecordSettings) {
    var written = model.settings(source.inference, common)
    if let golden = try model.goldenDifference() { written.set(RecordSettings.golden, golden) }
    if let scorer = try model.scorer(critiques) {
      written.set(critiques, tokens: critiques.tokens)
      return (.scorer(scorer), written)
    }
    let judge = try model.judge(settings)
    let rule = what.verdictRule ?? .strict
    let reading = ItemReading(
      for: model.writer,
      form: what.judgeBy ?? .pairs,
      votes: judging.votes ?? 1,
      settings: settings,
      rule: rule,
      takesSystem: model.text?.renderer.takesSystem ?? true
    )
    if reading.form == .pairs {
      written.set(judge)
    } else {
      try model.requireWriter()
      written.set(reading)
    }
    written.set("--verdict-rule", rule.rawValue)
    return (.judge(judge, rule, ItemAsking(model.writer, reading)), written)
  }
}
