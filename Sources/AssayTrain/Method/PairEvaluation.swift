import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// Both scores of a pair, as `records.jsonl` of an evaluation has them.
package struct PairScores: Codable, Equatable, Sendable {
  /// What was evaluated, such as `cloud`.
  package var method: String
  /// The suite, such as `test`.
  package var suite: String
  /// Critiques of each response.
  package var samples: Int
  /// The pair's id.
  package var id: String
  /// The pair's section.
  package var subset: String?
  /// The score of the preferred response.
  package var chosen: Score
  /// The score of the other one.
  package var rejected: Score

  /// Makes a record.
  package init(
    method: String,
    suite: String,
    samples: Int,
    id: String,
    subset: String?,
    chosen: Score,
    rejected: Score
  ) {
    self.method = method
    self.suite = suite
    self.samples = samples
    self.id = id
    self.subset = subset
    self.chosen = chosen
    self.rejected = rejected
  }
}

/// Scores suites with models, resuming behind what is recorded.
struct PairEvaluation {
  let section: EvaluationSection
  let compute: ComputeSection
  let events: RunEventHandler

  func run(_ stage: Stage, models: [(method: String, folder: URL)], suites: [Suite]) async throws {
    let log = try stage.records(of: PairScores.self)
    var left = try log.records().count
    let passes = try models.map { method, folder in
      (method, folder, try isCritic(folder) ? section.critiques : [1])
    }
    let total = passes.map(\.2.count).reduce(0, +) * suites.map(\.pairs.count).reduce(0, +)
    var done = left
    events(
      .stageStarted(name: stage.name, number: stage.number, total: total, resumedAt: done)
    )
    for (method, folder, counts) in passes {
      let model = try compute.model(folder)
      for samples in counts {
        var options = ModelScorer.Options()
        options.critiques.samples = samples
        options.critiques.temperature = samples == 1 ? 0 : Float(section.critiqueTemperature)
        options.critiques.seed = UInt64(compute.seed)
        let scorer = try ModelScorer(model, options: options)
        for suite in suites {
          var start = min(left, suite.pairs.count)
          left -= start
          while start < suite.pairs.count {
            try Interruption.check()
            let part = Array(suite.pairs[start..<min(start + 512, suite.pairs.count)])
            let scores = try await scorer.score(
              part.flatMap { pair in
                [pair.chosen, pair.rejected].map { .response(prompt: pair.prompt, response: $0) }
              }
            )
            try log.append(
              contentsOf: part.enumerated().map { index, pair in
                PairScores(
                  method: method,
                  suite: suite.name,
                  samples: samples,
                  id: pair.id,
                  subset: pair.subset,
                  chosen: scores[2 * index],
                  rejected: scores[2 * index + 1]
                )
              }
            )
            start += part.count
            done += part.count
            let right = part.indices.count { scores[2 * $0].value > scores[2 * $0 + 1].value }
            events(
              .step(
                done: done,
                total: total,
                metrics: [Metric("accuracy", Double(right) / Double(part.count))],
                tokens: scores.map { $0.tokens.prompt + $0.tokens.completion }.reduce(0, +)
              )
            )
          }
        }
      }
    }
    try log.synchronize()
  }

  private func isCritic(_ folder: URL) throws -> Bool {
    let data = try Data(contentsOf: folder.appendingPathComponent("assay.json"))
    return try JSONDecoder().decode(ModelManifest.self, from: data).kind == .cloud
  }
}
