import AssayData
import AssayGenerate
import AssayReward
import AssayText
import Foundation
import Testing

@Suite struct VoteRoundTests {
  private static func pair(_ id: String) -> PreferencePair {
    PreferencePair(id: id, prompt: [.user("question \(id)")], chosen: "good", rejected: "bad")
  }

  private static func votes(_ chosen: Int, _ rejected: Int) -> PairVerdict.Votes {
    var votes = PairVerdict.Votes()
    (votes.chosen, votes.rejected, votes.unparseable) = (chosen, rejected, 3)
    return votes
  }

  @Test("four votes for one are sure to 31 of 32; as many for both say nothing")
  func confidence() {
    // No vote: a fair coin. Four of four: at least one of five tosses is the other side.
    #expect(abs(VoteConfidence.value(Self.votes(0, 0)) - 0.5) < 1e-12)
    #expect(abs(VoteConfidence.value(Self.votes(4, 0)) - 31.0 / 32) < 1e-12)
    #expect(abs(VoteConfidence.value(Self.votes(0, 4)) - 31.0 / 32) < 1e-12)
    // Three of four: at most three heads in five tosses, 26 of 32.
    #expect(abs(VoteConfidence.value(Self.votes(3, 1)) - 26.0 / 32) < 1e-12)
    #expect(abs(VoteConfidence.value(Self.votes(5, 5)) - 0.5) < 1e-12)
    // Of many votes too, whose single outcomes are below the least double.
    #expect(abs(VoteConfidence.value(Self.votes(2000, 2000)) - 0.5) < 1e-9)
    #expect(VoteConfidence.value(Self.votes(2400, 1600)) <= 1)
    #expect(VoteConfidence.value(Self.votes(2400, 1600)) > 1 - 1e-9)
  }

  /// An endpoint that gives these verdicts.
  private static func chat(_ verdict: @escaping @Sendable (ChatRequest) -> Verdict?) -> ScriptedChat
  {
    ScriptedChat { request in
      let mark = verdict(request).map { "[[\($0.rawValue)]]" } ?? "who knows"
      return ChatCompletion(text: mark, usage: TokenCount(prompt: 10, completion: 3))
    }
  }

  /// Which letter is the response called chosen.
  private static func right(_ request: ChatRequest) -> Verdict {
    let text = request.messages.last?.content ?? ""
    let (good, bad) = (text.ranges(of: "good").first, text.ranges(of: "bad").first)
    return good.map(\.lowerBound) ?? text.endIndex < bad.map(\.lowerBound) ?? text.endIndex
      ? .a : .b
  }

  @Test("a pair on which all votes agree is asked four times, one in doubt as often as it may be")
  func rounds() async throws {
    let chat = Self.chat { request in
      let right = Self.right(request)
      let text = request.messages.map(\.content).joined()
      if text.contains("question easy") { return right }
      if text.contains("question silent") { return nil }
      // Right and wrong in turn, in both orders.
      return request.draw.isMultiple(of: 2) ? right : right.exchanged
    }
    var settings = JudgeSettings()
    settings.votes = 12
    settings.confidence = 0.95
    let judge = try JudgeRater(RemoteWriter(chat), settings: settings)
    var heard: [Int] = []
    let pairs = ["hard", "easy", "silent"].map(Self.pair)
    let verdicts = try await judge.judge(pairs) { index, _ in heard.append(index) }
    #expect(heard == [0, 1, 2] && verdicts.map(\.id) == ["hard", "easy", "silent"])
    #expect(verdicts.map(\.judgements.count) == [12, 4, 12])
    #expect(verdicts.map(\.probability) == [0.5, 1, nil])
    // A prompt in each order of a round, of which the first has two judgements in each, and what was written.
    #expect(verdicts[1].tokens == TokenCount(prompt: 20, completion: 12))
    #expect(verdicts[0].tokens == TokenCount(prompt: 100, completion: 36))
    // Each draw once, in each order.
    let draws = chat.asked.filter { $0.messages.map(\.content).joined().contains("question hard") }
    #expect(draws.map(\.draw).sorted() == (0..<6).flatMap { [$0, $0] })
    // Those of the first order stand first.
    #expect(
      verdicts[0].judgements.map(\.order)
        == Array(repeating: .chosenFirst, count: 6) + Array(repeating: .rejectedFirst, count: 6)
    )
  }

  @Test("without a confidence, or with two votes, everything is drawn at once")
  func whole() async throws {
    for (votes, confidence) in [(6, nil), (2, 0.9)] as [(Int, Double?)] {
      let chat = Self.chat { Self.right($0) }
      var settings = JudgeSettings()
      settings.votes = votes
      settings.confidence = confidence
      let judge = try JudgeRater(RemoteWriter(chat), settings: settings)
      let verdict = try await judge.judge([Self.pair("easy")])[0]
      #expect(verdict.judgements.count == votes && chat.asked.count == votes)
    }
  }
}
