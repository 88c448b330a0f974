import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import AssayStudy
import AssayTrain
import Foundation
import Testing

@Suite struct ComparisonReaderTests {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("assay-comparison-\(UUID().uuidString)")

  private func write<Record: Codable & Sendable>(_ records: [Record], _ stage: String) throws {
    let url = folder.appendingPathComponent(stage)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try RecordLog<Record>(url.appendingPathComponent("records.jsonl")).append(contentsOf: records)
  }

  private func outcome(_ id: String, _ difference: Double) -> PairOutcome {
    PairOutcome(
      id: id,
      suite: "test",
      subset: "Reasoning",
      chosen: [difference, difference],
      rejected: [0, 0],
      promptTokens: 10,
      completionTokens: 2
    )
  }

  private func reader(and more: [Study.Entry] = []) throws -> ComparisonReader {
    let ids = (0..<8).map { "test-\($0)" }
    try write(ids.map { outcome($0, -1) }, "stages/evaluate-1/01-evaluate")
    try write(ids.map { outcome($0, 1) }, "stages/evaluate-2/01-evaluate")
    try write(ids.map { outcome($0, $0 == "test-0" ? 1 : -1) }, "stages/evaluate-3/01-evaluate")
    for (stage, scores) in [("stages/best-1", [1.0, 0]), ("stages/best-2", [0, 1])] {
      try write(
        ids.map { CandidateScores(id: $0, right: [false, true], scores: scores) },
        "\(stage)/01-best-of"
      )
    }
    for (stage, isRight) in [("stages/revisions-1", true), ("stages/revisions-2", false)] {
      try write(
        ids.map {
          RevisionRecord(
            id: $0,
            critique: "c",
            before: "a",
            after: "b",
            wasRight: false,
            isRight: isRight
          )
        },
        "\(stage)/01-revisions"
      )
    }
    var judged = JudgementSummary()
    (judged.judgements, judged.unparseable) = (8, 2)
    (judged.rightChecked, judged.rightAndTrue) = (4, 3)
    var filter = FilterSummary()
    (filter.pairs, filter.keptPairs) = (10, 6)
    (filter.unfiltered.count, filter.unfiltered.checked, filter.unfiltered.isTrue) = (200, 200, 100)
    (filter.filtered.count, filter.filtered.checked, filter.filtered.isTrue) = (100, 100, 90)
    // Of 20 pairs each: both responses 1 and 0.5 more often true, one response 0.
    for _ in 0..<20 {
      filter.within.add([1, 0.5])
      filter.within.add([0])
      filter.within.add([])
    }
    func stage(_ path: String, _ summary: StageSummary? = nil) -> Study.StageEntry {
      .init(name: "a-stage", path: path, seconds: 2, summary: summary)
    }

    var study = Study(
      world: "playground",
      methods: [
        .init(name: "classic"), .init(name: "cloud"),
        .init(name: "cloud-10", base: "cloud", settings: ["share=0.1"], share: 0.1),
        .init(name: "critic-rm-rank"),
      ]
    )
    try RecordLog<Study.Item>(folder.appendingPathComponent(study.items))
      .append(contentsOf: ids.map { Study.Item(id: $0, suite: "test", bin: "2 steps") })
    study.entries = [
      .init(
        method: "classic",
        seed: 1,
        model: "m",
        evaluation: "stages/evaluate-1/01-evaluate",
        bestOf: "stages/best-1/01-best-of",
        stages: [stage("stages/evaluate-1/01-evaluate")]
      ),
      .init(
        method: "cloud",
        seed: 1,
        model: "m",
        evaluation: "stages/evaluate-2/01-evaluate",
        bestOf: "stages/best-2/01-best-of",
        revisions: "stages/revisions-1/01-revisions",
        stages: [
          stage("stages/evaluate-2/01-evaluate"),
          stage("stages/judging", .judgements(iteration: 2, summary: judged)),
        ]
      ),
      .init(
        method: "cloud-10",
        seed: 1,
        model: "m",
        evaluation: "stages/evaluate-3/01-evaluate",
        stages: [stage("stages/evaluate-2/01-evaluate")]
      ),
      .init(
        method: "critic-rm-rank",
        seed: 1,
        model: "m",
        evaluation: "stages/evaluate-2/01-evaluate",
        stages: [stage("stages/refine", .filter(summary: filter))]
      ),
    ]
    study.entries += more
    study.unguidedRevisions = ["1": "stages/revisions-2/01-revisions"]
    return ComparisonReader(study, folder: folder)
  }

  @Test("best-of-N compares seeds that both methods have")
  func seedOfOneMethod() throws {
    let ids = (0..<8).map { "test-\($0)" }
    try write(
      ids.map { CandidateScores(id: $0, right: [true, false], scores: [1, 0]) },
      "stages/best-3/01-best-of"
    )
    let results = try reader(
      and: [
        .init(
          method: "classic",
          seed: 2,
          model: "m",
          evaluation: "stages/evaluate-1/01-evaluate",
          bestOf: "stages/best-3/01-best-of",
          stages: []
        )
      ]
    ).results()
    #expect(results.bestOf[0].points.map(\.value) == [0.5, 0.5])
    #expect(results.claims.first { $0.id == "best-of-n" }?.figure?.value == 1)
  }

  @Test("computes figures, logs and claims of a comparison's folder")
  func whole() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let results = try reader().results()
    #expect(results.methods["classic"]?["test"]?["Reasoning"]?.accuracy == 0)
    #expect(results.methods["cloud"]?["test"]?["Reasoning"]?.accuracy == 1)
    // Four stages of 2 s, however often they are named.
    #expect(results.seconds == 8)
    #expect(Set(results.binnedCurves.map(\.section)) == ["2 steps"])
    #expect(
      results.dataEfficiency.filter { $0.section == "overall" }.map(\.share).sorted() == [0.1, 1]
    )
    #expect(results.bestOf.map(\.method) == ["classic", "cloud"])
    #expect(results.bestOf[0].points.map(\.value) == [0.5, 0])
    #expect(results.bestOf[1].points.map(\.value) == [0.5, 1])
    #expect(results.revisions.first?.guided.corrected?.value == 1)
    #expect(results.star.first?.iteration == 2)
    #expect(results.star.first?.unparseableRate == 0.25)
    #expect(results.star.first?.rightAndTrue == 0.75)
    #expect(results.filters.first?.trueBefore?.value == 0.5)
    #expect(results.filters.first?.trueBehind?.value == 0.9)
    let claims = Dictionary(uniqueKeysWithValues: results.claims.map { ($0.id, $0) })
    #expect(claims["cloud-classic"]?.outcome == .held)
    #expect(claims["bar-cloud-reasoning"]?.isBarReached == true)
    #expect(claims["best-of-n"]?.figure?.value == 1)
    #expect(claims["revision"]?.figure?.value == 1)
    #expect(claims["on-policy"]?.outcome == .notMeasured)
    // 60 responses of 40 pairs: (20 * 1.5 + 20 * 0) / 60. Of a pair the distances from the mean add up
    // to 1.5 - 2 * 0.5 and -0.5: variance 40 * 0.25 / 60^2 * 40 / 39, with 39 degrees of freedom.
    let truth = try #require(claims["filtered-truth"]?.figure)
    #expect(abs(truth.value - 0.5) < 1e-12 && truth.n == 60)
    let half = Statistics.studentQuantile(degrees: 39) * (10.0 / 3600 * 40 / 39).squareRoot()
    #expect(abs(truth.upper - 0.5 - half) < 1e-9 && abs(truth.lower - 0.5 + half) < 1e-9)
  }

  @Test("pairs of two suites that have the same ids keep what they depend on")
  func sameIDs() throws {
    func outcomes(_ suite: String, _ name: (Int) -> String) -> [PairOutcome] {
      (0..<200).map { index in
        var outcome = outcome(name(index), index / 4 % 5 > 0 ? 1 : -1)
        outcome.suite = suite
        return outcome
      }
    }
    func interval(_ name: @escaping (String, Int) -> String) throws -> [Double]? {
      let (few, many) = (outcomes("a") { name("a", $0) }, outcomes("b") { name("b", $0) })
      var input = ComparisonInput(methods: ["classic"], outcomes: ["classic": [1: few + many]])
      for (index, outcome) in few.enumerated() {
        input.clusters[.init(suite: "a", id: outcome.id)] = "prompt \(index / 4)"
      }
      for (index, outcome) in many.enumerated() {
        input.clusters[.init(suite: "b", id: outcome.id)] = "prompt \(index)"
      }
      let results = try ComparisonTally(input).results(seconds: 0)
      return results.methods["classic"]?["a"]?["overall"]?.ci95
    }
    let own = try #require(try interval { "\($0)-\($1)" })
    #expect(try interval { "\($1)" } == own)
    // Four pairs of a prompt are all right or all wrong: twice as wide as of pairs that stand alone.
    let alone = try Statistics.accuracy((0..<200).map { $0 / 4 % 5 > 0 ? 1 : 0 })
    #expect(own[1] - own[0] > 1.7 * (alone.upper - alone.lower))
  }

  @Test("folders of other worlds or other pairs are not joined, nor a seed that was made twice")
  func joining() throws {
    func study(_ name: String, world: Int?, pair: String = "p", evaluation: String) throws -> URL {
      let place = folder.appendingPathComponent(name)
      var study = Study(world: "playground", methods: [.init(name: "classic")])
      study.worldSeed = world
      study.entries = [
        .init(method: "classic", seed: 1, model: "m", evaluation: evaluation, stages: [])
      ]
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try RecordLog<Study.Item>(place.appendingPathComponent(study.items))
        .append(contentsOf: [Study.Item(id: pair, suite: "test")])
      try study.write(to: place)
      return place
    }
    func problem(_ other: URL, beside first: URL) -> String {
      do {
        return "\(try Study.joined([first, other]).entries.count) entries"
      } catch {
        return "\(error)"
      }
    }
    let first = try study("one", world: 1, evaluation: "stages/evaluate-1/01-evaluate")
    let same = try study("copy", world: 1, evaluation: "stages/evaluate-1/01-evaluate")
    #expect(problem(same, beside: first) == "1 entries")
    let world = try study("two", world: 2, evaluation: "stages/evaluate-2/01-evaluate")
    #expect(problem(world, beside: first).contains("of another world"))
    let pairs = try study("three", world: 1, pair: "q", evaluation: "stages/evaluate-1/01-evaluate")
    #expect(problem(pairs, beside: first).contains("on other pairs"))
    let again = try study("four", world: 1, evaluation: "stages/evaluate-9/01-evaluate")
    #expect(problem(again, beside: first).contains("classic with seed 1 was made twice"))
  }
}
