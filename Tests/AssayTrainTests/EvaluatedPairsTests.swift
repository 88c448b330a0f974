import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayRun
import AssayStudy
import AssayText
import AssayTrain
import Foundation
import Testing

/// What a recipe's suites are graded by: labels, whatever files call chosen, and all pairs.
@Suite struct EvaluatedPairsTests {
  private struct Row: Codable {
    let id: String
    let prompt: String
    let chosen: String
    let rejected: String
    var probability: Double?

    init(_ pair: PreferencePair, shown: PreferencePair, id: String, label: Double? = nil) {
      self.id = id
      prompt = shown.prompt.map(\.content).joined()
      chosen = pair.chosen
      rejected = pair.rejected
      probability = label
    }
  }

  private func write(_ rows: [Row], _ file: URL) throws -> String {
    let lines = try rows.map { try JSONEncoder().encode($0) + Data("\n".utf8) }
    try Data(lines.joined()).write(to: file)
    return file.path
  }

  /// The first pairs of a world with labels, in a file of their own.
  private func labelled(_ labels: [Double?], _ world: TinyWorld, _ name: String) throws -> String {
    let rows = zip(try world.pairs("test.jsonl"), labels).map { pair, label in
      Row(pair, shown: pair, id: pair.id, label: label)
    }
    return try write(rows, world.file(name))
  }

  private func report(
    _ recipe: String,
    _ run: URL
  ) async throws -> (figure: ResultsFile.Figure?, events: [RunEvent]) {
    let events = try await runRecipe(recipe, in: run)
    let folder = try RunFolder(run)
    defer { folder.release() }
    let report = try #require(try RunReport(run: folder, command: "assay train"))
    return (report.results.methods.values.first?["test"]?["overall"], events)
  }

  @Test(
    "a label below one half prefers the response called rejected, and one of one half is left out"
  )
  func softLabels() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    func recipe(_ suite: String) -> String {
      TinyRecipe.classic(world)
        .replacingOccurrences(of: world.file("test.jsonl").path, with: suite)
    }
    let plain = try await report(
      recipe(try labelled([nil, nil, nil], world, "plain.jsonl")),
      world.file("plain")
    )
    let turned = try await report(
      recipe(try labelled([0.1, 0.2, 0.3, 0.5], world, "turned.jsonl")),
      world.file("turned")
    )
    #expect(plain.figure?.n == 3 && turned.figure?.n == 3)
    let accuracy = try #require(plain.figure?.accuracy)
    #expect(turned.figure.map { abs($0.accuracy - (1 - accuracy)) < 1e-12 } == true)
    let warnings = turned.events.compactMap { event -> String? in
      if case .warning(let text) = event { text } else { nil }
    }
    #expect(warnings.contains { $0.hasPrefix("1 of 4 pairs of suite 'test' are labelled as ties") })
  }

  @Test("pairs whose votes ended early and those that needed all of them are counted alike")
  func fewerVotes() async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let run = world.file("run")
    let recipe = """
      method: judge
      model: \(world.base.path)
      judge: {prompts: playground}
      data: {suites: {test: \(world.file("test.jsonl").path)}}
      compute: {device: cpu}
      evaluation: {judgement_tokens: 8, votes: 6}
      """
    _ = try await report(recipe, run)
    let folder = try RunFolder(run)
    defer { folder.release() }
    let records = run.appendingPathComponent(try #require(folder.stageFolders().last))
      .appendingPathComponent("records.jsonl")
    var outcomes = try RecordLog<PairOutcome>(records).records()
    #expect(outcomes.count == 8 && outcomes.allSatisfy { $0.sampleCount == 6 })
    outcomes[0].votes?.removeLast(2)
    try FileManager.default.removeItem(at: records)
    try RecordLog<PairOutcome>(records).append(contentsOf: outcomes)
    let report = try #require(try RunReport(run: folder, command: "assay train"))
    #expect(report.results.methods["judge"]?["test"]?["overall"]?.n == 8)
  }

  @Test("pairs of one prompt count together: their interval is wider than that of as many prompts")
  func onePrompt() async throws {
    let world = try TinyWorld(train: 24, test: 24)
    try world.makeBase()
    let pairs = try world.pairs("test.jsonl")
    let path = try write(
      pairs.enumerated().map { Row($1, shown: pairs[$0 % 3], id: "\($0)") },
      world.file("few.jsonl")
    )
    let recipe = TinyRecipe.classic(world)
      .replacingOccurrences(of: world.file("test.jsonl").path, with: path)
    let run = world.file("run")
    let figure = try #require(try await report(recipe, run).figure)
    let folder = try RunFolder(run)
    defer { folder.release() }
    let records = run.appendingPathComponent(try #require(folder.stageFolders().last))
      .appendingPathComponent("records.jsonl")
    let outcomes = try RecordLog<PairOutcome>(records).records()
    #expect(Set(outcomes.map(\.cluster)).count == 3)
    let credits = outcomes.map { $0.credit() }
    let expected = try Statistics.accuracy(credits, clusters: credits.indices.map { $0 % 3 })
    #expect(figure.ci95 == [expected.lower, expected.upper])
    #expect(try ResultsFile.Figure(outcomes) == figure)
    let alone = try Statistics.accuracy(credits)
    #expect([expected.lower, expected.upper] != [alone.lower, alone.upper])
  }

  @Test(
    "base models learn as many steps as compute.steps says, and a corpus without targets is refused"
  )
  func pretraining() async throws {
    let world = try TinyWorld()
    let recipe = TinyRecipe.pretrain(world).replacingOccurrences(
      of: "compute: {device: cpu,",
      with: "compute: {device: cpu, steps: 3,"
    )
    let run = world.file("run")
    try await runRecipe(recipe, in: run)
    #expect(try metric("loss", run, "01-base").count == 3)

    try CorpusFile.write([[.user("nobody answers")]], to: world.file("asked.jsonl"))
    let silent =
      TinyRecipe.pretrain(world)
      .replacingOccurrences(of: "corpus.jsonl", with: "asked.jsonl") + "\n  targets: assistant\n"
    await #expect(
      throws: TrainingError.noData(
        stage: "base",
        hint: "the corpus has no text to learn; base.targets is assistant"
      )
    ) { try await runRecipe(silent, in: world.file("silent")) }
  }
}
