// The stages of best-of-N: responses of a policy, and how a rater ranks them.
import AssayBase
import AssayData
import AssayGenerate
import AssayReward
import AssayRun

/// Draws responses and ranks them, in the stages of a run.
package struct BestOfNRun {
  /// The folder of the run.
  package let run: RunFolder
  /// Hears of progress.
  package let events: RunEventHandler

  /// What a rater thinks of the responses to one prompt.
  private struct Line: Codable, Sendable {
    let id: String
    let right: [Bool]
    let scores: [Double]
  }

  /// Makes one.
  package init(_ run: RunFolder, events: @escaping RunEventHandler) {
    self.run = run
    self.events = events
  }

  /// How a policy answers.
  package struct Drawing: Sendable {
    /// Responses to each prompt.
    package var samples: Int
    /// Temperature; 0 is greedy.
    package var temperature: Float
    /// Most tokens of a response.
    package var maximumTokens: Int
    /// Seed of the draws.
    package var seed: UInt64

    /// Makes a drawing.
    package init(samples: Int, temperature: Float, maximumTokens: Int, seed: UInt64) {
      self.samples = samples
      self.temperature = temperature
      self.maximumTokens = maximumTokens
      self.seed = seed
    }

    /// What a writer is asked for a prompt.
    package func request(_ prompt: PromptRecord) -> WritingRequest {
      var settings = WritingSettings()
      settings.temperature = temperature
      settings.maximumTokens = maximumTokens
      return WritingRequest(
        .conversation(prompt.messages),
        settings: settings,
        seed: seed,
        draws: samples
      )
    }
  }

  /// Draws responses of a policy, in the stage `responses`.
  ///
  /// - Parameters:
  ///   - prompts: What is answered.
  ///   - policy: What answers.
  ///   - drawing: How.
  ///   - checker: What tells which responses are right.
  ///   - fingerprint: What the responses depend on.
  /// - Returns: The responses, and the digest that later stages depend on.
  /// - Throws: `RunError`, `EvaluateError.uncheckedPrompt`, or what writing throws.
  package func responses(
    _ prompts: [PromptRecord],
    of policy: any Writer,
    _ drawing: Drawing,
    checker: ResponseChecker,
    fingerprint: Fingerprint
  ) async throws -> (responses: [PolicyResponses], digest: String) {
    let stage = try run.stage("responses", fingerprint: fingerprint)
    let responses = try await stage.write(
      prompts,
      by: policy,
      events: events,
      requests: { [drawing.request($0)] },
      record: { index, written in
        try PolicyResponses(
          prompts[index],
          responses: written.joined().map(\.answer),
          checker: checker
        )
      }
    )
    return (responses, stage.digest)
  }

  /// Ranks responses, in the stage `scores`.
  ///
  /// - Parameters:
  ///   - prompts: What was answered.
  ///   - responses: The answers.
  ///   - rater: What ranks them.
  ///   - fingerprint: What the scores depend on.
  /// - Returns: The worths and scores of all prompts.
  /// - Throws: `RunError`, or what the rater throws.
  package func ranked(
    _ prompts: [PromptRecord],
    _ responses: [PolicyResponses],
    by rater: any Rater,
    fingerprint: Fingerprint
  ) async throws -> [BestOfNPrompt] {
    let stage = try run.stage("scores", fingerprint: fingerprint)
    let log = try stage.records(of: Line.self)
    var lines = try log.records()
    events(
      .stageStarted(
        name: stage.name,
        number: stage.number,
        total: prompts.count,
        resumedAt: lines.count
      )
    )
    // Each comparison of a judge is work; scores are read together, and sums depend on what is packed: a
    // stretch that was cut short is scored again as a whole.
    let stretch = rater is JudgeRater ? 1 : 32
    while lines.count < prompts.count {
      try Interruption.check()
      let start = lines.count / stretch * stretch
      let range = start..<min(start + stretch, prompts.count)
      let ranking = try await rater.rank(
        range.map {
          Candidates(prompt: prompts[$0].messages, responses: responses[$0].responses)
        }
      )
      let part = zip(range, ranking.scores).dropFirst(lines.count - start).map {
        Line(id: responses[$0].id, right: responses[$0].right, scores: $1)
      }
      try log.append(contentsOf: part)
      lines += part
      events(
        .step(done: lines.count, total: prompts.count, metrics: [], tokens: ranking.tokens)
      )
    }
    try log.synchronize()
    return lines.map { line in
      BestOfNPrompt(id: line.id, values: line.right.map { $0 ? 1 : 0 }, scores: line.scores)
    }
  }
}
