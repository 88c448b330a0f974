import ArgumentParser
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayStudy
import AssayText
import AssayTrain
import Foundation

/// The stages of `assay refine`: responses, critiques of them, and revisions.
struct Refinement {
  let command: RefineCommand
  let rows: [PromptRecord]
  let checker: ResponseChecker
  let wording: RolePrompts
  let run: RunFolder
  let policy: PolicySource

  private struct Critique: Codable, Sendable {
    let id: String
    let critique: String
  }

  private struct Revision: Codable, Sendable {
    let id: String
    let guided: String
    let unguided: String
    let outcome: RevisionOutcome
  }

  /// What a stage made, and the digest that later stages depend on.
  private struct Made<Record> {
    var records: [Record]
    var digest: String
  }

  /// Runs the stages, or goes on where they stopped.
  ///
  /// - Returns: What became of each response, in the order of the rows.
  /// - Throws: What loading, drawing or writing throws.
  func outcomes() async throws -> [RevisionOutcome] {
    let responses = try await responses()
    let critiques =
      try await command.critic == nil ? localCritiques(responses) : remoteCritiques(responses)
    return try await revisions(responses.records, critiques).map(\.outcome)
  }

  private var fingerprint: String { command.inference.fingerprint(command.common) }

  private func stage(_ name: String, _ recipe: String, _ inputs: [String: String]) throws -> Stage {
    try run.stage(name, fingerprint: Fingerprint(recipe: recipe, inputs: inputs))
  }

  /// Draws texts of a model for all rows.
  private func records<Record: Codable & Sendable>(
    _ source: PolicySource,
    _ stage: Stage,
    temperature: Float,
    maximumTokens: Int,
    questions: (Int) -> [PolicySource.Question],
    record: (Int, [String]) throws -> Record
  ) async throws -> [Record] {
    let display = command.common.progress
    return try await source.records(
      of: stage,
      count: rows.count,
      stretch: 512,
      drawing: .init(
        temperature: temperature,
        maximumTokens: maximumTokens,
        seed: command.common.seed
      ),
      events: { display.handle($0) },
      questions: questions,
      record: record
    )
  }

  private func responses() async throws -> Made<PolicyResponses> {
    let stage = try stage(
      "responses",
      """
      temperature: \(command.temperature)
      max_tokens: \(command.maxTokens)
      seed: \(command.common.seed)
      playground_seed: \(command.checks.playgroundSeed.map(String.init) ?? "none")
      \(fingerprint)
      """,
      ["policy": try policy.digest(), "data": try InputDigest.file(command.data)]
    )
    let written = try await records(
      policy,
      stage,
      temperature: command.temperature,
      maximumTokens: command.maxTokens
    ) { item in
      [.init(messages: rows[item].messages)]
    } record: { item, texts in
      try PolicyResponses(rows[item], responses: texts, checker: checker)
    }
    return Made(records: written, digest: stage.digest)
  }

  // MARK: Critiques

  private func localCritiques(_ responses: Made<PolicyResponses>) async throws -> Made<Critique> {
    let path = command.model ?? ""
    let loaded = try command.inference.load(path, command.common)
    guard loaded.decoder.isLanguageModel else {
      throw ModelError.lacks(
        path: path,
        part: "output embedding",
        hint: "a classifier cannot write text"
      )
    }
    let room = min(
      command.critiqueTokens ?? loaded.manifest.critiqueTokens ?? 512,
      loaded.decoder.configuration.contextTokens / 2
    )
    let leadIn = loaded.manifest.leadIn ?? wording.critiqueLeadIn
    let stage = try stage(
      "critiques",
      "critique_tokens: \(room)\nlead_in: \(leadIn)\n\(fingerprint)",
      ["model": InputDigest.model(try ModelPath.folder(path)), "responses": responses.digest]
    )
    let renderer = try loaded.renderer()
    let display = command.common.progress
    let written = try await SamplingStage<Critique>(
      stage: stage,
      model: loaded,
      events: { display.handle($0) }
    ).run(count: rows.count) { item in
      [
        GenerationRequest(
          promptTokens: try renderer.critiquePrefix(
            prompt: rows[item].messages,
            response: responses.records[item].responses[0],
            leadIn: leadIn,
            reservedTokens: room + 1
          ),
          maximumTokens: room,
          stopTokens: [renderer.endOfTurnID]
        )
      ]
    } record: { item, written in
      Critique(id: rows[item].id, critique: written[0].text)
    }
    return Made(records: written, digest: stage.digest)
  }

  private func remoteCritiques(_ responses: Made<PolicyResponses>) async throws -> Made<Critique> {
    guard let critic = command.critic, let name = command.criticModel else {
      throw ValidationError("give either --model or --critic")
    }
    let remote = command.policy.remote
    var made = Made<Critique>(records: [], digest: "")
    try await remote.withEndpoint(
      critic,
      model: name,
      answers: command.out + ".critic-requests.jsonl",
      isOutputFree: false,
      common: command.common
    ) { endpoint in
      let room = command.critiqueTokens ?? Critic(RemoteWriter(endpoint)).critiqueTokens
      let source = PolicySource.endpoint(endpoint, stretch: remote.stretch)
      let stage = try stage(
        "critiques",
        "critique_tokens: \(room)\nprompts: \(wording.name)\n",
        ["model": try source.digest(), "responses": responses.digest]
      )
      made.digest = stage.digest
      made.records = try await records(source, stage, temperature: 0, maximumTokens: room) { item in
        [
          .init(
            messages: RolePrompts.critique(
              prompt: rows[item].messages,
              response: responses.records[item].responses[0],
              leadIn: wording.critiqueLeadIn
            )
          )
        ]
      } record: { item, texts in
        Critique(id: rows[item].id, critique: texts[0])
      }
    }
    return made
  }

  // MARK: Revisions

  private func revisions(
    _ responses: [PolicyResponses],
    _ critiques: Made<Critique>
  ) async throws -> [Revision] {
    let stage = try stage(
      "revisions",
      "prompts: \(wording.name)\nmax_tokens: \(command.maxTokens)\n\(fingerprint)",
      ["policy": try policy.digest(), "critiques": critiques.digest]
    )
    return try await records(
      policy,
      stage,
      temperature: 0,
      maximumTokens: command.maxTokens
    ) { item in
      [critiques.records[item].critique, nil].map { critique in
        .init(
          messages: wording.revision(
            prompt: rows[item].messages,
            response: responses[item].responses[0],
            critique: critique
          )
        )
      }
    } record: { item, texts in
      let right = try PolicyResponses(rows[item], responses: texts, checker: checker).right
      return Revision(
        id: rows[item].id,
        guided: texts[0],
        unguided: texts[1],
        outcome: RevisionOutcome(
          id: rows[item].id,
          before: responses[item].right[0],
          guided: right[0],
          unguided: right[1]
        )
      )
    }
  }
}
