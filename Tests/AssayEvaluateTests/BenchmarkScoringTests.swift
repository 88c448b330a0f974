import AssayEvaluate
import AssayReward
import AssayText
import Foundation
import Testing

/// Scores a response by its length, and notes what it was asked.
private final class LengthScorer: Scorer {
  var inputs: [ScoringInput] = []
  var failure: RewardError?
  var value: (String) -> Double = { Double($0.utf8.count) }
  var kind = ScoreKind.logit

  func score(
    _ inputs: [ScoringInput],
    onScored: (Int, Score) throws -> Void
  ) async throws -> [Score] {
    if let failure { throw failure }
    self.inputs += inputs
    return try inputs.enumerated().map { index, input in
      guard case .response(_, let response) = input else { throw RewardError.empty(index: index) }
      let score = Score(
        value: value(response),
        kind: kind,
        critiques: nil,
        scoredToken: ScoredTokenRecord(id: 0, text: "", index: 0),
        tokens: .init(prompt: 2, completion: 0)
      )
      try onScored(index, score)
      return score
    }
  }
}

@Suite struct BenchmarkScoringTests {
  private struct Stop: Error {}
  private let folder = TestFolder()
  private let settings = recordSettings()

  private func benchmark(_ count: Int) throws -> any Benchmark {
    try BenchmarkCatalogue.load(
      "pairs",
      path: try folder.file(pairLines((0..<count).map { ("i\($0)", "s") }, prompt: "q"))
    )
  }

  @Test("a baseline's records stand in a file of their own, and the log tells what made it")
  func baseline() async throws {
    let benchmark = try benchmark(2)
    var settings = settings
    settings.set("--model", "m")
    settings.set(RecordSettings.golden, "exactly")
    for baseline in [nil, ShuffledHead.name] {
      _ = try await EvaluationScoring.score(
        benchmark,
        with: LengthScorer(),
        folder: folder.url,
        baseline: baseline,
        settings: settings
      ) { _ in }
    }
    let log = folder.url.appendingPathComponent("scores-pairs.jsonl").path
    let other = folder.url.appendingPathComponent("scores-pairs.shuffled-head.jsonl").path
    #expect(try BenchmarkRecords.read(other, for: benchmark).count == 2)
    let noted = try #require(RecordSettings(beside: log))
    #expect(noted == settings && noted.model == "m")
    #expect(RecordSettings(beside: log + "x") == nil)
    // Another number of threads moves the model's own scores by rounding, which is no other setting.
    settings.set(RecordSettings.golden, "within 1e-07")
    #expect(settings.changes(from: noted.values).isEmpty && settings.digest == noted.digest)
  }

  // Beginnings with 0.9, 0.4 and 0.8 that all is right: the second step is called wrong at one half.
  @Test("ProcessBench reads probabilities by their logits, so that one half is its zero")
  func probabilities() async throws {
    let row = #"{"id":"x","problem":"p","steps":["a","bb","ccc"],"label":1}"#
    let benchmark = try BenchmarkCatalogue.load("processbench", path: try folder.file(row))
    let scorer = LengthScorer()
    scorer.kind = .probability
    scorer.value = { [1: 0.9, 5: 0.4, 10: 0.8][$0.utf8.count] ?? .nan }
    let records = try await EvaluationScoring.score(
      benchmark,
      with: scorer,
      folder: nil,
      settings: settings
    ) { _ in }
    guard case .scores(let scores) = records[0].content else { return #expect(Bool(false)) }
    #expect(isClose(scores.chosen[0], log(9)) && isClose(scores.rejected[0], log(0.4 / 0.6)))
    #expect(benchmark.outcome(of: benchmark.items[0], scores: scores) == 1)
  }

  @Test("scores each candidate once, and records what recorded scores are read as")
  func records() async throws {
    let benchmark = try benchmark(70)
    let scorer = LengthScorer()
    let records = try await EvaluationScoring.score(
      benchmark,
      with: scorer,
      folder: folder.url,
      settings: settings
    ) { _ in }
    // All items ask the same two candidates, in stretches of 64 and 6.
    #expect(scorer.inputs.count == 4)
    #expect(records.map(\.id) == benchmark.items.map(\.id))
    #expect(records[0].content == .scores(BenchmarkScores(chosen: [4], rejected: [3])))
    // What all items share is read once, for the first of each stretch.
    #expect(records[0].tokens == TokenCount(prompt: 4, completion: 0))
    #expect(records.compactMap { $0.tokens?.total }.reduce(0, +) == 8)
    let path = folder.url.appendingPathComponent("scores-pairs.jsonl").path
    #expect(try BenchmarkRecords.read(path, for: benchmark) == records)
  }

  @Test("goes on where it was stopped, behind a cut line too, with the same records")
  func resume() async throws {
    let benchmark = try benchmark(130)
    await #expect(throws: Stop.self) {
      _ = try await EvaluationScoring.score(
        benchmark,
        with: LengthScorer(),
        folder: folder.url,
        settings: settings
      ) { if $0.done == 64 && $0.tokens > 0 { throw Stop() } }
    }
    let file = folder.url.appendingPathComponent("scores-pairs.jsonl")
    let first = try String(contentsOf: file, encoding: .utf8)
    #expect(first.split(separator: "\n").count == 64)
    try Data((first + "{\"id\":\"i64\",\"cho").utf8).write(to: file)
    let scorer = LengthScorer()
    var progress: [Int] = []
    let records = try await EvaluationScoring.score(
      benchmark,
      with: scorer,
      folder: folder.url,
      settings: settings
    ) { progress.append($0.done) }
    // What was done before, and behind each of two candidates in a stretch of 64 and one of 2.
    #expect(progress == [64, 64, 128, 128, 130])
    #expect(scorer.inputs.count == 4)
    #expect(try BenchmarkRecords.read(file.path, for: benchmark) == records)
    #expect(try String(contentsOf: file, encoding: .utf8).hasPrefix(first))
  }

  @Test("scores of another model, other settings or another file are not mixed")
  func otherSettings() async throws {
    let small = try benchmark(1)
    _ = try await EvaluationScoring.score(
      small,
      with: LengthScorer(),
      folder: folder.url,
      settings: settings
    ) { _ in }
    var other = settings
    other.set("--dtype", "bf16")
    other.set("--samples", 8)
    let file = folder.url.appendingPathComponent("scores-pairs.jsonl").path
    await #expect(
      throws: EvaluateError.changedSettings(
        file: file,
        changes: ["--dtype f32, now bf16", "--samples 1, now 8"]
      )
    ) {
      _ = try await EvaluationScoring.score(
        small,
        with: LengthScorer(),
        folder: folder.url,
        settings: other
      ) { _ in }
    }
    let large = try benchmark(2)
    await #expect(
      throws: EvaluateError.changedSettings(
        file: file,
        changes: ["the items of --benchmark pairs were other ones"]
      )
    ) {
      _ = try await EvaluationScoring.score(
        large,
        with: LengthScorer(),
        folder: folder.url,
        settings: settings
      ) { _ in }
    }
  }

  @Test("names the item that cannot be scored")
  func failures() async throws {
    let benchmark = try benchmark(3)
    let scorer = LengthScorer()
    scorer.value = { $0 == "bad" ? .nan : 1 }
    await #expect(
      throws: EvaluateError.unscored(benchmark: "pairs", id: "i0", reason: "a reward is nan")
    ) {
      _ = try await EvaluationScoring.score(
        benchmark,
        with: scorer,
        folder: nil,
        settings: settings
      ) { _ in }
    }
    scorer.failure = .tooLong(index: 1, tokens: 9, maximum: 5)
    await #expect(
      throws: EvaluateError.unscored(
        benchmark: "pairs",
        id: "i0",
        reason: "it has 9 tokens, and the model reads 5"
      )
    ) {
      _ = try await EvaluationScoring.score(
        benchmark,
        with: scorer,
        folder: nil,
        settings: settings
      ) { _ in }
    }
  }
}
