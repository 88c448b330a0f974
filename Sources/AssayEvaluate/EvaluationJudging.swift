// Judges the pairs of a benchmark with a model, behind what is recorded.
import AssayBase
import AssayData
import AssayReward
import AssayText
import Foundation

/// How a judgement is read.
package enum VerdictRule: String, CaseIterable, Codable, Sendable {
  /// Exactly one of the two marks, in a judgement that was not cut.
  case strict
  /// As RewardBench v1: `[[A]]` anywhere, else `[[B]]` anywhere.
  ///
  /// Source: allenai/reward-bench, rewardbench/generative.py (`process_judgement`).
  case rewardBench = "rewardbench"

  /// The verdict of a judgement; `nil` where it has none.
  package func verdict(of judgement: Judgement) -> Verdict? {
    guard self == .rewardBench, let text = judgement.text else { return judgement.verdict }
    return Verdict.allCases.first { text.contains($0.mark) }
  }
}

extension EvaluationScoring {
  /// Judges all pairs of a benchmark, each in both orders.
  ///
  /// With a folder, each item's two verdicts are appended to `scores-NAME.jsonl` there, in the format
  /// that `BenchmarkRecords.read` reads; items that have a line are not judged again. A verdict is the
  /// majority of an order's judgements: a tie for as many on both sides, unparseable where none can be
  /// read.
  ///
  /// - Parameters:
  ///   - benchmark: What to judge: pairs.
  ///   - judge: What judges.
  ///   - rule: How judgements are read.
  ///   - folder: The folder of the records; `nil` keeps none.
  ///   - settings: What the verdicts depend on.
  ///   - onProgress: As for `score`.
  /// - Returns: One record for each item, in the order of the items.
  /// - Throws: `EvaluateError` for a benchmark whose items are no pairs, `DataError`, or what the judge
  ///   and `onProgress` throw.
  package static func judge(
    _ benchmark: any Benchmark,
    with judge: any Judge,
    rule: VerdictRule = .strict,
    folder: URL?,
    settings: EvaluationSettings,
    onProgress: (_ done: Int, _ tokens: Int) throws -> Void
  ) async throws -> [BenchmarkRecord] {
    let items = benchmark.items
    let name = type(of: benchmark).name
    let pairs = try items.map { item in
      guard type(of: benchmark).takesVerdicts, item.chosen.count == 1, item.rejected.count == 1
      else {
        throw EvaluateError.unscored(
          benchmark: name,
          id: item.id,
          reason: "it is no pair of responses, and a judge compares two; give a model that scores"
        )
      }
      return PreferencePair(
        id: item.id,
        prompt: item.prompt,
        chosen: item.chosen[0],
        rejected: item.rejected[0]
      )
    }
    var records = [BenchmarkRecord?](repeating: nil, count: items.count)
    var writer: RecordWriter?
    if let folder { (writer, records) = try resume(benchmark, folder: folder, settings: settings) }
    var done = records.count { $0 != nil }
    try onProgress(done, 0)
    for start in stride(from: 0, to: items.count, by: stretch) {
      let range = start..<min(start + stretch, items.count)
      guard range.contains(where: { records[$0] == nil }) else { continue }
      let found: [PairVerdict]
      do {
        found = try await judge.judge(Array(pairs[range])) { _, verdict in
          try onProgress(done, verdict.tokens.prompt + verdict.tokens.completion)
        }
      } catch let error as RewardError {
        throw failure(error, benchmark: name, owners: items[range].map(\.id))
      }
      for (index, verdict) in zip(range, found) where records[index] == nil {
        // The file's order first, as in recorded verdicts.
        let orders: [JudgementOrder] =
          items[index].isChosenFirst
          ? [.chosenFirst, .rejectedFirst] : [.rejectedFirst, .chosenFirst]
        let verdicts = orders.map { order -> (said: BenchmarkVerdict, line: JSONValue) in
          let (majority, read) = verdict.majority(of: order, reading: rule.verdict)
          guard let majority else {
            let isEven = read > 0 || verdict.judgements.contains { $0.probability != nil }
            return isEven ? (.tie, "A=B") : (.unparseable, nil)
          }
          return (
            majority == order.right ? .chosen : .rejected, majority == .a ? "A>B" : "B>A"
          )
        }
        try writer?.append(
          ["id": .string(items[index].id), "verdicts": .array(verdicts.map(\.line))]
        )
        records[index] = BenchmarkRecord(
          id: items[index].id,
          content: .verdicts(verdicts.map(\.said))
        )
        done += 1
      }
      try onProgress(done, 0)
    }
    return records.compactMap { $0 }
  }
}
