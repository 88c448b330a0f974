// What `bon` reads, and the responses that a policy gives.

import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayRun
import Foundation

extension BonCommand {
  /// Prompts with responses, and the digest that scores depend on.
  struct Answered {
    var prompts: [PromptRecord]
    var responses: [PolicyResponses]
    var digest: String
  }

  /// Reads what can be answered and ranked.
  ///
  /// - Parameters:
  ///   - file: The rows.
  ///   - shape: What they hold.
  ///   - policy: The limit of what answers; `nil` where nothing here does.
  /// - Returns: The rows that can be used.
  /// - Throws: `DataError`, or what loading the model that ranks throws.
  private func read(
    _ file: String,
    _ shape: PromptReader.Shape,
    policy: TokenLimit<PromptRecord>? = nil
  ) throws -> [PromptRecord] {
    let ranked = try limit(try inference.source(model, common))
    let reader = PromptReader(shape, policy: rows.policy, limit: policy?.and(ranked) ?? ranked)
    let (prompts, report) = try reader.read(file)
    try rows.tell(report, of: file)
    return prompts
  }

  func answered(_ run: BestOfNRun) async throws -> Answered {
    var settings = RecordSettings()
    checks.note(in: &settings)
    let source = candidates ?? drawing.data ?? ""
    let data = ["data": try Digest.fingerprint(of: URL(fileURLWithPath: source))]
    if let candidates {
      let prompts = try read(candidates, .candidates)
      let checker = checks.checker(prompts)
      return Answered(
        prompts: prompts,
        responses: try prompts.map { try PolicyResponses(given: $0, checker: checker) },
        digest: try settings.fingerprint(inputs: data).digest
      )
    }
    var made = Answered(prompts: [], responses: [], digest: "")
    try await drawing.policy.open(out: out, inference, common) { policy in
      let limit = policy.text.map { TextLength.prompts($0, maximumTokens: drawing.maxTokens) }
      let prompts = try read(source, .conversations, policy: limit)
      var settings = policy.settings(by: "--policy", inference, common)
      checks.note(in: &settings)
      drawing.note(in: &settings)
      policy.follow(run.events)
      let (responses, digest) = try await policy.keeping(beside: "\(out)/responses", settings) {
        try await run.responses(
          prompts,
          of: policy.writer,
          drawing.drawing(seed: common.seed),
          checker: try checks.required(prompts),
          fingerprint: try settings.fingerprint(inputs: data)
        )
      }
      made = Answered(prompts: prompts, responses: responses, digest: digest)
    }
    return made
  }

  /// The limit of what ranks.
  private func limit(_ ranker: ModelSource) throws -> TokenLimit<PromptRecord>? {
    try ranker.length(
      critiques: picking.critiques(seed: common.seed),
      judging: picking.judging(seed: common.seed)
    )?.prompts
  }

  /// Says how many prompts have responses that are ranked without their beginning.
  func tellCut(_ answered: Answered, _ ranker: ModelSource) throws {
    guard let limit = try limit(ranker) else { return }
    let isCut = try zip(answered.prompts, answered.responses).map { prompt, responses in
      var whole = prompt
      whole.responses = responses.responses
      return try limit.measure(whole) > limit.maximumTokens
    }
    rows.tellCut(isCut.count(where: \.self), of: isCut.count)
  }
}
