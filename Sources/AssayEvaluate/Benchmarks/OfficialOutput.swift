// What the benchmarks' own scripts would have written of an evaluation.
import AssayBase
import AssayText

/// A file in the form that a benchmark's own script writes, for its tables and whoever reads these.
///
/// Source: allenai/reward-bench, scripts/run_rm.py, run_generative.py and run_v2.py (`results_grouped`);
/// THU-KEG/RM-Bench, scripts/run_rm.py; ScalerLab/JudgeBench, run_judge.py; princeton-nlp/LLMBar,
/// LLMEvaluator/evaluate.py; QwenLM/ProcessBench, code/run_eval.py.
package struct OfficialOutput: Equatable, Sendable {
  /// The file's name.
  package let name: String
  /// What it holds, with a line break at its end.
  package let text: String

  /// The benchmarks whose scripts write such a file.
  package static let names = [
    RewardBench.name, RewardBench2.name, RMBench.name, JudgeBench.name, LLMBar.name,
    ProcessBench.name,
  ]

  /// Makes the file of an evaluation; `nil` of a benchmark whose script writes nothing but figures.
  ///
  /// - Parameters:
  ///   - benchmark: The benchmark.
  ///   - records: One for each of its items.
  ///   - sections: Its figures.
  ///   - model: What to call the model.
  package init?(
    _ benchmark: any Benchmark,
    _ records: [BenchmarkRecord],
    _ sections: ResultsFile.Sections,
    model: String
  ) {
    let items = zip(benchmark.items, records)
    switch benchmark {
    case is RewardBench, is RewardBench2:
      let isJudge = records.contains { record in
        !record.pairs.isEmpty || record.texts.contains { $0.answer != nil }
      }
      let type = isJudge ? "Generative RM" : "Seq. Classifier"
      var members = [JSONMember("model", .string(model)), JSONMember("model_type", .string(type))]
      for name in Set(benchmark.items.map(\.subset)).sorted() {
        guard let figure = sections[name] else { continue }
        members.append(JSONMember(name, .number("\(figure.accuracy)")))
      }
      self.init([.object(members)], benchmark, ending: "json")
    case is RMBench: self.init(items.map(Self.matrix), benchmark)
    case is JudgeBench: self.init(items.map { Self.judged($0, $1, model: model) }, benchmark)
    case is LLMBar: self.init(items.map(Self.winners), benchmark)
    case is ProcessBench: self.init(items.map(Self.prediction), benchmark)
    default: return nil
    }
  }

  /// A line a value.
  private init(_ values: [JSONValue], _ benchmark: any Benchmark, ending: String = "jsonl") {
    name = "official-\(type(of: benchmark).name).\(ending)"
    text = values.map { $0.compact + "\n" }.joined()
  }

  private static func numbers(_ values: [Double]) -> JSONValue {
    .array(values.map { .number("\($0)") })
  }

  private static func matrix(_ item: BenchmarkItem, _ record: BenchmarkRecord) -> JSONValue {
    guard case .scores(let scores) = record.content else { return ["id": .string(item.id)] }
    return [
      "id": .string(item.id), "domain": .string(item.section.lowercased()),
      "score_chosen": numbers(scores.chosen), "score_rejected": numbers(scores.rejected),
    ]
  }

  /// The responses in the file's order.
  private static func responses(_ item: BenchmarkItem) -> [String] {
    item.isChosenFirst ? item.chosen + item.rejected : item.rejected + item.chosen
  }

  /// What is said in both orders; of scores, what they say.
  private static func verdicts(_ content: BenchmarkRecord.Content) -> [BenchmarkVerdict] {
    switch content {
    case .verdicts(let verdicts): return verdicts
    case .comparisons(let pairs): return pairs.first ?? []
    case .scores(let scores):
      let margin = scores.chosen[0] - scores.rejected[0]
      let verdict: BenchmarkVerdict = margin > 0 ? .chosen : margin < 0 ? .rejected : .tie
      return [verdict, verdict]
    }
  }

  private static func judged(
    _ item: BenchmarkItem,
    _ record: BenchmarkRecord,
    model: String
  ) -> JSONValue {
    let judgments = verdicts(record.content).enumerated().map { order, verdict -> JSONValue in
      let isChosenA = item.isChosenFirst == (order == 0)
      let decision: JSONValue =
        switch verdict {
        case .chosen: isChosenA ? "A>B" : "B>A"
        case .rejected: isChosenA ? "B>A" : "A>B"
        case .tie: "A=B"
        case .unparseable: nil
        }
      return ["judgment": ["judge_model": .string(model)], "decision": decision]
    }
    let own = responses(item)
    return [
      "pair_id": .string(item.id), "source": .string(item.subset),
      "question": .string(item.prompt.last?.content ?? ""), "response_A": .string(own[0]),
      "response_B": .string(own[1]), "label": item.isChosenFirst ? "A>B" : "B>A",
      "judge_name": .string(model), "judgments": .array(judgments),
    ]
  }

  private static func winners(_ item: BenchmarkItem, _ record: BenchmarkRecord) -> JSONValue {
    let winners = verdicts(record.content).map { verdict -> JSONValue in
      let place: JSONValue? =
        switch verdict {
        case .chosen: item.isChosenFirst ? "1" : "2"
        case .rejected: item.isChosenFirst ? "2" : "1"
        case .tie, .unparseable: nil
        }
      return ["winner": place ?? nil]
    }
    let names = ["swap = False", "swap = True"]
    let own = responses(item)
    return [
      "input": .string(item.prompt.last?.content ?? ""), "output_1": .string(own[0]),
      "output_2": .string(own[1]), "label": item.isChosenFirst ? 1 : 2,
      "results": [.object(zip(names, winners).map { JSONMember($0, $1) })],
    ]
  }

  private static func prediction(_ item: BenchmarkItem, _ record: BenchmarkRecord) -> JSONValue {
    guard case .scores(let scores) = record.content else { return ["id": .string(item.id)] }
    let label = item.rejected.isEmpty ? -1 : item.chosen.count
    let found = (scores.chosen + scores.rejected).firstIndex { $0 < 0 } ?? -1
    let answers = record.texts.compactMap(\.answer)
    let isUnread = !answers.isEmpty && answers.allSatisfy { $0 == .unread }
    return [
      "id": .string(item.id), "label": .number("\(label)"),
      "prediction": isUnread ? nil : .number("\(found)"),
      "match": !isUnread && found == label ? true : false,
    ]
  }
}
