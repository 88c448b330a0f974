import AssayData
import AssayGenerate
import AssayReward
import AssayText
import Foundation
import Testing

@Suite struct StatedRaterTests {
  private static func pair(_ chosen: String, _ rejected: String) -> PreferencePair {
    PreferencePair(id: chosen, prompt: [.user("question")], chosen: chosen, rejected: rejected)
  }

  private static func isRating(_ request: ChatRequest) -> Bool {
    request.messages.last?.content.contains("How good is the critique") == true
  }

  /// An endpoint that writes these texts.
  private static func chat(_ text: @escaping @Sendable (ChatRequest) -> String) -> ScriptedChat {
    ScriptedChat {
      ChatCompletion(text: text($0), usage: TokenCount(prompt: 10, completion: 3))
    }
  }

  /// The response that is asked about.
  private static func response(_ request: ChatRequest) -> String {
    request.messages.dropLast().last?.content ?? ""
  }

  private func settings(samples: Int, keepsBetterHalf: Bool = false) -> StatedSettings {
    var settings = StatedSettings()
    settings.samples = samples
    settings.keepsBetterHalf = keepsBetterHalf
    return settings
  }

  @Test("the mean of stated scores decides; a score that cannot be read leaves the pair out")
  func outcomes() async throws {
    let chat = Self.chat { request in
      switch Self.response(request) {
      // 4 and 8, of mean 6.
      case "good": "It is so.\nScore: \(request.draw == 0 ? 4 : 8)"
      // 5 and nothing, of mean 5.
      case "bad": request.draw == 0 ? "It is not.\nScore: 5" : "It is not."
      case "same": "So it is.\nScore: 6"
      default: "Who knows."
      }
    }
    let pairs = [
      Self.pair("good", "bad"), Self.pair("bad", "good"), Self.pair("same", "good"),
      Self.pair("good", "silent"),
    ]
    var heard: [Int] = []
    let rater = StatedRater(RemoteWriter(chat), settings: settings(samples: 2))
    let outcomes = try await rater.outcomes(pairs, suite: "test") { index, _ in heard.append(index)
    }
    #expect(heard == [0, 1, 2, 3] && outcomes.map(\.id) == ["good", "bad", "same", "good"])
    #expect(outcomes.map { $0.votes?.map(\.chosen) } == [[1], [0], [0.5], [nil]])
    #expect(outcomes.map { $0.credit() } == [1, 0, 0.5, 0.5])
    #expect(outcomes[0].chosenCritiques?.count == 2)
    // A prompt for each response, two texts of each.
    #expect(outcomes[0].promptTokens == 20 && outcomes[0].completionTokens == 12)
    #expect(chat.asked.count == 16)
  }

  @Test("of the better half, the critique that the model rates higher counts alone")
  func betterHalf() async throws {
    let chat = Self.chat { request in
      let last = request.messages.last?.content ?? ""
      if Self.isRating(request) { return last.contains("careless") ? "2" : "9" }
      // A careless critique praises what is bad.
      return request.draw == 0
        ? "careless.\nScore: \(Self.response(request) == "bad" ? 10 : 1)"
        : "careful.\nScore: \(Self.response(request) == "bad" ? 3 : 7)"
    }
    let pairs = [Self.pair("good", "bad")]
    let all = StatedRater(RemoteWriter(chat), settings: settings(samples: 2))
    // (1 + 7) / 2 against (10 + 3) / 2
    #expect(try await all.outcomes(pairs)[0].votes?.map(\.chosen) == [0])
    #expect(!chat.asked.contains(where: Self.isRating))
    let better = StatedRater(
      RemoteWriter(chat),
      settings: settings(samples: 2, keepsBetterHalf: true)
    )
    let outcome = try await better.outcomes(pairs)[0]
    #expect(outcome.votes?.map(\.chosen) == [1])
    // Two texts and two ratings of each response, which read a prompt each.
    #expect(outcome.completionTokens == 24 && outcome.promptTokens == 60)
    // A half needs two: one is never all.
    let fewest = StatedRater(
      RemoteWriter(chat),
      settings: settings(samples: 1, keepsBetterHalf: true)
    )
    #expect(try await fewest.outcomes(pairs)[0].completionTokens == 24)
  }

  @Test("responses are ranked by their mean, one without a score at the mean of the others")
  func ranking() async throws {
    let chat = Self.chat { request in
      switch Self.response(request) {
      case "good": "Fine.\nScore: 8"
      case "bad": "Poor.\nScore: 2"
      default: "Who knows."
      }
    }
    let rater = StatedRater(RemoteWriter(chat), settings: settings(samples: 1))
    let ranking = try await rater.rank([
      Candidates(prompt: [.user("q")], responses: ["bad", "silent", "good", "bad"]),
      Candidates(prompt: [.user("q")], responses: ["silent"]),
    ])
    #expect(ranking.scores == [[2, 5, 8, 2], [0]])
    #expect(chat.asked.count == 4)
  }
}
