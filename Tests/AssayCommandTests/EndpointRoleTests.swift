import AssayModel
import AssayTestSupport
import Foundation
import Synchronization
import Testing

/// Models at endpoints as oracle, policy, critic and meta-judge.
@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct EndpointRoleTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private func lines(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  /// Keeps the first lines of a file, as a kill would have left it.
  private func cut(_ path: String, to count: Int) throws {
    let kept = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      .prefix(count)
    try kept.map { $0 + "\n" }.joined().write(toFile: path, atomically: true, encoding: .utf8)
  }

  private func pairs(_ count: Int) throws -> String {
    let rows = (0..<count).map {
      #"{"id": "p\#($0)", "prompt": "How many \#($0)?", "chosen": "good", "rejected": "bad"}"#
    }
    return try folder.write(rows.joined(separator: "\n") + "\n", "pairs\(count).jsonl")
  }

  // MARK: Oracle

  @Test("an oracle's critiques make pairs that CLoud is trained on, and none is asked for twice")
  func oracle() throws {
    // The rate is limited at first, and one answer comes to nothing.
    let server = try ChatServer { received, respond in
      switch received.number {
      case 0: respond(.answer(status: 429, body: "slow", headers: ["Retry-After": "0"]))
      case 1: respond(.cut(body: "{"))
      default:
        respond(.completion(received.question.contains("\ngood\n") ? " It serves. " : "It fails."))
      }
    }
    let (data, out) = (try pairs(3), folder.path("critiqued.jsonl"))
    let words = [
      "critique", "--generator", "openai:\(server.base)", "--generator-model", "m", "--data", data,
      "--out", out, "--as-pairs", "--oracle",
    ]
    try RunningCommand(words).result().expect(0, log: "spent: 6 requests, 2 retries")
    let whole = try String(contentsOfFile: out, encoding: .utf8)
    let rows = try lines(out)
    #expect(rows.map { $0["id"] as? String } == ["p0", "p1", "p2"])
    #expect(rows.allSatisfy { $0["chosen_critique"] as? String == "It serves." })
    #expect(rows.allSatisfy { $0["rejected_critique"] as? String == "It fails." })
    // The prompt and one answer alone, and room for a long critique.
    for request in server.received {
      #expect(request.question.hasPrefix("How many ") && request.member("max_tokens") == "2048")
      #expect(request.question.contains("good") != request.question.contains("bad"))
      #expect(request.body.contains("Give no score") && request.member("temperature") == "0.0")
    }
    // Killed behind the first pair; then all is lost but the answers.
    try cut(out, to: 1)
    try RunningCommand(words).result().expect(0, log: "spent: 0 requests")
    #expect(try String(contentsOfFile: out, encoding: .utf8) == whole)
    try RunningCommand(words + ["--force"]).result().expect(0, log: "6 taken from records")
    #expect(try String(contentsOfFile: out, encoding: .utf8) == whole)
    #expect(server.received.count == 8)
    let recipe = try folder.write(
      """
      method: cloud
      model: \(try folder.model(.languageModel, "base", contextTokens: 128))
      data:
        train: \(out)
      critique:
        critique_tokens: 16
      cloud:
        on_policy: false
      """,
      "cloud.yaml"
    )
    try assay("train", recipe, "--out", folder.path("run"), "--threads", "1").expect(0)
    // Another wording is another file.
    try RunningCommand(Array(words.dropLast())).result()
      .expect(65, log: "--oracle true, now false", "--max-tokens 2048, now 512", "--force")
  }

  @Test("an oracle is asked at an endpoint, and states no score")
  func oracleUse() throws {
    let data = try pairs(1)
    let remote = ["--generator", "openai:http://h", "--generator-model", "m"]
    for words in [
      ["--model", "x", "--oracle"], remote + ["--oracle", "--stated-scores"],
      remote + ["--oracle", "--prompts", "playground"],
    ] {
      try RunningCommand(["critique", "--data", data, "--out", folder.path("o")] + words).result()
        .expect(64, log: "--oracle")
    }
  }

  // MARK: Policy

  /// Questions with answers: 0 + 1, 1 + 1, ...
  private func questions(_ count: Int) throws -> String {
    let rows = (0..<count).map {
      #"{"id": "q\#($0)", "question": "What is \#($0)+1?", "answer": " #### \#($0 + 1)"}"#
    }
    return try folder.write(rows.joined(separator: "\n") + "\n", "questions.jsonl")
  }

  @Test("bon lets an endpoint answer, goes on behind a failure, and asks nothing twice")
  func bon() throws {
    // Three answers; then the server is broken until it is mended.
    let isMended = Mutex(false)
    let server = try ChatServer { received, respond in
      guard received.number < 3 || isMended.withLock({ $0 }) else {
        return respond(.answer(status: 500, body: "broken"))
      }
      let isRight = received.number.isMultiple(of: 2)
      let sum = received.question.contains("0+1") ? 1 : 2
      respond(.completion("<think>9?</think> It is #### \(isRight ? sum : 7)"))
    }
    let out = folder.path("bon")
    let words = [
      "bon", "--model", try folder.model(.classic), "--generator", "openai:\(server.base)",
      "--generator-model", "m", "--data", try questions(2), "--answers", "gsm8k", "--samples", "2",
      "--concurrency", "1", "--retries", "0", "--out", out,
    ]
    try RunningCommand(words).result().expect(69, log: "status 500", "spent: 3 requests")
    // The first prompt has both answers.
    #expect(try lines("\(out)/01-responses/records.jsonl").count == 1)
    isMended.withLock { $0 = true }
    let result = try RunningCommand(words).result()
    // Of the second one's two answers the first is known.
    result.expect(0, log: "spent: 1 requests, 0 retries, 1 taken from records")
    #expect(result.output.contains("oracle"))
    let records = try lines("\(out)/01-responses/records.jsonl")
    #expect(
      records.map { $0["responses"] as? [String] ?? [] }.flatMap(\.self).allSatisfy {
        $0.hasPrefix("It is ####")
      }
    )
    // Requests 0, 1, 2 and, behind the failure, 4: right, wrong, right, right.
    #expect(records.map { $0["right"] as? [Bool] } == [[true, false], [true, true]])
    #expect(Set(server.received.compactMap { $0.member("seed") }).count == 4)
    let again = try RunningCommand(words).result()
    again.expect(0, log: "spent: 0 requests")
    #expect(again.output == result.output && server.received.count == 5)
    // Another policy is another run.
    var other = words
    other[6] = "n"
    try RunningCommand(other).result().expect(65, log: "generator_model: m -> \"n\"")
  }

  @Test("refine lets an endpoint answer and revise, with critiques of a model here")
  func refine() throws {
    // Wrong at first; right where it is given a critique.
    let server = try ChatServer { received, respond in
      let isGuided = received.question.hasPrefix("critique :")
      let sum = received.body.contains("What is 0+1") ? 1 : 2
      respond(.completion("#### \(isGuided ? sum : 7)"))
    }
    let out = folder.path("refine")
    let words = [
      "refine", "--model", try folder.model(.cloud), "--generator", "openai:\(server.base)",
      "--generator-model", "m", "--data", try questions(2), "--answers", "gsm8k",
      "--critique-tokens", "4", "--prompts", "playground", "--out", out, "--json",
    ]
    let result = try RunningCommand(words).result()
    result.expect(0, log: "spent: 6 requests", "\"spend\"")
    let figures = try #require(try result.objects().first?["figures"] as? [String: Any])
    func accuracy(_ way: String) -> Double? {
      let figures = (figures[way] as? [String: Any])?["accuracy"] as? [String: Any]
      return figures?["value"] as? Double
    }
    #expect(accuracy("guided") == 1 && accuracy("unguided") == 0)
    let revisions = try lines("\(out)/03-revisions/records.jsonl")
    #expect(revisions.map { $0["guided"] as? String } == ["#### 1", "#### 2"])
    #expect(revisions.map { $0["unguided"] as? String } == ["#### 7", "#### 7"])
    // Revisions show the first response, as the assistant's, and the critique.
    let guidedRequest = server.received.first { $0.question.hasPrefix("critique :") }
    #expect(guidedRequest?.body.contains("\"content\":\"#### 7\"") == true)
    try RunningCommand(words).result().expect(0, log: "spent: 0 requests")
    #expect(server.received.count == 6)
  }

  @Test("refine takes critiques from an endpoint of their own, and asks none twice")
  func remoteCritic() throws {
    let policy = try ChatServer { received, respond in
      respond(.completion(received.question.contains("Add one") ? "#### 1" : "#### 0"))
    }
    let critic = try ChatServer { _, respond in respond(.completion(" Add one. ")) }
    let out = folder.path("critic")
    let words = [
      "refine", "--critic", "openai:\(critic.base)", "--critic-model", "c", "--generator",
      "openai:\(policy.base)", "--generator-model", "m", "--data", try questions(1), "--answers",
      "gsm8k", "--prompts", "playground", "--out", out, "--json",
    ]
    let result = try RunningCommand(words).result()
    result.expect(0, log: "spent: 1 requests", "spent: 3 requests")
    let figures = try #require(try result.objects().first?["figures"] as? [String: Any])
    #expect(figures["method"] as? String == "c")
    // The critic sees the question and the answer, and is asked as a local one is.
    let asked = try #require(critic.received.first)
    #expect(asked.body.contains("What is 0+1") && asked.body.contains("#### 0"))
    #expect(asked.member("max_tokens") == "512" && asked.member("temperature") == "0.0")
    #expect(try lines("\(out)/02-critiques/records.jsonl")[0]["critique"] as? String == "Add one.")
    #expect(try lines("\(out)/03-revisions/records.jsonl")[0]["guided"] as? String == "#### 1")
    // Redone from the answers that are kept.
    try FileManager.default.removeItem(atPath: out)
    try RunningCommand(words).result().expect(0, log: "1 taken from records")
    #expect(critic.received.count == 1 && policy.received.count == 3)
    // Another critic is another run.
    try RunningCommand(words.map { $0 == "c" ? "d" : $0 }).result()
      .expect(65, log: "generator_model: c -> d")
    let rest = Array(words.dropFirst(5))
    let wrong = [words + ["--model", "x"], ["refine"] + rest, Array(words.prefix(3)) + rest]
    for words in wrong { try RunningCommand(words).result().expect(64, log: "--critic") }
  }

  @Test("a policy is here or elsewhere, and one must be there")
  func policyUse() throws {
    let data = try questions(1)
    let rest = ["--data", data, "--answers", "gsm8k", "--out", folder.path("out")]
    let remote = ["--generator", "openai:http://h", "--generator-model", "m"]
    for command in ["bon", "refine"] {
      for words in [
        [], ["--policy", "x"] + remote, Array(remote.prefix(2)),
        ["--policy", "x", "--timeout", "9"],
      ] {
        try RunningCommand([command, "--model", "x"] + words + rest).result().expect(64)
      }
    }
  }

  // MARK: Critic-RM

  private func recipe(_ method: String, _ server: ChatServer, _ rest: String = "") throws -> String
  {
    try folder.write(
      """
      method: \(method)
      model: \(try folder.model(.languageModel, "start", contextTokens: 256))
      data:
        train: \(try pairs(3))
      critic_rm:
        samples: 2
        ratings: 2
        kept: 1
        critique_tokens: 32
        epochs: 1
      endpoints:
        generator: openai:\(server.base)
        generator_model: critic
        meta_judge: openai:\(server.base)
        meta_judge_model: meta
        concurrency: 1
        retries: 0
      \(rest)
      """,
      "\(method).yaml"
    )
  }

  /// A critic that tells good from bad, but for the pair of 2, and a meta-judge.
  private func roles(failing: @escaping @Sendable (Int) -> Bool = { _ in false }) throws
    -> ChatServer
  {
    try ChatServer { received, respond in
      guard !failing(received.number) else {
        return respond(.answer(status: 503, body: "busy"))
      }
      guard received.member("model") == "\"critic\"" else {
        let isMerging = received.question.hasPrefix("Here are several")
        return respond(.completion(isMerging ? "Merged." : "7"))
      }
      let isGood = received.body.contains(#""content":"good""#)
      let isWrong = received.body.contains("How many 2?")
      respond(.completion(isGood != isWrong ? "It is right.\nScore: 8" : "It is wrong.\nScore: 2"))
    }
  }

  @Test("Critic-RM takes critiques and ratings from endpoints, and goes on behind a failure")
  func rank() throws {
    let isMended = Mutex(false)
    let server = try roles { number in number >= 5 && !isMended.withLock { $0 } }
    let (file, out) = (try recipe("critic-rm-rank", server), folder.path("rank"))
    let words = ["train", file, "--out", out, "--threads", "1"]
    try RunningCommand(words).result()
      .expect(69, log: "status 503", "spent at critic: 5 requests")
    // Two candidates each of two responses; the fifth waits for the sixth.
    #expect(try lines("\(out)/01-scored-critiques/records.jsonl").count == 2)
    isMended.withLock { $0 = true }
    // 3 pairs, 2 sides, 2 candidates are 12; 5 of them are there, and one was refused.
    let result = try RunningCommand(words).result()
    result.expect(0, log: "spent at critic: 7 requests", "1 taken from records")
    let candidates = try lines("\(out)/01-scored-critiques/records.jsonl")
    #expect(candidates.count == 6)
    let first = try #require(candidates[0]["candidates"] as? [[String: Any]])
    #expect(first.map { $0["critique"] as? String } == ["It is right.", "It is right."])
    #expect(first.map { $0["score"] as? Int } == [8, 8])
    let refined = try lines("\(out)/02-refined/records.jsonl")
    // The third pair's scores contradict its label: nothing is asked about it.
    #expect(refined.map { $0["reason"] as? String } == [nil, nil, "pair-contradicts-label"])
    let best = try #require((refined[0]["chosen"] as? [[String: Any]])?.first)
    #expect(best["quality"] as? Double == 7)
    // Equal critiques are rated once: 2 pairs, 2 sides, 2 ratings. Their limit has room for thoughts.
    let ratings = server.received.filter { $0.member("model") == "\"meta\"" }
    #expect(ratings.count == 8 && ratings.allSatisfy { $0.member("max_tokens") == "16" })
    let count = server.received.count
    // Redone from the start, at another address: what was answered is not asked again.
    let moved = try roles { _ in true }
    try RunningCommand(
      words + [
        "--restart-from", "scored-critiques", "--set", "endpoints.generator=openai:\(moved.base)",
        "--set", "endpoints.meta_judge=openai:\(moved.base)",
      ]
    ).result().expect(0, log: "spent at meta: 0 requests")
    #expect(server.received.count == count && moved.received.isEmpty)
    // What each start spent at each stage.
    let spent = try lines("\(out)/spend.jsonl")
    #expect(
      spent.map { $0["stage"] as? String } == [
        "01-scored-critiques", "01-scored-critiques", "02-refined", "01-scored-critiques",
        "02-refined",
      ]
    )
    let requests = spent.map { ($0["spend"] as? [String: Any])?["requests"] as? Int }
    #expect(requests == [5, 7, 8, 0, 0])
    // Another critic is another run.
    try RunningCommand(words + ["--set", "endpoints.generator_model=other"]).result()
      .expect(65, log: "generator_model: critic -> other")
  }

  @Test("Critic-RM takes merged critiques from an endpoint, or leaves a role to the start model")
  func summ() throws {
    let server = try roles()
    let (file, out) = (try recipe("critic-rm-summ", server), folder.path("summ"))
    try RunningCommand(["train", file, "--out", out, "--threads", "1"]).result()
      .expect(0, log: "spent at meta: 4 requests")
    let refined = try lines("\(out)/02-refined/records.jsonl")
    for side in ["chosen", "rejected"] {
      let critiques = try #require(refined[0][side] as? [[String: Any]])
      #expect(critiques.map { $0["critique"] as? String } == ["Merged."])
    }
    let asked = server.received.first { $0.member("model") == "\"meta\"" }
    #expect(asked?.question.contains("Critique 2:\nIt is right.") == true)
    #expect(asked?.member("temperature") == "0.0")
    let count = server.received.count
    // Only the candidates come from elsewhere. The start model is random, so no merged critique ends.
    try RunningCommand([
      "train", file, "--out", folder.path("own"), "--threads", "1", "--set",
      "endpoints.meta_judge=null", "--set", "endpoints.meta_judge_model=null",
    ]).result().expect(65, log: "spent at critic: 12 requests")
    #expect(server.received.count == count + 12)
  }

  @Test("Critic-RM says what is wrong with endpoints, and with what they answer")
  func criticRMErrors() throws {
    let server = try ChatServer { _, respond in respond(.answer(body: "<html>")) }
    let file = try recipe("critic-rm-rank", server)
    try assay("train", file, "--out", folder.path("a")).expect(
      65,
      log: "no chat completion: <html>"
    )
    // The start of an answer, and then nothing.
    let silent = try ChatServer { _, respond in respond(.stall(body: "{\"choices\"")) }
    try assay(
      "train",
      file,
      "--out",
      folder.path("c"),
      "--set",
      "endpoints.generator=openai:\(silent.base)",
      "--set",
      "endpoints.timeout_seconds=0.3"
    ).expect(69, log: "none within 0.3 s", "run the same command again")
    for (setting, text) in [
      ("generator=http://h", "endpoints.generator"),
      ("generator=null", "endpoints.generator_model"),
      ("meta_judge_model=null", "endpoints.meta_judge_model"),
      ("concurrency=0", "endpoints.concurrency"),
    ] {
      try assay("train", file, "--out", folder.path("b"), "--set", "endpoints.\(setting)")
        .expect(65, log: text)
    }
  }
}
