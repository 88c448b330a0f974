// Heads that are chosen of a language model's output embedding, and what records say of them.

import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct HeadScorerTests {
  private let world: TinyReward
  private let prompt = [Message.user("What is 2 + 3?")]
  private let steps = ["First, 2 is two.", "Then three more.", "So it is 5."]
  private var response: String { steps.joined(separator: "\n\n") }

  init() throws { world = try TinyReward() }

  /// A language model with the head that `--head` spells.
  private func model(_ choice: String, question: String? = nil) throws -> Model {
    try withTemporaryFolder { folder in
      try world.model(.languageModel, head: nil).save(to: folder)
      return try Model.load(folder, choice: HeadChoice(choice), question: question)
    }
  }

  /// The logits of ids behind tokens, read alone.
  private func logits(_ model: Model, _ tokens: [Int32], of ids: [Int64]) -> [Double] {
    withoutGradients {
      let hidden = hiddenState(model, tokens, at: tokens.count - 1)
      return model.decoder.logits(hidden, of: Tensor(ids), training: false).floats.map(Double.init)
    }
  }

  private func score(_ model: Model, _ response: String) async throws -> Score {
    try await ModelScorer(model).score([.response(prompt: prompt, response: response)])[0]
  }

  @Test("a token's logit at the end of the rendered conversation")
  func logit() async throws {
    let model = try model("logit:9-7")
    let score = try await score(model, response)
    let tokens = try model.renderer().render(prompt: prompt, response: response).tokens
    let expected = logits(model, tokens, of: [9, 7])
    #expect(abs(score.value - (expected[0] - expected[1])) < 1e-4)
    #expect(score.kind == .logit && score.steps == nil && score.attributes == nil)
    #expect(score.scoredToken.index == tokens.count - 1)
  }

  @Test("an answer's probability behind a question about the response")
  func question() async throws {
    let model = try model("probability:9-7", question: "Is it right?")
    let score = try await score(model, response)
    let turns = prompt + [.assistant(response), .user("Is it right?")]
    let tokens = try model.renderer().generationPrefix(prompt: turns)
    let expected = logits(model, tokens, of: [9, 7])
    #expect(abs(score.value - 1 / (1 + exp(expected[1] - expected[0]))) < 1e-5)
    #expect(score.kind == .probability)
    #expect(score.tokens.prompt == tokens.count)
  }

  @Test("the mean of ratings as likely as their tokens, and its standard deviation")
  func ratings() async throws {
    let model = try model("expected:1-3@next", question: "How good is it, from 1 to 3?")
    let score = try await score(model, response)
    let turns = prompt + [.assistant(response), .user("How good is it, from 1 to 3?")]
    let tokens = try model.renderer().generationPrefix(prompt: turns)
    let ids = try ["1", "2", "3"].map { text in
      let ids = model.tokenizer.encode(text)
      try #require(ids.count == 1)
      return Int64(ids[0])
    }
    let powers = logits(model, tokens, of: ids).map { exp($0) }
    let sum = powers.reduce(0, +)
    let mean = (powers[0] + 2 * powers[1] + 3 * powers[2]) / sum
    let squares = (powers[0] + 4 * powers[1] + 9 * powers[2]) / sum
    #expect(abs(score.value - mean) < 1e-5)
    #expect(score.kind == .rating && score.steps == nil && score.attributes == nil)
    #expect(abs(try #require(score.deviation) - (squares - mean * mean).squareRoot()) < 1e-5)
  }

  @Test("each step as a turn of the user, where its answer would begin")
  func turns() async throws {
    let model = try model("probability:9-7@turns")
    let score = try await score(model, response)
    var turns: [Message] = []
    var expected: [Double] = []
    for (index, step) in steps.enumerated() {
      turns.append(.user(index == 0 ? prompt[0].content + " " + step : step))
      let both = logits(model, try model.renderer().generationPrefix(prompt: turns), of: [9, 7])
      expected.append(1 / (1 + exp(both[1] - both[0])))
      turns.append(.assistant("9"))
    }
    let found = try #require(score.steps)
    try #require(found.count == expected.count)
    for (one, other) in zip(found, expected) { #expect(abs(one - other) < 1e-5) }
    #expect(score.value == found.min())
    let scorer = try ModelScorer(model)
    await #expect {
      try await scorer.score([.response(prompt: prompt, response: "a"), .rendered("7")])
    } throws: { "\($0)".contains("item 1 is rendered already") }
  }

  @Test("steps that a special token ends, put there or written")
  func tags() async throws {
    let model = try model("logit:9@<pad>")
    let score = try await score(model, response)
    let found = try #require(score.steps)
    var tokens = try model.renderer().generationPrefix(prompt: prompt)
    for (index, step) in steps.enumerated() {
      tokens += world.tokenizer.encodePlain(step) + [0]
      #expect(abs(found[index] - logits(model, tokens, of: [9])[0]) < 1e-4)
    }
    #expect(score.value == found.min() && found.count == 3)
    #expect(score.scoredToken == .init(id: 0, text: "<pad>", index: tokens.count - 1))
    let written = try await self.score(model, steps.map { $0 + "<pad>" }.joined())
    #expect(written == score)
    let scorer = try ModelScorer(model)
    await #expect {
      try await scorer.score([.response(prompt: prompt, response: " \n\n ")])
    } throws: {
      "\($0)".contains("item 0 has no steps")
    }
    await #expect { try await scorer.score([.rendered("7")]) } throws: {
      "\($0)".contains("item 0 has no token \"<pad>\"")
    }
  }

  @Test("lines as steps behind a problem without template")
  func lines() async throws {
    let model = try withTemporaryFolder { folder in
      try world.model(.languageModel, head: nil).save(to: folder)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("assay.json"))
      let config = folder.appendingPathComponent("config.json")
      let text = try String(contentsOf: config, encoding: .utf8)
      try Data(text.replacing("LlamaForCausalLM", with: "Qwen2ForPrmModel").utf8).write(to: config)
      try Safetensors.write(
        [
          ("v_head.summary.weight", .normal([1, 32], seed: 5)),
          ("v_head.summary.bias", .normal([1], seed: 6)),
        ],
        to: folder.appendingPathComponent("value_head.safetensors")
      )
      return try Model.load(folder)
    }
    let score = try await score(model, "2 is two.\n\nSo 5.")
    let begin = try #require(world.tokenizer.id(of: "<s>"))
    let end = try #require(world.tokenizer.encode("\n").last)
    var tokens = [begin] + world.tokenizer.encodePlain("What is 2 + 3?\n")
    // An empty line ends a step too.
    let expected = try ["2 is two.", "", "So 5."].map { step in
      tokens += world.tokenizer.encodePlain(step) + [end]
      let logit = try #require(reward(model, tokens, at: tokens.count - 1))
      return 1 / (1 + exp(-logit))
    }
    let found = try #require(score.steps)
    try #require(found.count == 3)
    for (one, other) in zip(found, expected) { #expect(abs(one - other) < 1e-5) }
    #expect(score.tokens.prompt == tokens.count && score.kind == .probability)
  }

  @Test("a record has attributes and steps by name")
  func record() throws {
    let score = Score(
      value: 0.25,
      kind: .probability,
      critiques: nil,
      scoredToken: .init(id: 5, text: "a", index: 1),
      tokens: .init(prompt: 2, completion: 0),
      attributes: ["cost": 1.5],
      steps: [0.25, 0.5]
    )
    let record = ScoreRecord(id: "7", score: score)
    let data = try JSONEncoder().encode(record)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(object["attributes"] as? [String: Double] == ["cost": 1.5])
    #expect(object["steps"] as? [Double] == [0.25, 0.5])
    #expect(object["kind"] as? String == "probability")
    #expect(try JSONDecoder().decode(ScoreRecord.self, from: data) == record)
  }
}
