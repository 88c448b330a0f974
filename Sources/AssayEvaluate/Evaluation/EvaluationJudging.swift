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
  ///   - force: Whether to begin the records anew.
  ///   - onProgress: As for `score`.
  /// - Returns: One record for each item, in the order of the items.
  /// - Throws: `EvaluateError` for a benchmark whose items are no pairs, `DataError`, or what the judge
  ///   and `onProgress` throw.
  package static func judge(
    _ benchmark: any Benchmark,
    with judge: any Judge,
    rule: VerdictRule = .strict,
    folder: URL?,
    settings: RecordSettings,
    force: Bool = false,
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
    if let folder {
      (writer, records) = try resume(benchmark, folder: folder, settings: settings, force: force)
    }
    var done = records.count { $0 != nil }
    try onProgress(done, 0)
    let pending = items.indices.filter { records[$0] == nil }
    for start in stride(from: 0, to: pending.count, by: 8 * stretch) {
      let part = Array(pending[start..<min(start + 8 * stretch, pending.count)])
      do {
        _ = try await judge.judge(part.map { pairs[$0] }) { index, verdict in
          let item = items[part[index]]
          let said = Self.said(verdict, item, rule)
          try writer?.append(
            ["id": .string(item.id), "verdicts": .array(said.map(\.line))]
          )
          records[part[index]] = BenchmarkRecord(
            id: item.id,
            content: .verdicts(said.map(\.said))
          )
          done += 1
          try onProgress(done, verdict.tokens.prompt + verdict.tokens.completion)
        }
      } catch let error as RewardError {
        throw failure(error, benchmark: name, owners: part.map { items[$0].id })
      }
    }
    return records.compactMap { $0 }
  }

  /// What a judge says of an item in both orders, and how records spell it; the file's order first, as
  /// in recorded verdicts.
  private static func said(
    _ verdict: PairVerdict,
    _ item: BenchmarkItem,
    _ rule: VerdictRule
  ) -> [(said: BenchmarkVerdict, line: JSONValue)] {
    let orders: [JudgementOrder] =
      item.isChosenFirst
      ? [.chosenFirst, .rejectedFirst] : [.rejectedFirst, .chosenFirst]
    return orders.map { order in
      let (majority, read) = verdict.majority(of: order, reading: rule.verdict)
      guard let majority else {
        let isEven = read > 0 || verdict.judgements.contains { $0.probability != nil }
        return isEven ? (.tie, "A=B") : (.unparseable, nil)
      }
      return (majority == order.right ? .chosen : .rejected, majority == .a ? "A>B" : "B>A")
    }
  }
}
