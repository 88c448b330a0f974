// The items of a page, and which of them tell most.
import AssayReward
import AssayText
import Foundation

extension RunPage {
  /// Why an item is worth a look.
  enum Reason: String, CaseIterable {
    case sureAndWrong = "sure and wrong"
    case ordersDisagree = "orders disagree"
    case textContradicts = "text says otherwise"
    case onlyFirst = "only the first run is right"
    case onlySecond = "only the second run is right"
  }

  private static let highlightCount = 10

  /// The items, as the page has them.
  var browserItems: [ItemBrowser.Item] {
    tallies[0].items.enumerated().map { index, item in
      ItemBrowser.Item(
        id: item.id,
        section: item.part,
        prompt: Self.prompt(item),
        responses: item.chosen.map { .init($0, isRight: true) }
          + item.rejected.map { .init($0, isRight: item.isTie) },
        outcomes: tallies.map { $0.outcomes[index] },
        said: tallies.map { Self.said($0.records[index].content) },
        margins: tallies.map { Self.margin($0.records[index].content) },
        texts: tallies.indices.map { texts(of: $0, at: index) },
        reasons: reasons(at: index).map(\.rawValue)
      )
    }
  }

  /// The items that tell most: of each reason as many, the surest first; then others that are wrong.
  var highlights: [HTMLReport.Highlight] {
    let items = tallies[0].items
    let all = items.indices.map { (index: $0, reasons: reasons(at: $0), margin: -margin(at: $0)) }
    var queues = Reason.allCases.map { reason in
      all.filter { $0.reasons.contains(reason) }
        .sorted { ($0.margin, -$0.index) > ($1.margin, -$1.index) }[...]
    }
    var taken: Set<Int> = []
    var found: [HTMLReport.Highlight] = []
    func add(_ index: Int, _ why: String) {
      guard taken.insert(index).inserted else { return }
      let title = Self.prompt(items[index]).prefix(120).split(whereSeparator: \.isWhitespace)
      found.append(.init(id: items[index].id, why: why, title: title.joined(separator: " ")))
    }
    while found.count < Self.highlightCount, queues.contains(where: { !$0.isEmpty }) {
      for (place, reason) in Reason.allCases.enumerated() where found.count < Self.highlightCount {
        // What stands in the list for another reason is not named again.
        queues[place] = queues[place].drop { taken.contains($0.index) }
        if let next = queues[place].popFirst() { add(next.index, reason.rawValue) }
      }
    }
    let wrong = all.filter { tallies.count == 1 && tallies[0].outcomes[$0.index] == 0 }
      .sorted { ($0.margin, -$0.index) > ($1.margin, -$1.index) }
    for item in wrong where found.count < Self.highlightCount { add(item.index, "wrong") }
    return found
  }

  private func margin(at index: Int) -> Double {
    Self.margin(tallies[0].records[index].content) ?? 0
  }

  private func reasons(at index: Int) -> [Reason] {
    let outcomes = tallies.map { $0.outcomes[index] }
    if tallies.count == 2 {
      guard let first = outcomes[0], let second = outcomes[1] else { return [] }
      return first == 1 && second < 1
        ? [.onlyFirst] : first < 1 && second == 1 ? [.onlySecond] : []
    }
    var reasons: [Reason] = []
    let record = tallies[0].records[index]
    if outcomes[0] == 0, margin(at: index) <= -sureMargin, margin(at: index) < 0 {
      reasons.append(.sureAndWrong)
    }
    if record.pairs.contains(where: { $0.contains(.chosen) && $0.contains(.rejected) }) {
      reasons.append(.ordersDisagree)
    }
    if qualities[0]?.contradicts[index] == true { reasons.append(.textContradicts) }
    return reasons
  }

  private func texts(of run: Int, at index: Int) -> [ItemBrowser.Text] {
    let (item, record) = (tallies[run].items[index], tallies[run].records[index])
    return record.texts.enumerated().map { place, text in
      let title: String
      if text.order != nil {
        title =
          "Judgement, \(text.isChosenA(in: item) ? "better" : "worse") response first: "
          + (text.verdict ?? .unparseable).rawValue
      } else if case .read(let answer) = text.answer, text.score == nil {
        title = "Answer: \(answer)"
      } else if text.answer == .unread {
        title = "Answer that cannot be read"
      } else {
        let isRight = text.place < item.chosen.count
        title =
          "Critique of the \(isRight ? "better" : "worse") response"
          + (text.score.map { String(format: ": %.3f", $0) } ?? "")
      }
      return ItemBrowser.Text(
        title: title,
        text: text.text,
        deciding: qualities[run].flatMap { $0.deciding[index][place] }
      )
    }
  }

  private static func prompt(_ item: BenchmarkItem) -> String {
    item.prompt.count == 1
      ? item.prompt[0].content
      : item.prompt.map { "\($0.role): \($0.content)" }.joined(separator: "\n\n")
  }

  private static func said(_ content: BenchmarkRecord.Content) -> String {
    switch content {
    case .scores(let scores):
      func spelt(_ values: [Double]) -> String {
        values.map { String(format: "%.3f", $0) }.joined(separator: ", ")
      }
      return "\(spelt(scores.chosen)) against \(spelt(scores.rejected))"
    case .verdicts(let verdicts): return verdicts.map(\.rawValue).joined(separator: ", ")
    case .comparisons(let pairs):
      return pairs.map { $0.map(\.rawValue).joined(separator: ", ") }.joined(separator: "; ")
    }
  }

  static func margin(_ content: BenchmarkRecord.Content) -> Double? {
    guard case .scores(let scores) = content, let lowest = scores.chosen.min(),
      let highest = scores.rejected.max()
    else { return nil }
    return lowest - highest
  }
}
