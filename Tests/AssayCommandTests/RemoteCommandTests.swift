import AssayModel
import AssayTestSupport
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct RemoteCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private func pairs(_ count: Int) throws -> String {
    let rows = (0..<count).map {
      #"{"id": "p\#($0)", "prompt": "How many \#($0)?", "chosen": "good", "rejected": "bad"}"#
    }
    return try folder.write(rows.joined(separator: "\n") + "\n", "pairs\(count).jsonl")
  }

  /// A judge that prefers `good`, and a critic that says what it was asked about.
  private func server() throws -> ChatServer {
    try ChatServer { received, respond in
      let text = received.question
      if text.contains("[Answer A]\ngood") {
        respond(.completion("first [[A]]"))
      } else if text.contains("[Answer B]\ngood") {
        respond(.completion("second [[B]]"))
      } else if received.body.contains("\"content\":\"bad\"") {
        respond(.completion("It is wrong.\nScore: 2"))
      } else if text.contains("cut") {
        respond(.completion("half", finishReason: "length"))
      } else {
        respond(.completion("It is right.\nScore: 8"))
      }
    }
  }

  private func arguments(_ server: ChatServer, _ rest: [String]) -> [String] {
    [rest[0], "--generator", "openai:\(server.base)", "--generator-model", "m"] + rest.dropFirst()
  }

  private func lines(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  @Test("judge asks an endpoint, reports the spend, and asks nothing twice")
  func judge() throws {
    let server = try server()
    let (data, out) = (try pairs(3), folder.path("verdicts.jsonl"))
    let words = arguments(server, ["judge", "--data", data, "--out", out, "--json"])
    let result = try RunningCommand(words).result()
    result.expect(0, log: "accuracy 100.0 %", "spent: 6 requests, 0 retries")
    let spend = try #require(try result.objects().first?["spend"] as? [String: Any])
    #expect(spend["requests"] as? Int == 6 && spend["prompt_tokens"] as? Int == 60)
    #expect(try lines(out).map { $0["probability"] as? Double } == [1, 1, 1])
    #expect(try lines(out + ".requests.jsonl").count == 6)
    // The verdicts are gone, the answers are not.
    try FileManager.default.removeItem(atPath: out)
    try RunningCommand(words).result().expect(0, log: "0 requests", "6 taken from records")
    #expect(server.received.count == 6)
    // Another pair is all that is asked.
    let more = arguments(server, ["judge", "--data", try pairs(4), "--out", out])
    try RunningCommand(more).result().expect(0, log: "spent: 2 requests")
    #expect(try lines(out).count == 4)
  }

  @Test("critique writes pairs that CLoud's training reads, and stated scores")
  func critique() throws {
    let server = try server()
    let (data, out) = (try pairs(2), folder.path("critiqued.jsonl"))
    try RunningCommand(
      arguments(server, ["critique", "--data", data, "--out", out, "--as-pairs"])
    ).result().expect(0, log: "spent: 4 requests")
    let rows = try lines(out)
    #expect(
      rows.map { $0["chosen_critique"] as? String ?? "" } == [
        "It is right.\nScore: 8", "It is right.\nScore: 8",
      ]
    )
    #expect(rows[0]["rejected_critique"] as? String == "It is wrong.\nScore: 2")
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
    let scored = folder.path("scored.jsonl")
    try RunningCommand(
      arguments(server, ["critique", "--data", data, "--out", scored, "--stated-scores"])
    ).result().expect(0)
    let critiques = try lines(scored).compactMap { ($0["critiques"] as? [[String: Any]])?.first }
    #expect(critiques.map { $0["stated_score"] as? Int ?? 0 } == [8, 2, 8, 2])
    #expect(critiques[1]["text"] as? String == "It is wrong.")
  }

  @Test("label and generate ask an endpoint")
  func labelAndGenerate() throws {
    let server = try server()
    let data = try folder.write(
      #"{"id": "a", "prompt": "How?", "responses": ["bad", "good"]}"# + "\n",
      "unlabelled.jsonl"
    )
    let out = folder.path("labels.jsonl")
    try RunningCommand(arguments(server, ["label", "--data", data, "--out", out])).result()
      .expect(0, log: "1 pairs labelled")
    #expect(try lines(out).map { $0["chosen"] as? String } == ["good"])
    let prompts = try folder.write("{\"id\": \"a\", \"prompt\": \"cut\"}\n", "prompts.jsonl")
    let generated = try RunningCommand(
      arguments(server, ["generate", "--data", prompts, "--samples", "2", "--json"])
    ).result()
    generated.expect(0, log: "\"spend\"")
    let objects = try generated.objects()
    #expect(objects.map { $0["text"] as? String } == ["half", "half"])
    #expect(objects.map { $0["finish_reason"] as? String } == ["length", "length"])
  }

  @Test("eval asks for ratings, a choice of four and a first wrong step, and says what they cost")
  func otherForms() throws {
    // Rates by what is good, chooses it where it stands, and calls the first paragraph wrong.
    let server = try ChatServer { received, respond in
      let text = received.question
      if text.contains("<paragraph_0>") { return respond(.completion("So: \\boxed{0}")) }
      guard !text.contains("[Answer]\n") else {
        return respond(.completion(text.contains("[Answer]\ngood") ? "Fine.\n\n9" : "Bad.\n\n2"))
      }
      let letter = ["A", "B", "C", "D"].first { text.contains("assistant \($0)'s answer]\ngood") }
      respond(.completion("Weighed. [[\(letter ?? "?")]]"))
    }
    let four = try folder.write(
      #"{"id": "1", "subset": "Math", "prompt": "q", "chosen": ["good"], "rejected": ["x", "y", "z"]}"#
        + "\n",
      "four.jsonl"
    )
    for (form, requests) in [("ratings", 4), ("choice", 1)] {
      let words = arguments(
        server,
        [
          "eval", "--benchmark", "rewardbench2=\(four)", "--judge-by", form, "--out",
          folder.path(form), "--price-per-million", "1,2",
        ]
      )
      let result = try RunningCommand(words).result()
      result.expect(0, log: "spent: \(requests) requests")
      #expect(result.output.contains("100.0") && result.output.contains("1,000 items cost $"))
      try RunningCommand(words).result().expect(0, log: "spent: 0 requests")
    }
    let steps = try folder.write(
      [0, -1].map {
        #"{"id": "\#($0)", "problem": "p\#($0)", "steps": ["s", "t"], "label": \#($0)}"# + "\n"
      }
      .joined(),
      "steps.jsonl"
    )
    let result = try RunningCommand(
      arguments(
        server,
        ["eval", "--benchmark", "processbench=\(steps)", "--official", "--out", folder.path("s")]
      )
    ).result()
    result.expect(0, log: "spent: 2 requests")
    let official = try lines(folder.path("s") + "/official-processbench.jsonl")
    #expect(official.map { $0["match"] as? Bool } == [true, false])
    for options in [
      ["--judge-by", "choice"], ["--judge-by", "ratings", "--task", "token"],
      ["--judge-by", "ratings", "--unparseable", "half"],
    ] {
      let pairs = ["eval", "--benchmark", "pairs=\(try pairs(1))"] + options
      try RunningCommand(arguments(server, pairs)).result().expect(64)
    }
  }

  @Test("eval judges a benchmark at an endpoint, and asks nothing twice")
  func eval() throws {
    let server = try server()
    let out = folder.path("eval")
    let words = arguments(
      server,
      ["eval", "--benchmark", "pairs=\(try pairs(3))", "--out", out, "--json"]
    )
    let result = try RunningCommand(words).result()
    result.expect(0, log: "spent: 6 requests")
    let results = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
    )
    let methods = try #require(results["methods"] as? [String: [String: [String: Any]]])
    let overall = try #require(methods["m"]?["pairs"]?["overall"] as? [String: Any])
    #expect(overall["accuracy"] as? Double == 1 && overall["n"] as? Int == 3)
    try RunningCommand(words).result().expect(0, log: "spent: 0 requests")
    #expect(server.received.count == 6)
  }

  @Test("an endpoint that is not there is 69, garbage 65, and both are told in one line")
  func failures() throws {
    let data = try pairs(1)
    let refusing = try ChatServer { _, respond in respond(.answer(status: 403, body: "no")) }
    try RunningCommand(arguments(refusing, ["judge", "--data", data, "--quiet"])).result()
      .expect(69, log: "status 403", "OPENAI_API_KEY")
    let broken = try ChatServer { _, respond in respond(.answer(body: "<html>")) }
    let result = try RunningCommand(
      arguments(broken, ["judge", "--data", data, "--quiet", "--retries", "0"])
    ).result()
    result.expect(65, log: "no chat completion: <html>")
    #expect(result.log.split(separator: "\n").count == 1)
    try assay(
      "judge",
      "--generator",
      "openai:http://127.0.0.1:1/v1",
      "--generator-model",
      "m",
      "--data",
      data,
      "--retries",
      "0"
    ).expect(69, log: "127.0.0.1:1", "connection refused")
  }

  @Test("Ctrl-C ends the wait for an answer with 130, and what was answered stays")
  func interruption() throws {
    // The first answer comes, no other does.
    let server = try ChatServer { received, respond in
      if received.number == 0 { respond(.completion("[[A]]")) }
    }
    let out = folder.path("verdicts.jsonl")
    let command = try RunningCommand(
      arguments(
        server,
        ["judge", "--data", try pairs(2), "--out", out, "--concurrency", "1"]
      )
    )
    while server.received.count < 2, command.isRunning { usleep(10_000) }
    command.send(SIGINT)
    try command.result().expect(130, log: "spent: 1 requests")
    #expect(try lines(out + ".requests.jsonl").count == 1)
  }

  @Test("wrong combinations are 64")
  func wrongUse() throws {
    let data = try pairs(1)
    for words in [
      [], ["--model", "x", "--generator", "openai:http://h", "--generator-model", "m"],
      ["--generator", "openai:http://h"], ["--generator", "http://h", "--generator-model", "m"],
      ["--model", "x", "--concurrency", "2"],
      ["--generator", "openai:http://h", "--generator-model", "m", "--concurrency", "0"],
      ["--generator", "openai:http://h", "--generator-model", "m", "--dtype", "f32"],
      ["--generator", "openai:http://h", "--generator-model", "m", "--aggregate", "likelihood"],
    ] { try RunningCommand(["judge", "--data", data] + words).result().expect(64) }
  }
}
