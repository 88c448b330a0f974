import AssayModel
import AssayTestSupport
import Foundation
import Testing

/// What commands do with rows that have problems, or are too long.
@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct RowTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  /// Pairs as hh-rlhf has them: the second one's rejected response is empty.
  private func pairs() throws -> String {
    let rows = [
      #"{"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"}"#,
      #"{"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: "}"#,
      #"{"chosen": "\n\nHuman: d\n\nAssistant: e", "rejected": "\n\nHuman: d\n\nAssistant: f"}"#,
    ]
    return try folder.write(rows.joined(separator: "\n") + "\n", "pairs.jsonl")
  }

  private func lines(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test(
    "every command that reads pairs leaves out rows with problems when told, counted and named",
    arguments: ["label", "judge", "critique", "eval"]
  )
  func skips(_ command: String) throws {
    let kind: ModelKind = command == "judge" ? .judge : .cloud
    let model = try folder.model(kind, contextTokens: 512)
    let (data, out) = (try pairs(), folder.path("out"))
    var words = [command, "--model", model, "--out", out]
    words += command == "eval" ? ["--benchmark", "pairs=\(data)"] : ["--data", data]
    try RunningCommand(words).result().expect(65, log: "pairs.jsonl:2: ", "--skip-problems")
    let result = try RunningCommand(words + ["--skip-problems"]).result()
    result.expect(0, log: "2 of 3 rows read; left out: 1 bad-conversation", "pairs.jsonl:2: ")
    let records = command == "eval" ? "\(out)/scores-pairs.jsonl" : out
    #expect(Set(try lines(records).compactMap { $0["id"] as? String }) == ["0", "2"])
  }

  @Test("generate, score and bon leave them out too")
  func skipsPrompts() throws {
    let language = try folder.model(.languageModel, "language")
    let prompts = try folder.write(
      "{\"prompt\": \"a\"}\n{\"prompt\": 7}\n{\"id\": 5, \"messages\": [{\"role\": \"user\", \"content\": \"b\"}]}\n",
      "prompts.jsonl"
    )
    let generate = ["generate", "--model", language, "--data", prompts, "--max-tokens", "2"]
    try RunningCommand(generate).result().expect(65, log: "prompts.jsonl:2: ")
    let result = try RunningCommand(generate + ["--skip-problems"]).result()
    result.expect(0, log: "left out: 1 wrong-type")
    #expect(try result.objects().compactMap { $0["id"] as? String } == ["0", "5"])
    let model = try folder.model(.classic)
    let candidates = try folder.write(
      """
      {"prompt": "x", "responses": ["a", "b"], "right": [true, false]}
      {"prompt": "x", "responses": ["a"], "right": [true]}

      """,
      "candidates.jsonl"
    )
    try RunningCommand([
      "bon", "--model", model, "--candidates", candidates, "--skip-problems", "--out",
      folder.path("bon"),
    ]).result().expect(0, log: "1 of 2 rows read")
  }

  @Test("generate refuses ids that are used twice, unknown roles and empty conversations")
  func prompts() throws {
    let language = try folder.model(.languageModel, "language")
    for (row, part) in [
      (#"{"id": "0", "prompt": "a"}"#, "'0'"), (#"{"prompt": []}"#, "no messages"),
      (#"{"prompt": [{"role": "robot", "content": "a"}]}"#, "robot"),
    ] {
      let data = try folder.write("{\"prompt\": \"a\"}\n\(row)\n", "rows.jsonl")
      try assay("generate", "--model", language, "--data", data, "--max-tokens", "2")
        .expect(65, log: part)
    }
  }

  @Test("data without rows is told", arguments: ["", "\n\n"])
  func empty(_ text: String) throws {
    let model = try folder.model(.classic)
    let data = try folder.write(text, "empty.jsonl")
    try assay("score", "--model", model, "--data", data)
      .expect(65, log: "empty.jsonl: the file has no rows")
    try assay("score", "--model", model, "--data", "-", input: text)
      .expect(65, log: "<stdin>: the file has no rows")
  }

  @Test(
    "a row that does not fit is refused, left out, or cut and marked",
    .kernels,
    arguments: [
      ModelKind.classic, .cloud,
    ]
  )
  func tooLong(_ kind: ModelKind) throws {
    let model = try folder.model(kind)
    let long = String(repeating: "apples ", count: 200)
    let data = try folder.write(
      """
      {"id": "short", "prompt": "hi", "response": "three"}
      {"id": "long", "prompt": "hi", "response": "\(long)"}

      """,
      "rows.jsonl"
    )
    let words = ["score", "--model", model, "--data", data, "--batch-invariant"]
    try RunningCommand(words).result().expect(65, log: "rows.jsonl:2: ", "limit of 96")
    let skipped = try RunningCommand(words + ["--too-long", "skip"]).result()
    skipped.expect(0, log: "left out: 1 too-long")
    #expect(try skipped.objects().compactMap { $0["id"] as? String } == ["short"])
    let cut = try RunningCommand(words + ["--too-long", "cut"]).result()
    cut.expect(0, log: "1 of 2 rows were cut")
    let records = try cut.objects()
    #expect(records.map { $0["cut"] as? Bool } == [nil, true])
    // The score of the short one is the same whatever becomes of the long one.
    #expect(records[0]["score"] as? Double == (try skipped.objects())[0]["score"] as? Double)
  }

  @Test("label and eval refuse, leave out or cut long pairs as score does")
  func tooLongPairs() throws {
    let model = try folder.model(.classic)
    let long = String(repeating: "apples ", count: 200)
    let data = try folder.write(
      """
      {"id": "short", "prompt": "hi", "chosen": "three", "rejected": "four"}
      {"id": "long", "prompt": "hi", "chosen": "\(long)", "rejected": "four"}

      """,
      "pairs.jsonl"
    )
    for (command, source) in [
      ("label", ["--data", data]), ("eval", ["--benchmark", "pairs=\(data)"]),
    ] {
      func run(_ rest: String...) throws -> (CommandResult, String) {
        let out = folder.path("\(command)-\(rest.last ?? "none")")
        let words = [command, "--model", model, "--out", out] + source + rest
        let records = command == "eval" ? "\(out)/scores-pairs.jsonl" : out
        return (try RunningCommand(words).result(), records)
      }
      try run().0.expect(65, log: "pairs.jsonl:2: ", "limit of 96")
      let (skipped, few) = try run("--too-long", "skip")
      skipped.expect(0, log: "left out: 1 too-long")
      #expect(try lines(few).count == 1)
      let (cut, all) = try run("--too-long", "cut")
      cut.expect(0, log: "1 of 2 rows were cut")
      #expect(try lines(all).map { $0["cut"] as? Bool } == [nil, true])
      let judge = try folder.model(.judge, "judge")
      let refused = [command, "--model", judge, "--out", folder.path("none"), "--too-long", "cut"]
      try RunningCommand(refused + source).result().expect(
        64,
        log: "--too-long cut belongs to models that score; give refuse or skip"
      )
    }
  }
}
