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

/// What makes a comparison fair: as many steps, the same samples, teachers, controls.
@Suite struct EqualTermsTests {
  private func recipe(_ methods: String, _ more: String = "") throws -> StudyRecipe {
    Engine.threads = 1
    let optimizer = "optimizer: {schedule: {learning_rate: 0.003}}"
    let star = "{prompts: playground, samples: 2, judgement_tokens: 8, bootstrap: oracle-always}"
    let text = """
      method: compare
      methods: [\(methods)]
      variants:
        cloud-self: cloud critique.teacher=self
        cloud-equal: cloud critique.teacher=equal
        cloud-stronger: cloud critique.teacher=stronger
      compute: {device: cpu, steps: 6}
      playground: {train: 16, test: 8, ood: 4, long: 4, corpus: 60}
      base:
        vocabulary_size: 300
        architecture: \(tinyArchitecture)
        batch_sequences: 16
        \(optimizer)
      instruct: {demonstrations: 40, batch_sequences: 20}
      classic: {batch_pairs: 6, head: cloud}
      pair: {prompts: playground, batch_pairs: 6, head: cloud, both_orders: true}
      genrm: {prompts: playground, batch_pairs: 6, both_orders: true}
      judge_replay: {batch_pairs: 6}
      critique: {batch_responses: 12, critique_tokens: 16}
      cloud: {batch_pairs: 6}
      critic_rm: {prompts: playground, samples: 2, critique_tokens: 8, ratings: 1, epochs: 2}
      star_sft: \(star)
      star_dpo: \(star)
      search: {pairs: 4}
      replay: {share: 0.5}
      evaluation: {votes: 2, critiques: 1}
      \(more)
      """
    return try StudyRecipe(try RecipeFile(text: text, name: "tiny.yaml"))
  }

  /// Steps of the trainings of an entry, by the names of their stages.
  private func steps(_ entry: Study.Entry, _ folder: URL) throws -> [String: Int] {
    var steps: [String: Int] = [:]
    for stage in entry.stages {
      let lines = try MetricsWriter.lines(in: folder.appendingPathComponent(stage.path))
      if !lines.isEmpty { steps[stage.name] = lines.count }
    }
    return steps
  }

  @Test("every method trains for as many steps, each of its trainings its part of them")
  func equalSteps() async throws {
    let folder = try TemporaryFolder()
    let run = try await recipe(
      "classic, classic-critic, pair, genrm, judge-replay, star-sft, star-dpo, cloud"
    ).run(folder.url) { _ in }
    #expect(run.failures.isEmpty, "\(run.failures)")
    let found = try Dictionary(
      uniqueKeysWithValues: run.entries.map { ($0.method, try steps($0, folder.url)) }
    )
    for method in ["classic", "pair", "genrm", "judge-replay"] {
      #expect(found[method] == [method: 6], "\(method)")
    }
    #expect(found["classic-critic"] == ["critique-sft": 3, "classic-critic": 3])
    #expect(found["cloud"] == ["critique-sft": 3, "cloud": 3])
    for method in ["star-sft", "star-dpo"] {
      #expect(found[method] == ["train-1": 2, "train-2": 2, "train-3": 2], "\(method)")
    }
  }

  @Test("a world that holds kinds out has three suites; a seed draws base, start model and method")
  func worldAndSeeds() async throws {
    let folder = try TemporaryFolder()
    let run = try await recipe("classic", "seeds: [1, 2]").run(folder.url) { _ in }
    let starts = run.shared.filter { $0.name == "instruct" }.map(\.path)
    #expect(Set(starts).count == 2, "\(starts)")
    #expect(Set(run.shared.filter { $0.name == "base" }.map(\.path)).count == 2)
    // The world is one.
    #expect(run.shared.count { $0.name == "data" } == 1)
    #expect(run.startModel.keys.contains("teacher (stronger)"))

    let other = try TemporaryFolder()
    let terms = try recipe("classic")
    let text = terms.resolved.replacing("holds_out: false", with: "holds_out: true")
      .replacing("taste: 0.0", with: "taste: 0.5").replacing(
        "label_flips: 0.0",
        with: "label_flips: 0.5"
      )
    _ = try await StudyRecipe(try RecipeFile(text: text, name: "terms.yaml")).run(other.url) { _ in
    }
    let items = try RecordLog<Study.Item>(other.url.appendingPathComponent("items.jsonl")).records()
    #expect(Set(items.map(\.suite)) == ["test", "ood", "long"])
    #expect(items.filter { $0.suite == "ood" }.allSatisfy { $0.id.hasPrefix("unseen-") })
    #expect(items.count { $0.suite == "long" } == 4)
  }

  @Test("critiques are learnt of teachers of any strength, and of the start model itself")
  func teachers() async throws {
    let folder = try TemporaryFolder()
    let run = try await recipe("cloud, cloud-self, cloud-equal, cloud-stronger").run(folder.url) {
      _ in
    }
    #expect(run.failures.isEmpty, "\(run.failures)")
    let critics = try run.entries.map { entry in
      try #require(entry.stages.first { $0.name == "critique-sft" }).path
    }
    #expect(Set(critics).count == 4, "four teachers make four critics")
    let own = try #require(run.entries[1].stages.first { $0.name == "own-critiques" })
    let records = try RecordLog<CritiqueRecord>(
      folder.url.appendingPathComponent("\(own.path)/records.jsonl")
    ).records()
    #expect(records.count == 32 && Set(records.map(\.id)).count == 16)
  }

  @Test("a teacher needs a world that has one")
  func noTeacher() async throws {
    let world = try TinyWorld(train: 8, test: 4)
    try world.makeBase()
    let recipe = TinyRecipe.critique(world) + "\n  teacher: stronger"
    let error = await #expect(throws: TrainingError.self) {
      try await runRecipe(recipe, in: world.file("run"))
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("critique.teacher: stronger needs a world"))
  }

  @Test("in both orders a step reads each of its pairs twice")
  func bothOrders() async throws {
    let world = try TinyWorld(train: 8, test: 4)
    try world.makeBase()
    func tokens(_ bothOrders: Bool) async throws -> Int {
      let text = """
        method: pair
        model: \(world.base.path)
        data: {train: \(world.file("train.jsonl").path)}
        compute: {device: cpu}
        verdict: {prompts: playground, batch_pairs: 4, both_orders: \(bothOrders)}
        """
      let events = try await runRecipe(text, in: world.file("run-\(bothOrders)"))
      return events.reduce(0) { sum, event in
        if case .step(_, _, _, let tokens) = event { sum + tokens } else { sum }
      }
    }
    let (one, both) = (try await tokens(false), try await tokens(true))
    // The same words in another order may be a token more or less.
    #expect(abs(Double(both) / Double(one) - 2) < 0.05, "\(one), \(both)")
  }

  @Test("variants of STaR have the paper's constants")
  func starDefaults() throws {
    func section(_ name: String) throws -> StarSection {
      let method = try #require(Methods.named(name))
      return try #require(method.sections.compactMap { $0.initial as? StarSection }.first)
    }
    #expect(try section("star-dpo").beta == 1 && section("star-ipo").beta == 0.4)
    #expect(try section("star-rationalizer").optimizer.schedule.learningRate == 2e-5)
    #expect(try section("star-sft").optimizer.schedule.learningRate == 1e-6)
  }

  @Test("Critic-RM's rate stays at its peak, so that a new head is not left the end of a cosine")
  func headRate() throws {
    let schedule = CriticRMSection().optimizer.schedule
    #expect(schedule.shape == .constant)
    // Weight 0 in two epochs, then up to 0.9: at a constant rate 0.45 of an epoch, by a cosine less.
    let steps = 300
    func learnt(_ schedule: Schedule) -> Double {
      (0..<steps).reduce(0) { sum, step in
        let weights = CritiqueWeight.scheduled(beta: 0.9)
          .weights(step: step, stepsPerEpoch: 100, epochs: 3)
        return sum + schedule.rate(step: step, total: steps) / schedule.learningRate
          * weights.preference
      } / 100
    }
    var cosine = schedule
    cosine.shape = .cosine
    #expect(abs(learnt(schedule) - 0.45) < 0.01 && learnt(cosine) < 0.1)
  }
}

/// The arms that tell what Critic-RM's filter and ranking do.
@Suite struct CriticRMArmTests {
  private func pair() -> PreferencePair {
    PreferencePair(id: "1", prompt: [.user("q")], chosen: "a", rejected: "b")
  }

  private func critique(_ text: String, _ score: Int) -> RefinedRecord.Critique {
    .init(critique: text, score: score)
  }

  @Test("by the pairwise rule only critiques whose scores agree with the label are learnt together")
  func matched() throws {
    let world = try TinyWorld(train: 4, test: 4)
    let renderer = try TinyModel.make(corpus: try CorpusFile.read(world.file("corpus.jsonl")))
      .renderer()
    var section = CriticRMSection()
    section.filter = .pairwise
    func count(_ chosen: [Int], _ rejected: [Int]) throws -> Int {
      try refinedPairs(
        [pair()],
        [
          RefinedRecord(
            id: "1",
            chosen: chosen.map { critique("good \($0)", $0) },
            rejected: rejected.map { critique("bad \($0)", $0) }
          )
        ],
        renderer: renderer,
        section: section
      ).count
    }
    // 9 over 2, and 3 over none of what is left; by rank alone 3 would be held against 8.
    #expect(try count([9, 3], [2, 8]) == 1)
    #expect(try count([9, 3], [8, 2]) == 2)
    section.filter = .mean
    #expect(try count([9, 3], [2, 8]) == 2)
  }

  @Test("an arm without filter learns from the pairs that the filter keeps, where it is told to")
  func equalPairs() {
    func candidates(_ scores: [Int]) -> [CandidateCritique] {
      scores.map { CandidateCritique(critique: "\($0)", score: $0, finishReason: .stop) }
    }
    let (good, bad) = (candidates([9, 2]), candidates([3, 4]))
    var kept = ConsistencyRule.none.filter(chosen: good, rejected: bad)
    kept.drop(with: ConsistencyRule.mean.filter(chosen: good, rejected: bad))
    // Means 5.5 and 3.5: the pair stays, with all of its critiques.
    #expect(kept.isKept && kept.chosen == [0, 1] && kept.rejected == [0, 1])
    var dropped = ConsistencyRule.none.filter(chosen: bad, rejected: good)
    dropped.drop(with: ConsistencyRule.mean.filter(chosen: bad, rejected: good))
    #expect(dropped.reason == .pairContradictsLabel && dropped.chosen.isEmpty)
  }

  @Test("kept and dropped critiques are compared response by response")
  func within() throws {
    var summary = FilterSummary.Within()
    #expect(FilterSummary.Within.difference([summary]) == nil)
    for _ in 0..<10 { summary.add([0.5]) }
    let same = try #require(FilterSummary.Within.difference([summary, summary]))
    #expect(same.value == 0.5 && same.lower == 0.5 && same.upper == 0.5 && same.count == 20)
    var other = FilterSummary.Within()
    for _ in 0..<10 { other.add([0.1]) }
    let both = try #require(FilterSummary.Within.difference([summary, other]))
    // Means 0.5 and 0.1: the deviation of their mean is 0.2, with one degree of freedom.
    #expect(abs(both.value - 0.3) < 1e-12)
    #expect(
      abs(both.upper - 0.3 - 0.2 * Statistics.studentQuantile(degrees: 1)) < 1e-9
    )
  }
}
