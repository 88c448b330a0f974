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
        .following(model)
      let scores = what.out.map { URL(fileURLWithPath: $0).appendingPathComponent("scores").path }
      // Scores behind texts, and letters, depend in their last bits on what is computed beside them: a stretch
      // that was cut is made again as a whole.
      let isRead = model.scores && !source.inference.kernels.batchInvariant
      let out = isRead || method.readsPasses ? nil : scores
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
