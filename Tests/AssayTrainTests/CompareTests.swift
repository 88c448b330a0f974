import AssayBase
import AssayData
import AssayGenerate
import AssayReward
import AssayRun
import AssayStudy
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Foundation
import Testing

/// Comparisons at their smallest: models that know nothing, so what they write is of no use, and
/// only the oracle's judgements can be learnt from.
@Suite struct CompareTests {
  private static let optimizer = "optimizer: {schedule: {learning_rate: 0.003}}"

  private func specification(
    methods: [String],
    more: String = "",
    variant: String = ""
  ) throws -> StudyRecipe {
    Engine.threads = 1
    let star = "{prompts: playground, samples: 2, judgement_tokens: 8, bootstrap: oracle-always}"
    let text = """
      method: compare
      methods: [\(methods.joined(separator: ", "))]
      variants:
        cloud-off-policy: cloud cloud.on_policy=false
        classic-half: classic share=0.5
        \(variant)
      compute: {device: cpu}
      playground: {train: 12, test: 8, ood: 4, corpus: 60}
      base:
        vocabulary_size: 300
        architecture: \(tinyArchitecture)
        batch_sequences: 16
        \(Self.optimizer)
      instruct: {demonstrations: 40, batch_sequences: 20}
      classic: {batch_pairs: 6}
      pair: {prompts: playground, batch_pairs: 6}
      genrm: {prompts: playground, batch_pairs: 6}
      critique: {batch_responses: 12, critique_tokens: 16}
      cloud: {batch_pairs: 6}
      critic_rm: {prompts: playground, samples: 2, critique_tokens: 8, ratings: 1, epochs: 2}
      star_sft: \(star)
      star_rationalizer: {prompts: playground, samples: 2, judgement_tokens: 8}
      star_dpo: \(star)
      star_ipo: \(star)
      search: {pairs: 4}
      replay: {share: 0.5}
      evaluation: {votes: 2, critiques: 2}
      \(more)
      """
    return try StudyRecipe(try RecipeFile(text: text, name: "tiny.yaml"))
  }

  private func outcomes(_ folder: URL, _ entry: Study.Entry) throws -> [PairOutcome] {
    try RecordLog<PairOutcome>(
      folder.appendingPathComponent(entry.evaluation).appendingPathComponent("records.jsonl")
    ).records()
  }

  /// What the iterations of STaR learnt from.
  private func judgements(_ entry: Study.Entry) -> [(path: String, summary: JudgementSummary)] {
    entry.stages.compactMap { stage in
      guard case .judgements(_, let summary)? = stage.summary else { return nil }
      return (stage.path, summary)
    }
  }

  @Test("every method runs for every seed on the same pairs, and a second run has nothing to do")
  func methods() async throws {
    let folder = try TemporaryFolder()
    let methods = [
      "classic", "classic-half", "pair", "judge", "judge-token", "genrm", "star-sft", "star-dpo",
      "star-ipo", "cloud", "cloud-off-policy",
    ]
    let recipe = try specification(methods: methods, more: "seeds: [1, 2]")
    let run = try await recipe.run(folder.url) { _ in }
    #expect(run.failures.isEmpty, "\(run.failures)")
    #expect(run.entries.map(\.method) == methods + methods)
    #expect(run.entries.map(\.seed) == methods.map { _ in 1 } + methods.map { _ in 2 })
    let ids = try outcomes(folder.url, run.entries[0]).map(\.id)
    #expect(ids.count == 12)
    for entry in run.entries {
      let outcomes = try outcomes(folder.url, entry)
      #expect(outcomes.map(\.id) == ids, "\(entry.method)")
      let isJudge =
        ["pair", "judge", "judge-token", "genrm"].contains(entry.method)
        || entry.method.hasPrefix("star")
      for outcome in outcomes {
        #expect((outcome.votes != nil) == isJudge, "\(entry.method)")
        #expect((outcome.chosen != nil) != isJudge, "\(entry.method)")
        #expect(outcome.sampleCount == (isJudge || entry.method.hasPrefix("cloud") ? 2 : 1))
        #expect(outcome.promptTokens > 0)
      }
    }
    // Three equal parts of the pairs, none in two of them.
    let star = try #require(run.entries.first { $0.method == "star-dpo" })
    let parts = try judgements(star).map { stage in
      try RecordLog<JudgementRecord>(
        folder.url.appendingPathComponent("\(stage.path)/records.jsonl")
      ).records()
    }
    #expect(parts.map(\.count) == [4, 4, 4])
    #expect(Set(parts.joined().map(\.id)).count == 12)
    for (_, logged) in judgements(star) {
      // The oracle's judgement is right and true, the model's own has no verdict.
      #expect(logged.items == 4 && logged.mixed == 4 && logged.allRight == 0)
      #expect(logged.right == 4 && logged.rightAndTrue == 4)
      #expect(logged.unparseable == 4)
    }
    #expect(star.stages.map(\.name).contains("judgements-3"))
    let again = try await recipe.run(folder.url) { event in
      if case .stageStarted(let name, _, _, _) = event { Issue.record("\(name) ran again") }
    }
    #expect(again == run)
    #expect(try Study(contentsOf: folder.url) == run)
    let half = try #require(run.methods.first { $0.name == "classic-half" })
    #expect(half.base == "classic" && half.share == 0.5)
    #expect(run.methods.first { $0.name == "cloud-off-policy" }?.share == nil)
    let link = folder.url.appendingPathComponent("models/cloud-seed-2/config.json")
    #expect(FileManager.default.fileExists(atPath: link.path))
  }

  @Test("judged in both orders, a pair is learnt where both have a right judgement")
  func bothOrders() async throws {
    let folder = try TemporaryFolder()
    let recipe = try specification(
      methods: ["star-sft-both"],
      more: "",
      variant: "star-sft-both: star-sft star_sft.both_orders=true"
    )
    let run = try await recipe.run(folder.url) { _ in }
    #expect(run.failures.isEmpty, "\(run.failures)")
    var ids: [String] = []
    for (path, logged) in judgements(run.entries[0]) {
      let records = try RecordLog<JudgementRecord>(
        folder.url.appendingPathComponent("\(path)/records.jsonl")
      ).records()
      #expect(records.count == 8)
      for index in stride(from: 0, to: records.count, by: 2) {
        #expect(records[index].id == records[index + 1].id)
        #expect(records[index].order != records[index + 1].order)
        ids.append(records[index].id)
      }
      #expect(logged.items == 8 && logged.allRight == 8)
    }
    #expect(Set(ids).count == 12)
  }

  @Test("methods that find nothing to learn from are left out, with the reason, and others go on")
  func nothingToLearn() async throws {
    let folder = try TemporaryFolder()
    let methods = ["critic-rm-rank", "critic-rm-summ", "star-rationalizer", "classic"]
    let run = try await specification(methods: methods).run(folder.url) { _ in }
    #expect(run.entries.map(\.method) == ["classic"])
    #expect(
      Set(run.failures.keys) == Set(methods.dropLast().map { "\($0), seed 1" }),
      "\(run.failures)"
    )
    #expect(
      try #require(run.failures["star-rationalizer, seed 1"])
        .contains("no judgement has the right verdict")
    )
    #expect(
      try #require(run.failures["critic-rm-rank, seed 1"]).hasPrefix("nothing to train on")
    )
  }

  @Test("whatever ends one method, the others go on; where none is left, the first failure is told")
  func otherFailures() async throws {
    let folder = try TemporaryFolder()
    // Nobody answers at port 1.
    let more = "endpoints: {generator: 'openai:http://127.0.0.1:1/v1', generator_model: m}"
    let run = try await specification(methods: ["critic-rm-rank", "classic"], more: more)
      .run(folder.url) { _ in }
    #expect(run.entries.map(\.method) == ["classic"])
    #expect(run.failures["critic-rm-rank, seed 1"]?.contains("no answer after") == true)
    let alone = try TemporaryFolder()
    await #expect(throws: EndpointError.self) {
      try await specification(methods: ["critic-rm-rank"], more: more).run(alone.url) { _ in }
    }
  }

  @Test("what every method would meet ends a comparison")
  func commonFailures() {
    let file = FileError.fileSystem(action: "write", path: "x", reason: "full")
    let common: [any Error] = [
      Interrupted(signal: 15), CancellationError(), file, RunError.isModel(path: "x"),
      DataError.unwritable(path: "x", reason: "full"),
    ]
    for error in common { #expect(!StudyPart.isOwn(error), "\(error)") }
    let diverged = RunError.nonFiniteMetric(name: "loss", value: "nan", step: 1)
    #expect(StudyPart.isOwn(diverged))
  }

  @Test("Critic-RM learns from what its filter leaves, and says what went and why")
  func criticRM() async throws {
    let folder = try TemporaryFolder()
    let recipe = try specification(methods: ["critic-rm-rank"])
    await #expect(throws: TrainingError.self) { try await recipe.run(folder.url) { _ in } }
    // The model writes nothing of use: critiques with scores take the place of its own.
    let stages = folder.url.appendingPathComponent("stages")
    let names = try FileManager.default.contentsOfDirectory(atPath: stages.path)
    let candidates = try #require(names.first { $0.hasPrefix("scored-critiques-") })
    let file = stages.appendingPathComponent("\(candidates)/01-scored-critiques/records.jsonl")
    let records = try RecordLog<CandidateRecord>(file).records()
    #expect(records.count == 24)
    try FileManager.default.removeItem(at: file)
    let log = try RecordLog<CandidateRecord>(file)
    let playground = Playground(PlaygroundConfiguration(seed: 1))
    try log.append(
      contentsOf: try records.enumerated().map { index, record in
        let item = try #require(playground.item(id: record.id))
        let isChosen = record.side == "chosen"
        let exact = item.critique(of: isChosen ? item.chosen : item.rejected)
        // Of the last pair both critiques contradict the label.
        let score = isChosen == (index < 22) ? 9 : 2
        return CandidateRecord(
          id: record.id,
          side: record.side,
          candidates: [
            .init(critique: exact, score: score, finishReason: .stop),
            .init(critique: "it is wrong.", score: 5, finishReason: .stop),
            .init(critique: "so long", score: nil, finishReason: .length),
          ]
        )
      }
    )
    try log.synchronize()
    let refined = try #require(names.first { $0.hasPrefix("refined-") })
    try FileManager.default.removeItem(at: stages.appendingPathComponent(refined))

    let run = try await recipe.run(folder.url) { _ in }
    #expect(run.failures.isEmpty, "\(run.failures)")
    let stage = try #require(run.entries[0].stages.first { $0.summary != nil })
    guard case .filter(let summary)? = stage.summary else {
      Issue.record("\(stage) is no filter")
      return
    }
    #expect(summary.pairs == 12 && summary.keptPairs == 11)
    #expect(summary.droppedPairs == ["pair-contradicts-label": 1])
    #expect(summary.droppedCritiques["cut"] == 24)
    #expect(summary.droppedCritiques["pair-contradicts-label"] == 4)
    // Means 7 and 3.5: the 5 stays with chosen, and with rejected.
    #expect(summary.unfiltered.count == 48 && summary.filtered.count == 44)
    #expect(summary.unfiltered.isTrue >= 24)
    let kept = try RecordLog<RefinedRecord>(
      folder.url.appendingPathComponent("\(stage.path)/records.jsonl")
    ).records()
    #expect(kept.prefix(11).allSatisfy { $0.reason == nil && !$0.chosen.isEmpty })
    #expect(kept[11].reason == "pair-contradicts-label" && kept[11].chosen.isEmpty)
    // What is learnt does not state its score.
    #expect(kept.allSatisfy { $0.chosen.allSatisfy { !$0.critique.contains("score") } })
  }

  @Test("the search gives every method the same trials and uses the best")
  func search() async throws {
    let folder = try TemporaryFolder()
    let recipe = try specification(
      methods: ["classic", "genrm", "judge", "cloud-off-policy"],
      more: "share: 1"
    )
    let text = recipe.resolved.replacing("learning_rates: [1.0]", with: "learning_rates: [1, 3]")
    #expect(text != recipe.resolved)
    let run = try await StudyRecipe(try RecipeFile(text: text, name: "search.yaml"))
      .run(folder.url) { _ in }
    #expect(
      run.trials.map { "\($0.method) \($0.factor)" } == [
        "classic 1.0", "classic 3.0", "genrm 1.0", "genrm 3.0", "cloud 1.0", "cloud 3.0",
      ]
    )
    for method in ["classic", "genrm", "cloud"] {
      let own = run.trials.filter { $0.method == method }
      let chosen = own.filter(\.isChosen)
      #expect(chosen.count == 1)
      #expect(chosen[0].accuracy == own.map(\.accuracy).max())
    }
  }

  @Test("what a comparison cannot do is said before it starts")
  func refusals() throws {
    for (methods, more, part) in [
      (["classic", "nothing"], "", "methods"), ([], "", "methods"),
      (["classic"], "seeds: []", "seeds"), (["classic"], "seeds: [1, 1]", "seeds"),
      (["classic"], "share: 0", "share"), (["classic"], "world: mars", "world"),
      (["classic"], "world: gsm8k", "gsm8k.folder"), (["classic"], "model: base", "model"),
      (["classic"], "world: files", "model"),
    ] {
      let error = #expect(throws: RunError.self) {
        try specification(methods: methods, more: more)
      }
      #expect("\(error.map { "\($0)" } ?? "")".contains(part), "\(part)")
    }
  }
}
