import AssayBase
import AssayData
import AssayEvaluate
import AssayModel
import AssayReward
import AssayRun
import AssayStudy
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Foundation
import Testing

/// A method as an argument of a test.
struct AnyMethod: Sendable, CustomTestStringConvertible {
  let method: any Method
  var testDescription: String { method.name }

  static let all = Methods.all.map { AnyMethod(method: $0) }
}

@Suite struct MethodTests {
  /// A user's recipe of a method: a model folder, a file of what it learns from, a suite.
  private func recipe(_ method: any Method, _ world: TinyWorld) throws -> String {
    let sections = method.sections.map { "\(snakeCase($0.key)): \(smallest[$0.key] ?? "{}")" }
    let compute = "compute: {device: cpu, checkpoint_steps: 2}"
    let train: String
    switch method.data(MethodSettings()) {
    case .corpus:
      return
        (["method: \(method.name)", "corpus: \(world.file("corpus.jsonl").path)", compute]
        + sections).joined(separator: "\n")
    case .pairs, .critiquedPairs: train = "train: \(world.file("train.jsonl").path), "
    case .ratings: train = "train: \(try ratings(world).path), "
    case .none: train = ""
    }
    let data = "data: {\(train)suites: {mine: \(world.file("test.jsonl").path)}}"
    // Who learns from the corpus alone needs one.
    let replay = "replay: {share: 0.5, data: \(world.file("corpus.jsonl").path)}"
    let evaluation =
      (method.givesPreferences ? ["evaluation: {judgement_tokens: 8}"] : [])
      + (method.name == "judge-replay" ? [replay] : [])
    return
      (["method: \(method.name)", "model: \(world.base.path)", data, compute] + sections
      + evaluation).joined(separator: "\n")
  }

  /// Settings that make trainings short, and tiny models' texts readable enough to learn from.
  private let smallest = [
    "base": "{vocabulary_size: 300, architecture: \(tinyArchitecture), batch_sequences: 20}",
    "classic": "{batch_pairs: 8}",
    "regression": "{batch_responses: 8}",
    "verdict": "{prompts: playground, batch_pairs: 8}",
    "judge": "{prompts: playground}",
    "judgeReplay": "{batch_pairs: 8}",
    "critique": "{batch_responses: 16, critique_tokens: 8}",
    "cloud": "{batch_pairs: 8}",
    "criticRm":
      "{prompts: playground, samples: 2, critique_tokens: 8, ratings: 1, filter: none, epochs: 1}",
    "star": "{prompts: playground, iterations: 1, samples: 2, judgement_tokens: 8, batch_items: 8}",
    "grpo": "{prompts: playground, rounds: 1, samples: 2, judgement_tokens: 8, batch_items: 8}",
  ]

  private func ratings(_ world: TinyWorld) throws -> URL {
    let file = world.file("ratings.jsonl")
    let lines = try world.pairs().enumerated().flatMap { index, pair in
      try [(pair.chosen, 8), (pair.rejected, 3)].map { response, rating in
        let prompt = try JSONEncoder().encode(pair.prompt)
        let text = try JSONEncoder().encode(response)
        return "{\"prompt\": \(String(decoding: prompt, as: UTF8.self)), "
          + "\"response\": \(String(decoding: text, as: UTF8.self)), "
          + "\"rating\": \(rating + index % 2)}"
      }
    }
    try lines.joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
    return file
  }

  @Test(
    "every method trains on a user's files, shows figures, and then has nothing to do",
    arguments: AnyMethod.all
  )
  func everyMethod(_ own: AnyMethod) async throws {
    let method = own.method
    let world = try TinyWorld(train: 16, test: 8)
    try world.makeBase()
    let (text, run) = (try recipe(method, world), world.file("run"))
    do {
      let events = try await runRecipe(text, in: run)
      #expect(skipped(events).isEmpty)
    } catch TrainingError.noData(let stage, _) {
      // An untrained model of 300 tokens writes no score and no verdict: everything before has run.
      #expect(writesJudgements(method) || method.name.hasPrefix("critic-rm-"))
      try giveTexts(method, run, stage: stage, world)
      try await runRecipe(text, in: run)
    }
    let folder = try RunFolder(run)
    let last = try #require(RunFolder.lastCheckpoint(in: run) ?? (method.tuned.isEmpty ? run : nil))
    if !method.tuned.isEmpty {
      let lines = try folder.stageFolders().flatMap {
        try MetricsWriter.lines(in: run.appendingPathComponent($0))
      }
      #expect(!lines.isEmpty, "it trained")
      #expect(try Model.load(last).decoder.configuration.hiddenSize == 32)
    }
    if method.givesPreferences {
      let report = try #require(try RunReport(run: folder, command: "assay train"))
      let figures = report.results.methods[method.name]?["mine"]?["overall"]
      #expect(figures?.n == 8)
      #expect(report.text.contains("mine") && report.html.contains(method.name))
    } else {
      #expect(try RunReport(run: folder, command: "assay train") == nil)
    }
    let stages = folder.stageFolders()
    folder.release()
    #expect(skipped(try await runRecipe(text, in: run)).count == stages.count)
  }

  private func writesJudgements(_ method: any Method) -> Bool {
    method.name.hasPrefix("star-") || method.name == "grpo"
  }

  /// Records what a model that can write would have written, so that training has something.
  private func giveTexts(
    _ method: any Method,
    _ run: URL,
    stage: String,
    _ world: TinyWorld
  ) throws {
    // The stage that found nothing is behind the one whose records are given.
    let folders = try RunFolder(run).stageFolders()
    try FileManager.default.removeItem(at: run.appendingPathComponent(try #require(folders.last)))
    let records = run.appendingPathComponent(folders[folders.count - 2])
      .appendingPathComponent("records.jsonl")
    let earlier = try Data(contentsOf: records)
    try FileManager.default.removeItem(at: records)
    if writesJudgements(method) {
      let old = try decode(JudgementRecord.self, earlier)
      let log = try RecordLog<JudgementRecord>(records)
      for record in old {
        let samples = [record.order.right, record.order.right.exchanged].map {
          JudgementRecord.Sample(
            text: "so it is. [[\($0.rawValue)]]",
            verdict: $0,
            finishReason: .stop
          )
        }
        try log.append(JudgementRecord(id: record.id, order: record.order, samples: samples))
      }
    } else {
      let log = try RecordLog<RefinedRecord>(records)
      for pair in try world.pairs() {
        try log.append(
          RefinedRecord(
            id: pair.id,
            chosen: [.init(critique: "it is right.", score: 9)],
            rejected: [.init(critique: "it is wrong.", score: 2)]
          )
        )
      }
    }
  }

  private func decode<Record: Decodable>(_ type: Record.Type, _ data: Data) throws -> [Record] {
    try data.split(separator: 0x0a).map { try JSONDecoder().decode(Record.self, from: $0) }
  }

  @Test(
    "STaR learns from judgements that a model at an endpoint writes: right ones, or as a control any",
    arguments: StarFilter.allCases
  )
  func judgementsElsewhere(filter: StarFilter) async throws {
    let world = try TinyWorld(train: 16, test: 8)
    try world.makeBase()
    let server = try ChatServer { _, respond in respond(.completion("Because. [[A]]")) }
    let run = world.file("run")
    try await runRecipe(
      """
      method: star-sft
      model: \(world.base.path)
      data: {train: \(world.file("train.jsonl").path)}
      compute: {device: cpu}
      star:
        {prompts: playground, iterations: 1, samples: 2, judgement_tokens: 16, batch_items: 4, filter: \(filter.rawValue)}
      endpoints: {generator: "openai:\(server.base)", generator_model: judge, retries: 0}
      """,
      in: run
    )
    let judged = try RecordLog<JudgementRecord>(
      run.appendingPathComponent("01-judgements-1/records.jsonl")
    ).records()
    #expect(judged.count == 16 && judged.allSatisfy { $0.samples.count == 2 })
    #expect(judged.flatMap(\.samples).allSatisfy { $0.text == "Because. [[A]]" })
    #expect(server.received.count == 32)
    // Both of an item's judgements say the same, so one is learnt: of items where A is right, or of all.
    let right = judged.count { filter == .none || $0.order == .chosenFirst }
    #expect(right == 16 || filter == .verdict)
    #expect(try metric("loss", run, "02-train-1").count == (right + 3) / 4)
  }

  @Test(
    "DPO and IPO are refused unselected judgements, which leave nothing to hold against",
    arguments: ["dpo", "ipo"]
  )
  func unselected(variant: String) async throws {
    let world = try TinyWorld(train: 4, test: 4)
    try world.makeBase()
    await #expect {
      try await runRecipe(
        """
        method: star-\(variant)
        model: \(world.base.path)
        data: {train: \(world.file("train.jsonl").path)}
        compute: {device: cpu}
        star: {filter: none}
        """,
        in: world.file("run")
      )
    } throws: {
      "\($0)".contains("filter: none leaves star-\(variant) no right judgement")
    }
  }

  @Test(
    "enforced verdicts: an untrained model's judgements all have one, learnt from and evaluated"
  )
  func enforced() async throws {
    let world = try TinyWorld(train: 16, test: 8)
    try world.makeBase()
    let run = world.file("run")
    try await runRecipe(
      """
      method: star-sft
      model: \(world.base.path)
      data:
        train: \(world.file("train.jsonl").path)
        suites: {mine: \(world.file("test.jsonl").path)}
      compute: {device: cpu}
      star:
        {prompts: playground, iterations: 1, samples: 4, judgement_tokens: 12, batch_items: 4, verdicts: enforced}
      evaluation: {judgement_tokens: 12, verdicts: enforced}
      """,
      in: run
    )
    let judged = try decode(
      JudgementRecord.self,
      try Data(contentsOf: run.appendingPathComponent("01-judgements-1/records.jsonl"))
    )
    #expect(judged.count == 16)
    for sample in judged.flatMap(\.samples) {
      #expect(
        sample.verdict != nil && sample.text.hasSuffix("[[\(sample.verdict?.rawValue ?? "")]]")
      )
      #expect(sample.finishReason == .stop)
    }
    let outcomes = try decode(
      PairOutcome.self,
      try Data(contentsOf: run.appendingPathComponent("03-evaluate/records.jsonl"))
    )
    #expect(
      outcomes.count == 8
        && outcomes.allSatisfy { $0.votes?.allSatisfy { $0.chosen != nil } == true }
    )
  }

  @Test("methods have names of their own, one line of summary, and settings with their own keys")
  func list() throws {
    #expect(Set(Methods.names).count == Methods.all.count)
    for method in Methods.all {
      #expect(!method.summary.isEmpty && !method.summary.contains("\n"), "\(method.name)")
      #expect(Methods.named(method.name)?.name == method.name)
      let keys = method.sections.map(\.key)
      #expect(Set(keys).count == keys.count, "\(method.name)")
    }
    #expect(Methods.named("comparison") == nil)
  }

  @Test("every method is described in the documentation", .enabled(if: hasDocumentation))
  func documented() throws {
    let text = try String(contentsOf: documentation, encoding: .utf8)
    for method in Methods.all { #expect(text.contains("`\(method.name)`"), "\(method.name)") }
  }

  @Test("settings of several methods stand under keys of their own")
  func sharedSettings() throws {
    struct Study: RecipeSection {
      var settings = MethodSettings()
      init() {}
      init(from decoder: any Swift.Decoder) throws {
        settings = try MethodSettings(
          Methods.all.flatMap(\.sections),
          isShared: true,
          from: decoder
        )
      }
      func encode(to encoder: any Swift.Encoder) throws {
        try settings.encode(Methods.all.flatMap(\.sections), isShared: true, to: encoder)
      }
    }
    let text = "pair: {batch_pairs: 3}\ngenrm: {batch_pairs: 4}\nstar_dpo: {beta: 2}\n"
    let file = try RecipeFile(text: text, name: "study.yaml")
    let study = try file.resolve(Study.self)
    #expect(study.yaml.contains("\npair:\n") && study.yaml.contains("\nstar_ipo:\n"))
    let again = try RecipeFile(text: study.yaml, name: "again").resolve(Study.self)
    #expect(again == study)
    for (key, value) in [("pair", "5"), ("cloud", "16")] {
      let method = try #require(Methods.named(key))
      let path = try #require(method.learningRateKeys.first)
      let changed = try file.resolve(Study.self, overrides: ["\(path)=\(value)"])
      let lines = RecipeDifference.lines(from: study.yaml, to: changed.yaml)
      #expect(lines.count == 1 && lines[0].hasPrefix("\(path): "), "\(lines)")
    }
    #expect(throws: RunError.self) {
      try RecipeFile(text: "verdict: {}", name: "s").resolve(Study.self)
    }
  }

  @Test("an earlier name of a setting still works, and a list of one needs no brackets")
  func spellings() throws {
    func evaluation(_ text: String) throws -> EvaluationSection {
      try RecipeFile(text: text, name: "e.yaml").resolve(EvaluationSection.self).config
    }
    let former = try evaluation("critiques: [1, 8]\ntemperature: 0.7")
    #expect(former.critiques == [1, 8] && former.critiqueTemperature == 0.7)
    #expect(try evaluation("critiques: 8").critiques == [8])
    #expect(throws: RunError.self) { try evaluation("critiques: eight") }
  }
}

private let documentation = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Documentation/methods.md")
private let hasDocumentation = FileManager.default.fileExists(atPath: documentation.path)
