import AssayData
import AssayGenerate
import AssayReward
import AssayText
import Foundation
import Testing

@Suite struct RemoteJudgeTests {
  private let pairs = (0..<2).map {
    PreferencePair(
      id: "p\($0)",
      prompt: [.user("question \($0)")],
      chosen: "good",
      rejected: "bad"
    )
  }

  /// Whether a judge is shown the response called chosen as A.
  private static func showsChosenFirst(_ request: ChatRequest) -> Bool {
    let text = request.messages.last?.content ?? ""
    guard let good = text.ranges(of: "good").first, let bad = text.ranges(of: "bad").first else {
      return false
    }
    return good.lowerBound < bad.lowerBound
  }

  private static let usage = TokenCount(prompt: 10, completion: 3)

  @Test("asks in both orders, as a model's own judge is asked, and counts the votes")
  func votes() async throws {
    let chat = ScriptedChat { request in
      // Right, but for the second draw of the second order.
      let isChosenFirst = Self.showsChosenFirst(request)
      let isWrong = !isChosenFirst && request.draw == 1
      let verdict: Verdict = isChosenFirst != isWrong ? .a : .b
      return ChatCompletion(text: "because [[\(verdict.rawValue)]]", usage: Self.usage)
    }
    var settings = JudgeSettings()
    settings.votes = 4
    settings.seed = 9
    let verdicts = try await JudgeRater(RemoteWriter(chat), settings: settings).judge(pairs)
    #expect(verdicts.map(\.id) == ["p0", "p1"])
    #expect(verdicts[0].votes.chosen == 3 && verdicts[0].votes.rejected == 1)
    #expect(verdicts[0].probability == 0.75 && !verdicts[0].flipped)
    #expect(
      verdicts[0].judgements.map(\.order)
        == [.chosenFirst, .chosenFirst, .rejectedFirst, .rejectedFirst]
    )
    // Prompts of the two orders, and all four answers.
    #expect(verdicts[0].tokens == .init(prompt: 20, completion: 12))
    let asked = chat.asked
    #expect(asked.count == 8 && asked.map(\.draw) == [0, 1, 0, 1, 0, 1, 0, 1])
    #expect(asked[0].messages == RolePrompts.english.judge(pairs[0], .chosenFirst, task: .chain))
    #expect(asked[2].messages == RolePrompts.english.judge(pairs[0], .rejectedFirst, task: .chain))
    #expect(asked[0].settings.temperature == 1 && asked[0].settings.maximumTokens == 1024)
    #expect(asked.allSatisfy { $0.seed == 9 })
  }

  @Test("takes a verdict neither from thoughts nor from what was cut")
  func unreadable() async throws {
    let chat = ScriptedChat { request in
      Self.showsChosenFirst(request)
        ? ChatCompletion(text: "<think>[[B]]?</think>[[A]]")
        : ChatCompletion(text: "I prefer [[B]]", finishReason: .length)
    }
    let verdict = try await JudgeRater(RemoteWriter(chat)).judge(pairs)[0]
    #expect(verdict.judgements.map(\.verdict) == [.a, nil])
    #expect(verdict.votes.unparseable == 1 && verdict.probability == 0.75)
    // Two votes are greedy.
    #expect(chat.asked[0].settings.temperature == 0)
  }

  @Test("reads a letter's probability from the alternatives of the first token")
  func letters() async throws {
    let chat = ScriptedChat { request in
      // With chosen first A has 0.5 + 0.1, B 0.2: 0.75. Else B alone is listed, with 0.9, and A has at
      // most the 0.04 of "The": 0.04 / 0.94.
      Self.showsChosenFirst(request)
        ? ChatCompletion(
          text: "A",
          firstAlternatives: ["A": log(0.5), " A": log(0.1), "B": log(0.2), "The": log(0.05)]
        )
        : ChatCompletion(text: "B", firstAlternatives: ["B": log(0.9), "The": log(0.04)])
    }
    var settings = JudgeSettings()
    settings.task = .token
    let verdict = try await JudgeRater(RemoteWriter(chat), settings: settings).judge(pairs)[0]
    let values = verdict.judgements.compactMap(\.probability)
    #expect(values.count == 2)
    #expect(abs(values[0] - 0.75) < 1e-9 && abs(values[1] - 0.04 / 0.94) < 1e-9)
    #expect(verdict.judgements.map(\.verdict) == [.a, .b])
    #expect(chat.asked[0].settings.alternatives == 5)
    #expect(
      chat.asked[0].messages == RolePrompts.english.judge(pairs[0], .chosenFirst, task: .token)
    )
    // An endpoint without log probabilities: the letter alone.
    let plain = ScriptedChat { ChatCompletion(text: Self.showsChosenFirst($0) ? "A" : "no idea") }
    let other = try await JudgeRater(RemoteWriter(plain), settings: settings).judge(pairs)[0]
    #expect(other.judgements.map(\.verdict) == [.a, nil])
    #expect(other.judgements.allSatisfy { $0.probability == nil })
  }

  @Test("asks for critiques in a chat model's own turn, and takes the stated score from them")
  func critiques() async throws {
    let chat = ScriptedChat { request in
      ChatCompletion(
        text: request.draw == 0 ? "<think>hm</think> It is right.\nScore: 9\n" : " No score. ",
        usage: Self.usage
      )
    }
    var settings = CritiqueSettings()
    settings.samples = 2
    settings.temperature = 0.5
    let critic = Critic(
      RemoteWriter(chat),
      settings: settings,
      asking: .wording(.english, statesScore: true)
    )
    let input = ScoringInput.response(prompt: [.user("q")], response: "r")
    let written = try await critic.write([input])
    #expect(
      written == [
        [
          Critique(text: "It is right.", statedScore: 9, tokens: 3),
          Critique(text: "No score.", tokens: 3),
        ]
      ]
    )
    let messages = chat.asked[0].messages
    #expect(messages.map(\.role) == ["user", "assistant", "user"])
    #expect(messages[2].content.hasPrefix("What is good, what is wrong"))
    #expect(messages[2].content.hasSuffix("10, perfect."))
    _ = try await Critic(RemoteWriter(chat)).write([input])
    #expect(chat.asked.last?.messages[2].content == "How correct and useful is this answer?")
    _ = try await Critic(RemoteWriter(chat), asking: .wording(.playground, statesScore: false))
      .write([input])
    #expect(chat.asked.last?.messages[2].content == "critique :")
  }

  @Test("asks an oracle for words about one response, between two lines of its own")
  func oracle() async throws {
    let chat = ScriptedChat { _ in ChatCompletion(text: "<think>7?</think>\nIt is right.\n") }
    let prompt: [Message] = [.user("first"), .assistant("answer"), .user("second")]
    let written = try await Critic(RemoteWriter(chat), asking: .oracle)
      .write([.response(prompt: prompt, response: "final"), .response(prompt: [], response: "r")])
    #expect(written[0] == [Critique(text: "It is right.")])
    let request = chat.asked[0]
    #expect(request.messages.map(\.role) == ["system", "user"])
    #expect(
      request.messages[1].content
        == "user: first\n\nassistant: answer\n\nuser: second\n\n[Start of the answer]\nfinal\n"
        + "[End of the answer]"
    )
    for part in ["step by step", "helpful", "relevant", "concise", "missing", "polite", "score"] {
      #expect(request.messages[0].content.contains(part), "\(part)")
    }
    // Greedy, with room for a long analysis, unless the settings say otherwise.
    #expect(request.settings.temperature == 0 && request.settings.maximumTokens == 2048)
    var settings = CritiqueSettings()
    settings.tokens = 9
    _ = try await Critic(RemoteWriter(chat), settings: settings, asking: .oracle)
      .write([.response(prompt: prompt, response: "final")])
    #expect(chat.asked.last?.settings.maximumTokens == 9)
  }

  @Test("a cut critique has no score, and a rendered text is refused by its index")
  func refusals() async throws {
    let chat = ScriptedChat { _ in ChatCompletion(text: "Fine.\nScore: 1", finishReason: .length) }
    let critic = Critic(RemoteWriter(chat), asking: .wording(.english, statesScore: true))
    let input = ScoringInput.response(prompt: [.user("q")], response: "r")
    let written = try await critic.write([input])
    #expect(written[0][0].finishReason.isCut && written[0][0].statedScore == nil)
    await #expect(throws: RewardError.renderedText(index: 1)) {
      try await critic.write([input, .rendered("<s>")])
    }
  }

  @Test("enforced verdicts ask the endpoint for a grammar")
  func enforced() async throws {
    for (task, source) in [
      (RolePrompts.JudgeTask.chain, Grammar.Source.verdict), (.token, .letter),
    ] {
      let chat = ScriptedChat { _ in ChatCompletion(text: task == .chain ? "so [[B]]" : "B") }
      var settings = JudgeSettings()
      settings.task = task
      _ = try await JudgeRater(RemoteWriter(chat), settings: settings).judge(pairs)
      #expect(chat.asked.allSatisfy { $0.settings.grammar == nil })
      settings.verdicts = .enforced
      let verdicts = try await JudgeRater(RemoteWriter(chat), settings: settings).judge(pairs)
      #expect(chat.asked.suffix(4).allSatisfy { $0.settings.grammar?.source == source })
      #expect(verdicts[0].judgements.map(\.verdict) == [.b, .b])
    }
  }
}
