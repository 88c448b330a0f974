import AssayModel
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct CommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  @Test("tokenize reads lines of strings and writes lists of ids")
  func tokenize() throws {
    let model = try folder.model(.languageModel)
    let result = try assay(
      "tokenize",
      "--model",
      model,
      input: "\"33<|eot|>\"\n\n\"\"\n\"Anna\"\n"
    )
    result.expect(0)
    #expect(result.log.isEmpty)
    let lines = try result.output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [Int])
    }
    #expect(lines.count == 3)  // the blank line is none
    // Digits are single tokens, and <|eot|> is the last of the six special ones.
    #expect(lines[0].count == 3 && lines[0][0] == lines[0][1] && lines[0][2] == 5)
    #expect(lines[1].isEmpty)
    let file = try folder.write("\"33<|eot|>\"\n", "lines.jsonl")
    let again = try assay("tokenize", "--model", model + "/tokenizer.json", "--data", file)
    #expect(again.output == result.output.prefix { $0 != "\n" } + "\n")
    // A folder with nothing else will do.
    let only = folder.url.appendingPathComponent("only")
    try FileManager.default.createDirectory(at: only, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: model + "/tokenizer.json",
      toPath: only.appendingPathComponent("tokenizer.json").path
    )
    let alone = try assay("tokenize", "--model", only.path, "--data", file)
    #expect(alone.output == again.output)
  }

  @Test("playground writes its files and says what it wrote")
  func playground() throws {
    let out = folder.path("world")
    let result = try assay(
      "playground",
      "--out",
      out,
      "--train",
      "5",
      "--test",
      "4",
      "--ood",
      "3",
      "--corpus",
      "2",
      "--validation",
      "6",
      "--instruct",
      "7",
      "--seed",
      "11",
      "--json"
    )
    result.expect(0)
    let object = try #require(try result.objects().first)
    #expect(
      Set(object.keys)
        == ["out", "seed", "train", "test", "ood", "corpus", "validation", "instruct"]
    )
    #expect(object["seed"] as? Int == 11)
    for (name, count) in [
      ("train", 5), ("test", 4), ("ood", 3), ("corpus", 2), ("validation", 6), ("instruct", 7),
    ] {
      #expect(object[name] as? Int == count)
      let text = try String(contentsOfFile: "\(out)/\(name).jsonl", encoding: .utf8)
      #expect(text.split(separator: "\n").count == count)
    }
    let other = folder.path("other")
    try assay(
      "playground",
      "--out",
      other,
      "--train",
      "5",
      "--test",
      "4",
      "--ood",
      "3",
      "--corpus",
      "2",
      "--seed",
      "11"
    ).expect(0)
    for name in ["train", "test", "ood", "corpus"] {
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: "\(out)/\(name).jsonl"))
          == Data(contentsOf: URL(fileURLWithPath: "\(other)/\(name).jsonl"))
      )
    }
    // Validation goes on behind training, with prompts of its own.
    func prompts(_ name: String) throws -> Set<String> {
      Set(
        try String(contentsOfFile: "\(out)/\(name).jsonl", encoding: .utf8).split(separator: "\n")
          .map { line in
            let row = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return try #require(row?["prompt"] as? String)
          }
      )
    }
    #expect(try prompts("validation").count == 6)
    #expect(try prompts("validation").isDisjoint(with: prompts("train")))
  }

  @Test("inspect says what a model is")
  func inspect() throws {
    let model = try folder.model(.cloud)
    let result = try assay("inspect", model, "--json")
    result.expect(0)
    let object = try #require(try result.objects().first)
    #expect(object["kind"] as? String == "cloud")
    #expect(object["head"] as? String == "cloud")
    #expect(object["family"] as? String == "llama")
    #expect(object["hiddenSize"] as? Int == 16)
    #expect(object["layers"] as? Int == 1)
    #expect(object["context"] as? Int == 96)
    #expect(object["leadIn"] as? String == "critique :")
    #expect(object["endOfTurn"] as? String == "<|eot|>")
    #expect(object["padIsEnd"] as? Bool == false)
    // 1 block: 3*16*16 qkv, 16*16 output, 3*16*32 feed-forward, 2*16 norms; last norm 16; two
    // embeddings of V*16; the head's 16*16 + 16 and 16 + 1.
    let vocabulary = try #require(object["vocabulary"] as? Int)
    #expect(
      object["parameters"] as? Int == 768 + 256 + 1536 + 32 + 16 + 2 * vocabulary * 16 + 289
    )
    let text = try assay("inspect", model).output
    for part in ["cloud head", "hidden 16", "opened by \"critique :\""] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test("inspect says what a judge writes, and how it is asked")
  func inspectJudge() throws {
    let model = try folder.model(.judge)
    let object = try #require(try assay("inspect", model, "--json").objects().first)
    let judge = try #require(object["judge"] as? [String: Any])
    #expect(judge["task"] as? String == "token" && judge["tokens"] as? Int == 8)
    #expect(judge["wording"] as? String == "playground" && judge["system"] == nil)
    let question = "question : {prompt} answer A : {a} answer B : {b} name the better one."
    #expect(judge["question"] as? String == question)
    let text = try assay("inspect", model).output
    for part in ["token (a letter), up to 8 tokens", "wording \"playground\"", question] {
      #expect(text.contains(part), "\(part)")
    }
    let pair = try folder.model(.pair, "pair")
    #expect(try assay("inspect", pair).output.contains("one logit"))
    let scorer = try assay("inspect", folder.model(.classic, "classic"), "--json").objects()
    #expect(scorer.first?["kind"] as? String == "classic" && scorer.first?["judge"] == nil)
  }

  @Test("score writes a record a response, in the data's order, from files and standard input")
  func score() throws {
    let model = try folder.model(.classic)
    let lines = """
      {"id": "a", "prompt": "How many?", "response": "3"}
      {"id": "b", "prompt": [{"role": "user", "content": "How many?"}], "response": "4 apples"}
      {"id": "c", "text": "<s><|user|>How many?<|eot|><|assistant|>3<|eot|>"}
      """
    let file = try folder.write(lines, "data.jsonl")
    let result = try assay("score", "--model", model, "--data", file, "--threads", "1")
    result.expect(0)
    let records = try result.objects()
    #expect(records.map { $0["id"] as? String } == ["a", "b", "c"])
    for record in records {
      #expect(Set(record.keys) == ["id", "score", "kind", "scored_token", "tokens"])
    }
    let scores = records.compactMap { $0["score"] as? Double }
    #expect(abs(scores[0] - scores[2]) < 1e-5)
    #expect(scores[0] != scores[1])
    let kept = folder.path("scores.jsonl")
    let silent = try assay(
      "score",
      "--model",
      model,
      "--data",
      file,
      "--threads",
      "1",
      "--out",
      kept
    )
    #expect(silent.output.isEmpty)
    #expect(try String(contentsOfFile: kept, encoding: .utf8) == result.output)
    try assay("score", "--model", model, "--data", file, "--out", "/dev/full").expect(73)
    let piped = try assay("score", "--model", model, "--data", "-", "--threads", "1", input: lines)
    #expect(piped.output == result.output)
  }

  @Test("score with critiques: the mean of as many as asked for, the same for the same seed")
  func scoreByCritique() throws {
    let model = try folder.model(.cloud)
    let file = try folder.write(
      #"{"id": "a", "prompt": "How many?", "response": "3"}"#,
      "data.jsonl"
    )
    let arguments = [
      "score", "--model", model, "--data", file, "--samples", "3", "--seed", "4", "--threads", "1",
    ]
    let result = try RunningCommand(arguments).result()
    result.expect(0)
    let record = try #require(try result.objects().first)
    let critiques = try #require(record["critiques"] as? [[String: Any]])
    #expect(critiques.count == 3)
    let mean = critiques.compactMap { $0["score"] as? Double }.reduce(0, +) / 3
    #expect(abs(try #require(record["score"] as? Double) - mean) < 1e-9)
    #expect(try RunningCommand(arguments).result().output == result.output)
  }

  @Test("critique goes on behind what is recorded, and refuses records of other data")
  func critique() throws {
    let model = try folder.model(.cloud)
    let file = try folder.write(
      """
      {"id": "1", "prompt": "How many?", "chosen": "3", "rejected": "4"}
      {"id": "2", "prompt": "How many?", "chosen": "three", "rejected": "none"}
      """,
      "pairs.jsonl"
    )
    let out = folder.path("critiques.jsonl")
    let arguments = [
      "critique", "--model", model, "--data", file, "--out", out, "--threads", "1", "--seed", "2",
      "--temperature", "1",
    ]
    try RunningCommand(arguments).result().expect(0)
    let whole = try String(contentsOfFile: out, encoding: .utf8)
    let lines = whole.split(separator: "\n")
    #expect(lines.count == 4)
    try (lines[0] + "\n" + lines[1].prefix(8)).write(
      toFile: out,
      atomically: true,
      encoding: .utf8
    )
    try RunningCommand(arguments).result().expect(0)
    #expect(try String(contentsOfFile: out, encoding: .utf8) == whole)
    let other = try folder.write(
      #"{"id": "9", "prompt": "p", "chosen": "a", "rejected": "b"}"#,
      "other.jsonl"
    )
    try RunningCommand(arguments.map { $0 == file ? other : $0 }).result()
      .expect(65, log: "critiques.jsonl:1:", "other.jsonl", "--force")
    #expect(try String(contentsOfFile: out, encoding: .utf8) == whole)
  }

  @Test("generate writes as many samples as asked for, of at most as many tokens")
  func generate() throws {
    let model = try folder.model(.languageModel)
    let file = try folder.write(
      #"{"id": "a", "prompt": "How many?"}"# + "\n" + #"{"text": "Anna has"}"#,
      "prompts.jsonl"
    )
    let result = try assay(
      "generate",
      "--model",
      model,
      "--data",
      file,
      "--samples",
      "2",
      "--temperature",
      "1",
      "--max-tokens",
      "5",
      "--threads",
      "1"
    )
    result.expect(0)
    let records = try result.objects()
    #expect(records.map { $0["id"] as? String } == ["a", "a", "1", "1"])
    #expect(records.map { $0["sample"] as? Int } == [0, 1, 0, 1])
    for record in records {
      let tokens = try #require(record["tokens"] as? [String: Int])
      #expect(try #require(tokens["completion"]) <= 5)
    }
  }

  @Test("standard output has results only, and --quiet leaves nothing on standard error")
  func streams() throws {
    let model = try folder.model(.classic)
    let file = try folder.write(
      #"{"id": "a", "prompt": "How many?", "response": "3"}"#,
      "data.jsonl"
    )
    let loud = try assay("score", "--model", model, "--data", file)
    let quiet = try assay("score", "--model", model, "--data", file, "--quiet")
    #expect(try loud.objects().count == 1)
    #expect(quiet.output == loud.output)
    #expect(quiet.log.isEmpty)

    let corpus = try folder.write("{\"text\": \"Anna has three apples.\"}\n", "corpus.jsonl")
    let recipe = try folder.write(
      """
      method: pretrain
      corpus: \(corpus)
      base: {vocabulary_size: 270, architecture: {hidden_size: 8, layers: 1, heads: 1, groups: 1}}
      """,
      "recipe.yaml"
    )
    let run = try assay("train", recipe, "--out", folder.path("a"), "--threads", "1")
    run.expect(0, log: "base")
    #expect(run.output.isEmpty)
    let silent = try assay("train", recipe, "--out", folder.path("b"), "--threads", "1", "--quiet")
    silent.expect(0)
    #expect(silent.output.isEmpty)
    #expect(silent.log.isEmpty)
    let printed = try assay("train", recipe, "--print-recipe", "--seed", "5")
    #expect(printed.output.contains("seed: 5"))
  }
}
