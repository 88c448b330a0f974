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
    try Data("{\"seconds\": 2}".utf8).write(to: url.appendingPathComponent("done.json"))
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

  private func reader(and more: [ComparisonRun.Entry] = []) throws -> ComparisonReader {
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
    let star = folder.appendingPathComponent("stages/judgements-2-x/01-judgements-2")
    try FileManager.default.createDirectory(at: star, withIntermediateDirectories: true)
    var summary = JudgementSummary()
    (summary.judgements, summary.unparseable) = (8, 2)
    (summary.rightChecked, summary.rightAndTrue) = (4, 3)
    try JSONEncoder().encode(summary).write(to: star.appendingPathComponent("summary.json"))
    let refine = folder.appendingPathComponent("stages/refine-x/01-refine")
    try FileManager.default.createDirectory(at: refine, withIntermediateDirectories: true)
    var filter = FilterSummary()
    (filter.pairs, filter.keptPairs) = (10, 6)
    (filter.unfiltered.count, filter.unfiltered.checked, filter.unfiltered.isTrue) = (200, 200, 100)
    (filter.filtered.count, filter.filtered.checked, filter.filtered.isTrue) = (100, 100, 90)
    try JSONEncoder().encode(filter).write(to: refine.appendingPathComponent("summary.json"))

    var config = CompareConfig()
    config.methods = ["classic", "cloud", "cloud-10", "critic-rm-rank"]
    config.variants = ["cloud-10": "cloud share=0.1"]
    var run = ComparisonRun()
    run.entries = [
      .init(
        method: "classic",
        seed: 1,
        evaluation: "stages/evaluate-1/01-evaluate",
        bestOf: "stages/best-1/01-best-of",
        stages: ["stages/evaluate-1/01-evaluate"],
        seconds: 2
      ),
      .init(
        method: "cloud",
        seed: 1,
        evaluation: "stages/evaluate-2/01-evaluate",
        bestOf: "stages/best-2/01-best-of",
        revisions: "stages/revisions-1/01-revisions",
        stages: ["stages/evaluate-2/01-evaluate", "stages/judgements-2-x/01-judgements-2"],
        seconds: 2
      ),
      .init(
        method: "cloud-10",
        seed: 1,
        evaluation: "stages/evaluate-3/01-evaluate",
        stages: ["stages/evaluate-2/01-evaluate"],
        seconds: 2
      ),
      .init(
        method: "critic-rm-rank",
        seed: 1,
        evaluation: "stages/evaluate-2/01-evaluate",
        stages: ["stages/refine-x/01-refine"],
        seconds: 2
      ),
    ]
    run.entries += more
    run.unguidedRevisions = ["1": "stages/revisions-2/01-revisions"]
    return ComparisonReader(run, config: config, folder: folder)
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
          evaluation: "stages/evaluate-1/01-evaluate",
          bestOf: "stages/best-3/01-best-of",
          stages: [],
          seconds: 2
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
    // Two stages that are done, however often they are named.
    #expect(results.seconds == 4)
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
    #expect(claims["cloud-classic"]?.isBarReached == true)
    #expect(claims["best-of-n"]?.figure?.value == 1)
    #expect(claims["revision"]?.figure?.value == 1)
    #expect(claims["on-policy"]?.outcome == .notMeasured)
    // 0.9 of those kept, 0.1 of those dropped, half of all each: 0.5 * 0.8 = 0.9 - 0.5.
    let truth = try #require(claims["filtered-truth"]?.figure)
    #expect(abs(truth.value - 0.4) < 1e-12)
    #expect(truth.lower > 0.3 && truth.upper < 0.5)
  }
}
