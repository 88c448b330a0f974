// Recorded scores and verdicts: one line for each item.
import AssayBase
import AssayData
import AssayReward
import AssayText
import Foundation

/// The scores of an item's candidates.
package struct BenchmarkScores: Equatable, Sendable {
  /// Scores of the chosen responses, in the item's order; all finite.
  package var chosen: [Double]
  /// Scores of the rejected responses, in the item's order; all finite.
  package var rejected: [Double]

  /// Makes scores.
  package init(chosen: [Double], rejected: [Double]) {
    self.chosen = chosen
    self.rejected = rejected
  }
}

/// What an unparseable verdict counts.
package enum UnparseableRule: String, CaseIterable, Sendable {
  /// Nothing: an item without a verdict is left out, and the rate is reported.
  case missing
  /// Half a point, as RewardBench v1 counts.
  case half
  /// Nothing right: the item loses it, as LLMBar, PandaLM and JudgeBench count.
  case wrong

  /// The outcome of such a verdict; `nil` is none.
  var outcome: Double? {
    switch self {
    case .missing: nil
    case .half: 0.5
    case .wrong: 0
    }
  }
}

/// What is known of an item: the scores of its candidates, or a judge's verdicts in both orders.
package struct BenchmarkRecord: Equatable, Sendable {
  /// What was recorded.
  package enum Content: Equatable, Sendable {
    /// Scores of the candidates.
    case scores(BenchmarkScores)
    /// Verdicts on the pair in the two orders, or in one.
    case verdicts([BenchmarkVerdict])
    /// Verdicts on each chosen response against each rejected one, the pairs of the first chosen response
    /// first.
    case comparisons([[BenchmarkVerdict]])
  }

  /// The item's id.
  package var id: String
  /// What was recorded.
  package var content: Content
  /// Of verdicts on a pair: the probability of the chosen response, averaged over the orders, where that is
  /// recorded.
  package var probability: Double?
  /// Tokens that were read and written for it, where that is recorded.
  package var tokens: TokenCount?
  /// What was written about it, where that is recorded.
  package var texts: [RecordedText]
  /// Whether the item did not fit, and its front was left out.
  package var isCut = false

  /// Makes a record.
  package init(
    id: String,
    content: Content,
    probability: Double? = nil,
    tokens: TokenCount? = nil,
    texts: [RecordedText] = []
  ) {
    self.id = id
    self.content = content
    self.probability = probability
    self.tokens = tokens
    self.texts = texts
  }

  /// A judge's verdicts, a list for each pair; none of scores.
  var pairs: [[BenchmarkVerdict]] {
    switch content {
    case .scores: []
    case .verdicts(let verdicts): [verdicts]
    case .comparisons(let comparisons): comparisons
    }
  }

  /// Whether a verdict of it cannot be read.
  var isUnparseable: Bool { pairs.joined().contains(.unparseable) }

  /// Makes a record of scores.
  package init(id: String, chosen: [Double], rejected: [Double]) {
    self.init(id: id, content: .scores(BenchmarkScores(chosen: chosen, rejected: rejected)))
  }
}

extension BenchmarkScores {
  /// Those of an item's candidates, in their order.
  init(_ values: [Double], of item: BenchmarkItem) {
    self.init(
      chosen: Array(values.prefix(item.chosen.count)),
      rejected: Array(values.dropFirst(item.chosen.count))
    )
  }

  /// The scores under the file's names of the responses where they have the item's, and the other way round: an
  /// item whose label prefers the response called rejected has exchanged them.
  func named(asIn item: BenchmarkItem) -> BenchmarkScores {
    item.isTurned ? BenchmarkScores(chosen: rejected, rejected: chosen) : self
  }

  /// The line of an item: a single candidate's score is a number, several are a list.
  func json(of item: BenchmarkItem, isCut: Bool, tokens: TokenCount, _ texts: [RecordedText])
    -> JSONValue
  {
    func spelt(_ scores: [Double]) -> JSONValue {
      scores.count == 1 ? .number("\(scores[0])") : .array(scores.map { .number("\($0)") })
    }
    let own = named(asIn: item)
    return .object(
      [
        JSONMember("id", .string(item.id)), JSONMember("chosen", spelt(own.chosen)),
        JSONMember("rejected", spelt(own.rejected)), JSONMember("tokens", tokens.json),
      ] + (isCut ? [JSONMember("cut", true)] : []) + texts.members(of: item)
    )
  }
}

extension TokenCount {
  /// As records spell it.
  var json: JSONValue { ["prompt": .number("\(prompt)"), "completion": .number("\(completion)")] }

  /// Reads it as records spell it; `nil` for anything else.
  init?(json value: JSONValue?) {
    guard let prompt = value?["prompt"]?.int, let completion = value?["completion"]?.int else {
      return nil
    }
    self.init(prompt: prompt, completion: completion)
  }

  /// The sum of two counts.
  static func + (first: TokenCount, second: TokenCount) -> TokenCount {
    TokenCount(
      prompt: first.prompt + second.prompt,
      completion: first.completion + second.completion
    )
  }
}
