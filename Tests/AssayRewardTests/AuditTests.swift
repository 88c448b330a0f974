import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct AuditTests {
  /// A tiny classic model as its folder is after `edit`.
  private func model(_ edit: (URL) throws -> Void = { _ in }) throws -> Model {
    try withTemporaryFolder { folder in
      try TinyModels.make(.classic).save(to: folder)
      try edit(folder)
      return try Model.load(folder)
    }
  }

  /// Changes a member of a JSON file.
  private func set(_ key: String, to value: JSONValue, in file: String, of folder: URL) throws {
    let url = folder.appendingPathComponent(file)
    let document = try JSONValue(parsing: Array(try Data(contentsOf: url)))
    try Data(document.replacing(key, with: value).compact.utf8).write(to: url)
  }

  private func rows(_ responses: String...) -> [ResponseRecord] {
    responses.enumerated().map { index, response in
      ResponseRecord(
        id: "\(index)",
        content: .response(prompt: [.user("How many apples?")], response: response)
      )
    }
  }

  @Test("a model with padding of its own has the same score everywhere")
  func passes() async throws {
    let model = try model()
    let rows = rows("3", "She has three apples left.", "4")
    let report = try await Audit(model).report(rows)
    #expect(report.problems.isEmpty)
    #expect(AuditFailure(report, model: "m", accepted: []) == nil)
    #expect(report.model.configuredPadding?.text == "<pad>")
    #expect(!report.model.isPaddingAnEnd)
    #expect(report.model.defaultSystem == nil)
    let scores = try await ModelScorer(model).score(rows.map(\.input))
    for (row, score) in zip(report.rows, scores) {
      #expect(row.scored == score.scoredToken)
      #expect(row.text.hasPrefix("<s><|user|>How many apples?<|eot|><|assistant|>"))
      #expect(row.tokens.map(\.text).joined() == row.text)
      #expect(row.readings.map(\.tool) == ["transformers", "vLLM, SGLang"])
      #expect(row.readings.allSatisfy { $0.scored == score.scoredToken })
      let ways = [
        row.scores.alone, row.scores.batch, row.scores.paddedLeft, row.scores.paddedRight,
      ]
      #expect(ways.allSatisfy { abs(($0 ?? .nan) - score.value) < 1e-5 })
    }
  }

  @Test("padding that is the scored token moves transformers' score to the token before")
  func paddingIsEnd() async throws {
    let model = try model { try set("pad_token_id", to: 5, in: "config.json", of: $0) }
    let report = try await Audit(model).report(rows("three apples"))
    let row = try #require(report.rows.first)
    #expect(report.model.isPaddingAnEnd)
    #expect(row.problems == [.padIsScored])
    let there = try #require(row.readings.first { $0.tool == "transformers" })
    #expect(there.scored.index == (row.scored?.index ?? 0) - 1)
    // What is read there is the score of the text without its end.
    let before = String(row.text.dropLast("<|eot|>".count))
    let score = try await ModelScorer(model).score([.rendered(before)])[0].value
    #expect(abs((there.score ?? .nan) - score) < 1e-5)
    let failure = AuditFailure(report, model: "m", accepted: [])
    #expect(failure?.description.contains("1 of 1 rows") == true)
    #expect(AuditFailure(report, model: "m", accepted: [.padIsScored]) == nil)
  }

  @Test("without padding, what TRL takes for it is looked at")
  func noPadding() async throws {
    let model = try model { folder in
      try set("pad_token_id", to: .null, in: "config.json", of: folder)
      try set("pad_token", to: .null, in: "tokenizer_config.json", of: folder)
      // Without the token the preset has no padding either.
      let file = folder.appendingPathComponent("tokenizer.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      try text.replacing("\"<pad>\"", with: "\"<gap>\"")
        .write(to: file, atomically: true, encoding: .utf8)
    }
    let report = try await Audit(model).report(rows("3"))
    #expect(report.model.configuredPadding == nil)
    #expect(report.model.tokenizerPadding == nil)
    #expect(report.rows[0].readings.map(\.tool) == ["transformers", "TRL", "vLLM, SGLang"])
    #expect(report.rows[0].problems == [.padIsScored])
  }

  @Test("special tokens that a message spells are shown, and read as others read them on demand")
  func contentTokens() async throws {
    let model = try model()
    let records = rows("3", "4<|eot|><|user|>5")
    let report = try await Audit(model).report(records)
    #expect(report.rows[0].problems.isEmpty)
    #expect(report.rows[1].problems == [.contentTokens])
    #expect(report.rows[1].contentTokens.map(\.token.text) == ["<|eot|>", "<|user|>"])
    #expect(report.rows[1].contentTokens.allSatisfy { $0.message == 1 && $0.role == "assistant" })
    model.contentTokens = .asWritten
    #expect(try await Audit(model).report(records).problems.isEmpty)
  }

  @Test("a second beginning token that tokenizers add is found, and its score computed")
  func doubledBeginning() async throws {
    let model = try model {
      let step: JSONValue = [
        "type": "TemplateProcessing",
        "single": [
          ["SpecialToken": ["id": "<s>", "type_id": 0]], ["Sequence": ["id": "A", "type_id": 0]],
        ],
        "pair": [], "special_tokens": ["<s>": ["id": "<s>", "ids": [1], "tokens": ["<s>"]]],
      ]
      try set("post_processor", to: step, in: "tokenizer.json", of: $0)
    }
    let report = try await Audit(model).report(rows("3"))
    let row = report.rows[0]
    #expect(report.model.addedInFront.map(\.text) == ["<s>"])
    #expect(row.problems == [.doubledBeginning])
    let added = row.readings.filter { $0.tokenCount == row.tokens.count + 1 }
    #expect(added.count == 2)
    let score = try await ModelScorer(model).score([.rendered("<s>" + row.text)])[0].value
    #expect(added.allSatisfy { abs(($0.score ?? .nan) - score) < 1e-5 })
    // A text that begins with it twice is said to.
    let twice = ResponseRecord(id: "t", content: .text("<s><s><|user|>3<|eot|>"))
    #expect(try await Audit(model).report([twice]).rows[0].beginnings == 2)
  }

  @Test("a template that goes on behind the scored token is read further on by other tools")
  func scoredToken() async throws {
    let template =
      "{{ bos_token }}<|system|>Be strict.<|eot|>{% for m in messages %}"
      + "{{ '<|' + m.role + '|>' + m.content + '<|eot|>\\n' }}{% endfor %}"
    let model = try model {
      try set("chat_template", to: .string(template), in: "tokenizer_config.json", of: $0)
    }
    let report = try await Audit(model).report(rows("3"))
    #expect(report.model.defaultSystem == "Be strict.")
    #expect(report.rows[0].problems == [.scoredToken])
    #expect(report.rows[0].readings.allSatisfy { $0.scored.text == "\n" })
    #expect(report.rows[0].scored?.text == "<|eot|>")
  }

  /// A published model in a tiny folder, as it is after `edit`.
  private func published(_ name: String, _ edit: (URL) throws -> Void = { _ in }) throws -> Model {
    try withTemporaryFolder { folder in
      let one = try #require(Published.all.first { $0.names.contains(name) })
      try TinyCheckpoint(one, to: folder)
      try edit(folder)
      return try Model.load(folder)
    }
  }

  @Test(
    "a head that reads elsewhere than at the end is read there in the rendered text too",
    arguments: [
      ("Athene-RM-8B", "3"), ("internlm2-7B-reward", "3"), ("ArmoRM-Llama3-8B-v0.1", "3"),
      ("reward-model-deberta-v3-base", "3"), ("Qwen2.5-Math-PRM-7B", "3<extra_0>So 4.<extra_0>"),
    ]
  )
  func otherPlaces(name: String, response: String) async throws {
    let report = try await Audit(published(name)).report(rows(response, "9" + response))
    #expect(report.problems.isEmpty)
    for row in report.rows {
      #expect(!row.readings.isEmpty)
      #expect(row.readings.allSatisfy { abs(($0.score ?? .nan) - (row.scores.alone ?? 0)) < 1e-5 })
      #expect(row.readings.allSatisfy { $0.scored == row.scored })
    }
  }

  @Test(
    "a second beginning token moves what a head reads elsewhere",
    arguments: ["Athene-RM-8B", "ArmoRM-Llama3-8B-v0.1"]
  )
  func doubledElsewhere(name: String) async throws {
    let begin = "<|begin_of_text|>"
    let step: JSONValue = [
      "type": "TemplateProcessing",
      "single": [
        ["SpecialToken": ["id": .string(begin), "type_id": 0]],
        ["Sequence": ["id": "A", "type_id": 0]],
      ],
      "pair": [],
      "special_tokens": .object([JSONMember(begin, ["id": .string(begin), "ids": [1]])]),
    ]
    let model = try published(name) {
      try set("post_processor", to: step, in: "tokenizer.json", of: $0)
    }
    let report = try await Audit(model).report(rows("3"))
    #expect(report.rows[0].problems == [.doubledBeginning])
  }

  @Test("a row that does not fit is told, and the others are scored")
  func truncation() async throws {
    let model = try model()
    let long = String(repeating: "apples ", count: 200)
    let text = ResponseRecord(id: "text", content: .text(long))
    let report = try await Audit(model).report(rows(long, "3") + [text])
    #expect(report.rows.map(\.problems) == [[.truncation], [], [.truncation]])
    #expect(report.rows[0].removedTokens > 0)
    #expect(report.rows[1].scores.alone != nil)
  }

  @Test("a model that writes critiques is scored alone and in a batch")
  func critiques() async throws {
    let report = try await Audit(TinyModels.make(.cloud)).report(rows("3", "4"))
    #expect(report.problems.isEmpty)
    #expect(report.rows.allSatisfy { $0.scores.batch != nil && $0.readings.isEmpty })
    #expect(report.rows.allSatisfy { $0.scored != nil })
    await #expect(throws: RewardError.noHead(kind: "language-model")) {
      _ = try await Audit(TinyModels.make(.languageModel)).report([])
    }
  }
}
