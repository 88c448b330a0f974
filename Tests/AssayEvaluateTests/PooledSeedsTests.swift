import AssayBase
import AssayEvaluate
import AssayReward
import AssayStudy
import Foundation
import Testing

/// Seeds that were evaluated on pairs of their own.
@Suite struct PooledSeedsTests {
  /// Pairs of a part: the method is right on as many of 100 as its share says, the reference on the others' rest.
  private func outcomes(_ seed: Int, _ right: Int, _ section: String = "Reasoning") -> [PairOutcome]
  {
    (0..<100).map { place in
      PairOutcome(
        id: "test-\(seed)-\(place)",
        suite: "test",
        subset: section,
        chosen: [place < right ? 1 : -1],
        rejected: [0],
        promptTokens: 10 * seed,
        completionTokens: 2
      )
    }
  }

  private func results(
    _ seed: Int,
    _ classic: Int,
    _ cloud: Int,
    parts: Int? = 5
  ) throws -> ComparisonResults {
    let tally = try ComparisonTally(
      ComparisonInput(
        methods: ["classic", "cloud"],
        outcomes: [
          "classic": [seed: outcomes(seed, classic)], "cloud": [seed: outcomes(seed, cloud)],
        ]
      )
    )
    var results = try tally.results(seconds: 10)
    results.parts = parts
    results.startModel = ["judge": 0.5 + 0.1 * Double(seed)]
    results.claims = try ClaimTable.results(tally: tally, results: results)
    return results
  }

  @Test("means are of the seeds, and intervals of their spread")
  func means() throws {
    let all = [try results(1, 50, 60), try results(2, 54, 70), try results(4, 58, 74)]
    let pooled = try ComparisonResults.pooled(all)
    #expect(pooled.seeds == [1, 2, 4] && pooled.seconds == 30 && pooled.parts == 5)
    #expect(abs(pooled.startModel["judge", default: 0] - (0.6 + 0.7 + 0.9) / 3) < 1e-12)
    let classic = try #require(pooled.methods["classic"]?["test"]?["overall"])
    #expect(abs(classic.accuracy - 0.54) < 1e-12 && classic.n == 300)
    // Differences 10, 16, 16: mean 14, deviation 3.46; 4.3027 of two degrees times 3.46 / sqrt(3).
    let difference = try #require(
      pooled.differences.first { $0.method == "cloud" && $0.section == "Reasoning" }
    )
    #expect(abs(difference.difference.value - 0.14) < 1e-12)
    #expect(abs(difference.difference.upper - (0.14 + 4.302653 * 0.02)) < 1e-6)
    #expect(difference.difference.degrees == 2)
    // 10 + 16 + 16 pairs on which the one does better, none on which the other does.
    #expect(difference.onlyMethod == 42 && difference.onlyReference == 0)
    #expect(abs(difference.p - pow(0.5, 41)) < 1e-15)
    #expect(abs(pooled.tokens[0].prompt - 70.0 / 3) < 1e-9)
    // The order in which they are given tells nothing.
    #expect(try ComparisonResults.pooled(all.reversed()) == pooled)
  }

  @Test("claims are held by the figures of all seeds")
  func claims() throws {
    let all = [try results(1, 50, 66), try results(2, 54, 70), try results(3, 58, 74)]
    func claim(_ id: String, _ results: ComparisonResults) throws -> ClaimTable.Result {
      try #require(results.claims.first { $0.id == id })
    }
    let pooled = try ComparisonResults.pooled(all)
    let bar = try claim("bar-cloud-reasoning", pooled)
    #expect(abs((bar.figure?.value ?? 0) - 0.16) < 1e-12 && bar.outcome == .held)
    // All seeds say 16: then their pairs' own chance counts, sqrt(0.16 * 0.84 / 300) = 0.021, by half.
    let half = try #require(bar.figure).upper - 0.16
    #expect(abs(half - 4.302653 * 0.0212 / 2) < 0.006)
    #expect(try claim("vote", pooled).outcome == .notMeasured)
    let sections = try #require(
      pooled.claims.first { $0.measure == "cloud - classic, test, Reasoning" }
    )
    #expect(sections.figure != nil)
  }

  @Test("of one seed they are its own")
  func single() throws {
    let one = try results(3, 50, 60)
    var pooled = try ComparisonResults.pooled([one])
    pooled.intervals = one.intervals
    #expect(pooled == one)
  }

  @Test("seeds that saw the same pairs are refused")
  func refusals() throws {
    let one = try results(1, 50, 60)
    func refusal(_ other: ComparisonResults) -> String {
      do {
        _ = try ComparisonResults.pooled([one, other], names: ["a.json", "b.json"])
        return ""
      } catch { return "\(error)" }
    }
    #expect(refusal(try results(6, 50, 60)).contains("the same pairs as a.json"))
    #expect(refusal(try results(2, 50, 60, parts: 4)).contains("other parts"))
    #expect(refusal(try results(2, 50, 60, parts: nil)).contains("evaluation.parts"))
    var two = try results(2, 50, 60)
    two.seeds = [2, 3]
    #expect(refusal(two).contains("2 seeds"))
  }

  @Test("a file with numbers that cannot be is refused, and others are read back as they are")
  func damaged() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-results-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: url) }
    let sound = try results(1, 50, 60)
    try sound.json().write(to: url)
    #expect(try ComparisonResults(contentsOf: url) == sound)
    var (noPart, negative) = (sound, sound)
    noPart.parts = 0
    negative.differences[0].onlyMethod = -5
    for damaged in [noPart, negative] {
      try damaged.json().write(to: url)
      #expect(throws: FileError.self) { try ComparisonResults(contentsOf: url) }
    }
  }

  @Test("worlds of their own have pairs of their own, whatever the seeds")
  func worlds() throws {
    var (one, other) = (try results(1, 50, 60, parts: nil), try results(2, 54, 70, parts: nil))
    (one.worldSeed, other.worldSeed) = (1, 2)
    let pooled = try ComparisonResults.pooled([one, other])
    #expect(abs((pooled.methods["classic"]?["test"]?["overall"]?.accuracy ?? 0) - 0.52) < 1e-12)
    other.worldSeed = 1
    #expect(throws: EvaluateError.self) { try ComparisonResults.pooled([one, other]) }
    other.worldSeed = nil
    #expect(throws: EvaluateError.self) { try ComparisonResults.pooled([one, other]) }
  }

  @Test("shares stay shares where all are 0 or 1")
  func ends() {
    let certain = StudyInterval(value: 1, lower: 0.96, upper: 1, n: 100)
    let pooled = StudyInterval.pooled([certain, certain, certain], isShare: true)
    #expect(pooled.value == 1 && pooled.upper == 1 && pooled.lower < 1 && pooled.lower > 0.9)
    #expect(StudyInterval.pooled([certain], isShare: true) == certain)
  }
}
