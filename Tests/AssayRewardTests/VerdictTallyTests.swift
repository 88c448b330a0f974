import AssayReward
import AssayText
import Foundation
import Testing

@Suite struct VerdictTallyTests {
  /// A verdict of the letters that were said with chosen first, and with rejected first.
  private func verdict(_ first: [Verdict?], _ second: [Verdict?]) -> PairVerdict {
    PairVerdict(
      id: "7",
      judgements: first.map { Judgement(order: .chosenFirst, text: "t", verdict: $0) }
        + second.map { Judgement(order: .rejectedFirst, text: "t", verdict: $0) },
      tokens: .init(prompt: 20, completion: 4)
    )
  }

  @Test("counts wins, ties, losses and missing verdicts, and their rates")
  func counts() throws {
    let tally = try VerdictTally([
      verdict([.a], [.b]),  // right in both orders
      verdict([.a], [.a]),  // always the first: a tie that flips
      verdict([.b], [.a]),  // wrong in both
      verdict([nil], [.b]),  // right, as far as it can be read
      verdict([nil], [nil]),
    ])
    #expect(tally.outcomes == [.win: 2, .tie: 1, .loss: 1, .missing: 1])
    // The means over both orders are 1, 1/2, 0, (1/2 + 1) / 2 and 1/2: 2.75 of 5.
    #expect(tally.accuracy.value == 0.55 && tally.accuracy.count == 5)
    #expect(tally.rates.strict == 0.2)
    // The second contradicts itself; the fourth differs too; three of ten orders are missing.
    #expect(tally.rates.contradicting == 0.2 && tally.rates.inconsistent == 0.4)
    #expect(tally.rates.missing == 0.3)
    #expect(tally.unparseableRate == 0.3)  // 3 of 10
    #expect(tally.firstShare == 4.0 / 7)  // A: once, twice, once and never, of seven stated
  }

  @Test("where nothing can be read accuracy is one half, and nothing at all is refused")
  func empty() throws {
    let tally = try VerdictTally([verdict([nil], [nil])])
    #expect(tally.accuracy.value == 0.5 && tally.firstShare == nil)
    #expect(tally.unparseableRate == 1 && tally.rates.missing == 1)
    #expect(tally.rates.strict == 0 && tally.rates.contradicting == 0)
    #expect(throws: StatisticsError.self) { try VerdictTally([]) }
  }

  @Test("a probability of a half prefers neither, and is no unparseable judgement")
  func half() throws {
    let verdict = PairVerdict(
      id: "7",
      judgements: JudgementOrder.allCases.map {
        Judgement(order: $0, verdict: nil, probability: 0.5)
      },
      tokens: .init(prompt: 20, completion: 0)
    )
    #expect(verdict.outcome == .tie && !verdict.flipped)
    #expect(try VerdictTally([verdict]).unparseableRate == 0)
  }

  @Test("a verdict is written as the documented record")
  func record() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    var judgement = Judgement(
      order: .chosenFirst,
      text: "t",
      verdict: .a,
      finishReason: .stop
    )
    let first = PairVerdict(
      id: "7",
      judgements: [judgement],
      tokens: .init(prompt: 3, completion: 2)
    )
    let text = try String(decoding: encoder.encode(first), as: UTF8.self)
    #expect(
      text == #"{"flipped":false,"id":"7","judgements":[{"finish_reason":"stop","#
        + #""order":"chosen-first","text":"t","verdict":"A"}],"probability":1,"#
        + #""tokens":{"completion":2,"prompt":3},"#
        + #""votes":{"chosen":1,"rejected":0,"unparseable":0}}"#
    )
    #expect(try JSONDecoder().decode(PairVerdict.self, from: Data(text.utf8)) == first)
    // Without any verdict, there is no key "probability", and none "verdict".
    judgement.verdict = nil
    let none = PairVerdict(
      id: "7",
      judgements: [judgement],
      tokens: .init(prompt: 3, completion: 2)
    )
    let missing = try String(decoding: encoder.encode(none), as: UTF8.self)
    #expect(!missing.contains("probability") && !missing.contains(#""verdict""#))
  }
}
