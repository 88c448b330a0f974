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
  /// Judges all items of a benchmark: each chosen response against each rejected one, in both orders.
  ///
  /// With a folder, each item's verdicts are appended to `scores-NAME.jsonl` there, in the format
  /// that `BenchmarkRecords.read` reads; items that have a line are not judged again. A verdict is the
  /// majority of an order's judgements: a tie for as many on both sides, unparseable where none can be
  /// read.
  ///
  /// - Parameters:
  ///   - benchmark: What to judge: items that verdicts answer (`forJudges`).
  ///   - judge: What judges.
  ///   - rule: How judgements are read.
  ///   - folder: The folder of the records; `nil` keeps none.
  ///   - settings: What the verdicts depend on.
  ///   - force: Whether to begin the records anew.
  ///   - onProgress: As for `score`.
  /// - Returns: One record for each item, in the order of the items.
  /// - Throws: `EvaluateError` for a benchmark that no verdicts answer, `DataError`, or what the judge
  ///   and `onProgress` throw.
  package static func judge(
    _ benchmark: any Benchmark,
    with judge: any Judge,
    rule: VerdictRule = .strict,
    folder: URL?,
    settings: RecordSettings,
    force: Bool = false,
    onProgress: @escaping (EvaluationProgress) throws -> Void
  ) async throws -> [BenchmarkRecord] {
    let items = benchmark.items
    let name = type(of: benchmark).name
    guard type(of: benchmark).takesVerdicts, let first = items.first else {
      throw EvaluateError.unscored(
        benchmark: name,
        id: items.first?.id ?? "",
        reason: "it is no pair of responses, and a judge compares two; give a model that scores"
      )
    }
    var log = try ItemLog(
      benchmark,
      folder: folder,
      settings: settings,
      force: force,
      onProgress: onProgress
    )
    // Sums depend on what is packed together: a stretch of letters that was cut short is read again as a whole.
    // What a judge writes does not.
    let isWritten = (judge as? JudgeRater).map { !$0.readsPasses } ?? true
    let all = items.indices.filter { !isWritten || log.records[$0] == nil }
    let size = max(1, 8 * stretch / max(1, pairs(of: first).count))
    for start in stride(from: 0, to: all.count, by: size) {
      let part = Array(all[start..<min(start + size, all.count)])
      guard part.contains(where: { log.records[$0] == nil }) else { continue }
      let pairs = part.flatMap { place in Self.pairs(of: items[place]).map { (place, $0) } }
      var own: [[(said: BenchmarkVerdict, line: JSONValue)]] = []
      var (tokens, texts) = (TokenCount(prompt: 0, completion: 0), [RecordedText]())
      var probability: Double?
      do {
        _ = try await judge.judge(pairs.map(\.1)) { index, verdict in
          let place = pairs[index].0
          // Who has a rule of their own reads no verdict where none was written.
          func read(_ judgement: Judgement) -> Verdict? {
            judgement.isForced == true && type(of: benchmark).unparseable != nil
              ? nil : rule.verdict(of: judgement)
          }
          texts += Self.texts(verdict, items[place], pair: own.count, reading: read)
          own.append(said(verdict, items[place], reading: read))
          tokens = tokens + verdict.tokens
          probability = own.count == 1 ? verdict.probability : nil
          guard index + 1 == pairs.count || pairs[index + 1].0 != place else {
            return try log.tell(verdict.tokens)
          }
          guard log.records[place] == nil else {
            (own, tokens, texts) = ([], TokenCount(prompt: 0, completion: 0), [])
            return
          }
          let isPair = own.count == 1
          let spelt = own.map { JSONValue.array($0.map(\.line)) }
          let verdicts = own.map { $0.map(\.said) }
          try log.add(
            BenchmarkRecord(
              id: items[place].id,
              content: isPair ? .verdicts(verdicts[0]) : .comparisons(verdicts),
              probability: probability,
              tokens: tokens,
              texts: texts
            ),
            .object(
              [
                JSONMember("id", .string(items[place].id)),
                JSONMember(
                  isPair ? "verdicts" : "comparisons",
                  isPair ? spelt[0] : .array(spelt)
                ),
                JSONMember("tokens", tokens.json),
              ] + Self.member(probability, of: items[place])
                + texts.members(of: items[place])
            ),
            at: place
          )
          (own, tokens, texts) = ([], TokenCount(prompt: 0, completion: 0), [])
          try log.tell(verdict.tokens)
        }
      } catch let error as RewardError {
        throw failure(error, benchmark: name, owners: pairs.map { items[$0.0].id })
      }
    }
    return try log.finish()
  }

  /// The pairs of an item: those of its first chosen response first.
  private static func pairs(of item: BenchmarkItem) -> [PreferencePair] {
    item.chosen.flatMap { chosen in
      item.rejected.map {
        PreferencePair(id: item.id, prompt: item.prompt, chosen: chosen, rejected: $0)
      }
    }
  }

  /// The member of an item's line of records: the probability of the response that the file calls chosen.
  private static func member(_ probability: Double?, of item: BenchmarkItem) -> [JSONMember] {
    probability.map { [JSONMember("probability", .number("\(item.isTurned ? 1 - $0 : $0)"))] } ?? []
  }

  /// The file's order of an item's two responses, then the other one.
  private static func orders(of item: BenchmarkItem) -> [JudgementOrder] {
    item.isChosenFirst ? [.chosenFirst, .rejectedFirst] : [.rejectedFirst, .chosenFirst]
  }

  /// The judgements of a pair that have reasons; a letter alone is no text.
  private static func texts(
    _ verdict: PairVerdict,
    _ item: BenchmarkItem,
    pair: Int,
    reading: (Judgement) -> Verdict?
  ) -> [RecordedText] {
    let orders = orders(of: item)
    return verdict.judgements.compactMap { judgement in
      guard let text = judgement.text, text.contains(where: \.isWhitespace) else { return nil }
      let read = reading(judgement)
      return RecordedText(
        place: pair,
        order: orders.firstIndex(of: judgement.order),
        text: text,
        verdict: read.map { $0 == judgement.order.right ? .chosen : .rejected } ?? .unparseable
      )
    }
  }

  /// What a judge says of an item in both orders, and how records spell it; the file's order first, as
  /// in recorded verdicts.
  private static func said(
    _ verdict: PairVerdict,
    _ item: BenchmarkItem,
    reading: (Judgement) -> Verdict?
  ) -> [(said: BenchmarkVerdict, line: JSONValue)] {
    orders(of: item).map { order in
      let (majority, read) = verdict.majority(of: order, reading: reading)
      guard let majority else {
        let isEven = read > 0 || verdict.judgements.contains { $0.probability != nil }
        return isEven ? (.tie, "A=B") : (.unparseable, nil)
      }
      return (majority == order.right ? .chosen : .rejected, majority == .a ? "A>B" : "B>A")
    }
  }
}
