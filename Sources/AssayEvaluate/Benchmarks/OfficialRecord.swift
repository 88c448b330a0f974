import AssayBase
import AssayReward
import AssayText

/// Records that other scripts write.
///
/// - `judgements`, of `assay judge`: the majority of each order.
/// - `judgments`, of JudgeBench: objects with a `decision`, or `null`, in the file's order and, where
///   both were played, in the other one.
/// - `results`, of LLMBar's `result.json`: the `winner` of the last one with `swap = False` and
///   `swap = True`, which both name the file's output.
/// - `prediction`, of ProcessBench: the first wrong step, -1 for none; `null` and what is no step is never
///   right.
/// - `output`, of Auto-J: 0, 1 or 2 for the first response, the second, or a tie, in the file's order.
///
/// RewardBench's `scores_chosen` and `scores_rejected`, and RM-Bench's `score_chosen` and `score_rejected`, are read
/// as `chosen` and `rejected` are; RewardBench 2's `scores` has both, the chosen ones first. RewardBench's files of
/// scores may be one object of columns. LLMBar's and Auto-J's rows have no ids and are those of the benchmark, in
/// its order.
///
/// Source: ScalerLab/JudgeBench, run_judge.py; princeton-nlp/LLMBar, LLMEvaluator/evaluate.py;
/// GAIR-NLP/auto-j, codes/leaderboard/pairwise_eval.py; QwenLM/ProcessBench, code/run_eval.py; allenai/reward-bench,
/// scripts/run_rm.py, run_v2.py; THU-KEG/RM-Bench, scripts/run_rm.py.
enum OfficialRecord {
  /// What scores of chosen and of rejected responses are called; RewardBench's stand beside the texts.
  static let scoreKeys = [
    (chosen: "scores_chosen", rejected: "scores_rejected"),
    (chosen: "score_chosen", rejected: "score_rejected"), (chosen: "chosen", rejected: "rejected"),
  ]
  /// What the scores of all responses are called.
  static let allScores = "scores"

  /// The rows of an object of columns, with their numbers from 1; `nil` of any other.
  static func rows(ofColumns value: JSONValue) -> [(line: Int, value: JSONValue)]? {
    guard let members = value.members, let count = value["id"]?.array?.count, count > 0 else {
      return nil
    }
    let columns = members.compactMap { member -> (key: String, values: [JSONValue])? in
      member.value.array.map { (key: member.key, values: $0) }
    }.filter { $0.values.count == count }
    return (0..<count).map { row in
      (line: row + 1, value: .object(columns.map { JSONMember($0.key, $0.values[row]) }))
    }
  }

  /// Whether a row is of a form whose rows are known by their place.
  static func hasNoID(_ row: BenchmarkRow) -> Bool {
    winners(row) != nil || row.optional("output")?.int != nil
  }

  /// What a row says; `nil` where it has none of these forms.
  ///
  /// - Throws: `EvaluateError` for a row that has one and does not fit it.
  static func content(of row: BenchmarkRow, item: BenchmarkItem) throws -> BenchmarkRecord.Content?
  {
    if let list = row.optional("judgements")?.array { return .verdicts(own(list, item)) }
    if let list = row.optional("judgments")?.array {
      guard (1...2).contains(list.count) else {
        throw row.failure("'judgments' must hold one or two, found \(list.count)")
      }
      return .verdicts(
        list.enumerated().map { order, judgment in
          BenchmarkVerdict(
            spelt: judgment["decision"]?.string ?? "",
            isChosenA: item.isChosenFirst == (order == 0)
          )
        }
      )
    }
    if let winners = winners(row) {
      return .verdicts(winners.map { named($0.string, item, first: "1", second: "2") })
    }
    if let output = row.optional("output")?.int {
      return .verdicts([named("\(output)", item, first: "0", second: "1", tie: "2")])
    }
    return nil
  }

  /// Scores that say what a prediction of ProcessBench's form says; `nil` where a row has none.
  static func prediction(of row: BenchmarkRow, item: BenchmarkItem) -> BenchmarkScores? {
    guard row.value["prediction"] != nil, row.optional("chosen") == nil else { return nil }
    return scores(firstWrong: row.optional("prediction")?.int, item: item)
  }

  /// Scores that call a step the first wrong one, -1 for none; `nil` and what is no step is never right.
  static func scores(firstWrong found: Int?, item: BenchmarkItem) -> BenchmarkScores {
    let count = item.chosen.count + item.rejected.count
    let label = item.rejected.isEmpty ? -1 : item.chosen.count
    let first =
      switch found {
      case -1: count
      case .some(let step) where (0..<count).contains(step): step
      // Wrong whatever is right: no step where one is wrong, else the first.
      default: label < 0 ? 0 : count
      }
    return BenchmarkScores((0..<count).map { $0 < first ? 1 : -1 }, of: item)
  }

  /// The winners of both orders in LLMBar's form.
  private static func winners(_ row: BenchmarkRow) -> [JSONValue]? {
    guard let last = row.optional("results")?.array?.last else { return nil }
    let winners = ["swap = False", "swap = True"].compactMap { last[$0]?["winner"] }
    return winners.count == 2 ? winners : nil
  }

  /// A verdict that names a response by its place in the file.
  private static func named(
    _ name: String?,
    _ item: BenchmarkItem,
    first: String,
    second: String,
    tie: String = "tie"
  ) -> BenchmarkVerdict {
    switch name {
    case first: item.isChosenFirst ? .chosen : .rejected
    case second: item.isChosenFirst ? .rejected : .chosen
    case tie: .tie
    default: .unparseable
    }
  }

  /// The verdicts of `assay judge`, in the file's order of the responses first.
  private static func own(_ judgements: [JSONValue], _ item: BenchmarkItem) -> [BenchmarkVerdict] {
    let isAsTheFile = item.isChosenFirst || item.isTurned
    let orders = isAsTheFile ? JudgementOrder.allCases : JudgementOrder.allCases.reversed()
    return orders.map { order in
      let verdicts = judgements.filter { $0["order"]?.string == order.rawValue }
        .compactMap { $0["verdict"]?.string.flatMap(Verdict.init) }
      let margin = verdicts.count { $0 == order.right } - verdicts.count { $0 != order.right }
      if verdicts.isEmpty { return .unparseable }
      // Its names of the responses are the file's.
      return margin == 0 ? .tie : (margin > 0) == !item.isTurned ? .chosen : .rejected
    }
  }
}
