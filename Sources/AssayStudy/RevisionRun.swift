// The stages of `assay refine`: responses, critiques of them, and revisions.
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayReward
import AssayRun
import AssayText

/// Lets a policy revise its responses by a critic's critiques, and without, in the stages of a run.
package struct RevisionRun {
  /// What a stage made, and the digest that later stages depend on.
  package struct Made<Record: Sendable>: Sendable {
    /// A record a prompt.
    package var records: [Record]
    /// The digest of the stage.
    package var digest: String
  }

  private struct CritiqueRecord: Codable, Sendable {
    let id: String
    let critique: String
  }

  private struct Revision: Codable, Sendable {
    let id: String
    let guided: String
    let unguided: String
    let outcome: RevisionOutcome
  }

  /// Hears of progress.
  package let events: RunEventHandler
  private let run: RunFolder
  private let prompts: [PromptRecord]
  private let checker: ResponseChecker

  /// Makes one.
  ///
  /// - Parameters:
  ///   - run: The folder of the run.
  ///   - prompts: What is answered.
  ///   - checker: What tells which responses are right.
  ///   - events: Hears of progress.
  package init(
    _ run: RunFolder,
    prompts: [PromptRecord],
    checker: ResponseChecker,
    events: @escaping RunEventHandler
  ) {
    self.run = run
    self.prompts = prompts
    self.checker = checker
    self.events = events
  }

  /// Draws the first responses, in the stage `responses`.
  ///
  /// - Parameters:
  ///   - policy: What answers.
  ///   - drawing: How.
  ///   - fingerprint: What the responses depend on.
  /// - Returns: The responses.
  /// - Throws: `RunError`, `EvaluateError.uncheckedPrompt`, or what writing throws.
  package func responses(
    of policy: any Writer,
    _ drawing: BestOfNRun.Drawing,
    fingerprint: Fingerprint
  ) async throws -> Made<PolicyResponses> {
    let made = try await BestOfNRun(run, events: events).responses(
      prompts,
      of: policy,
      drawing,
      checker: checker,
      fingerprint: fingerprint
    )
    return Made(records: made.responses, digest: made.digest)
  }

  /// Writes a critique of each response, in the stage `critiques`.
  ///
  /// - Parameters:
  ///   - critic: What criticizes.
  ///   - responses: What is criticized.
  ///   - fingerprint: What the critiques depend on beside the responses.
  /// - Returns: The critiques.
  /// - Throws: `RunError`, or what writing throws.
  package func critiques(
    by critic: Critic,
    of responses: Made<PolicyResponses>,
    fingerprint: Fingerprint
  ) async throws -> Made<String> {
    let stage = try run.stage("critiques", fingerprint: fingerprint)
    let records = try await stage.write(
      Array(zip(prompts, responses.records)),
      by: critic.writer,
      events: events,
      requests: { prompt, response in
        [critic.request(.response(prompt: prompt.messages, response: response.responses[0]))]
      },
      record: { CritiqueRecord(id: prompts[$0].id, critique: $1[0][0].answer) }
    )
    return Made(records: records.map(\.critique), digest: stage.digest)
  }

  /// Revises each response with its critique and without, in the stage `revisions`.
  ///
  /// - Parameters:
  ///   - policy: What revises.
  ///   - wording: How it is asked.
  ///   - maximumTokens: Most tokens of a revision.
  ///   - responses: What is revised.
  ///   - critiques: By what.
  ///   - fingerprint: What the revisions depend on beside the critiques.
  /// - Returns: What became of each response.
  /// - Throws: `RunError`, `EvaluateError.uncheckedPrompt`, or what writing throws.
  package func revisions(
    by policy: any Writer,
    wording: RolePrompts,
    maximumTokens: Int,
    of responses: [PolicyResponses],
    critiques: [String],
    fingerprint: Fingerprint
  ) async throws -> [RevisionOutcome] {
    let stage = try run.stage("revisions", fingerprint: fingerprint)
    var settings = WritingSettings()
    settings.maximumTokens = maximumTokens
    return try await stage.write(
      Array(prompts.indices),
      by: policy,
      events: events,
      requests: { item in
        [critiques[item], nil].map { critique in
          WritingRequest(
            .conversation(
              wording.revision(
                prompt: prompts[item].messages,
                response: responses[item].responses[0],
                critique: critique
              )
            ),
            settings: settings
          )
        }
      },
      record: { item, written in
        let texts = written.joined().map(\.answer)
        let right = try PolicyResponses(prompts[item], responses: texts, checker: checker).right
        return Revision(
          id: prompts[item].id,
          guided: texts[0],
          unguided: texts[1],
          outcome: RevisionOutcome(
            id: prompts[item].id,
            before: responses[item].right[0],
            guided: right[0],
            unguided: right[1]
          )
        )
      }
    ).map(\.outcome)
  }
}
