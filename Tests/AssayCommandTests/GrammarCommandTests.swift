import AssayModel
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct GrammarCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private func run(_ arguments: [String]) throws -> CommandResult {
    try RunningCommand(arguments, input: "", folder: nil).result()
  }

  private func texts(_ output: String) throws -> [String] {
    try output.split(separator: "\n").map { line in
      let row = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return try #require(row?["text"] as? String)
    }
  }

  @Test("generate holds its samples to a choice, an expression or a schema")
  func generates() throws {
    let model = try folder.model(.languageModel)
    let data = try folder.write(#"{"id": "1", "prompt": "how many?"}"# + "\n", "prompts.jsonl")
    let common = [
      "generate", "--model", model, "--data", data, "--samples", "8", "--temperature", "1",
      "--max-tokens", "40",
    ]
    let chosen = try run(common + ["--grammar-choice", "yes", "--grammar-choice", "no"])
    chosen.expect(0)
    #expect(try texts(chosen.output).allSatisfy { ["yes", "no"].contains($0) })
    let matched = try run(common + ["--grammar-regex", "-?[a-c]{2}-[0-9]"])
    matched.expect(0)
    #expect(try texts(matched.output).allSatisfy { $0.wholeMatch(of: /-?[a-c]{2}-[0-9]/) != nil })
    let schema = try folder.write(
      #"{"type": "array", "items": {"type": "boolean"}}"#,
      "schema.json"
    )
    let listed = try run(common + ["--grammar-json-schema", schema])
    listed.expect(0)
    for text in try texts(listed.output) {
      #expect(try JSONSerialization.jsonObject(with: Data(text.utf8)) is [Bool], "\(text)")
    }
    let object = try run(common + ["--grammar-json"])
    object.expect(0)
    for text in try texts(object.output) {
      #expect(try JSONSerialization.jsonObject(with: Data(text.utf8)) is [String: Any], "\(text)")
    }
  }

  @Test("a grammar that cannot be kept is refused with its place")
  func refuses() throws {
    let model = try folder.model(.languageModel)
    let data = try folder.write(#"{"id": "1", "prompt": "how many?"}"# + "\n", "prompts.jsonl")
    let common = ["generate", "--model", model, "--data", data]
    try run(common + ["--grammar-regex", "a(?=b)"]).expect(64, log: "character 2")
    try run(common + ["--grammar-choice", ""]).expect(64, log: "empty")
    try run(common + ["--grammar-regex", "a", "--grammar-json"]).expect(64, log: "one of")
    let schema = try folder.write(#"{"type": "array", "uniqueItems": true}"#, "schema.json")
    try run(common + ["--grammar-json-schema", schema]).expect(65, log: "#/uniqueItems")
    let broken = try folder.write("{", "broken.json")
    try run(common + ["--grammar-json-schema", broken]).expect(65, log: "broken.json")
    try run(common + ["--grammar-json-schema", folder.path("none.json")]).expect(66)
    try run(common + ["--structured-output", "guided"]).expect(64, log: "--generator")
  }

  @Test("a judge that is held to verdicts gives one each time, and its records are its own")
  func judges() throws {
    let model = try folder.model(.languageModel, contextTokens: 512)
    let row = #"{"id": "1", "prompt": "how many?", "chosen": "one", "rejected": "two"}"#
    let data = try folder.write(row + "\n", "pairs.jsonl")
    let out = folder.path("verdicts.jsonl")
    let common = [
      "judge", "--model", model, "--data", data, "--out", out, "--votes", "10", "--prompts",
      "playground", "--max-tokens", "24",
    ]
    try run(common + ["--verdicts", "enforced"]).expect(0)
    let line = try String(contentsOfFile: out, encoding: .utf8)
    let record = try #require(
      try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    )
    let votes = try #require(record["votes"] as? [String: Int])
    #expect(votes["unparseable"] == 0)
    let judgements = try #require(record["judgements"] as? [[String: Any]])
    #expect(judgements.count == 10)
    for judgement in judgements {
      let letters = try #require(judgement["letters"] as? [String: Double])
      #expect(
        (0...1).contains(letters["probability"] ?? -1) && (0...1).contains(letters["mass"] ?? -1)
      )
    }
    // Free judgements are another run.
    try run(common).expect(65, log: "verdicts")
  }
}
