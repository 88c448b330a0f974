import AssayModel
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct UseCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private func json(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test("bon picks out of given responses, and goes on where it stopped")
  func candidates() throws {
    let model = try folder.model(.classic)
    let rows = (0..<4).map { row in
      """
      {"id": "\(row)", "prompt": "how many?", "responses": ["one", "two", "two", "4\(row)"],
      """.replacing("\n", with: "") + " \"right\": [true, false, false, false]}"
    }
    let file = try folder.write(rows.joined(separator: "\n") + "\n", "candidates.jsonl")
    let out = folder.path("bon")
    let result = try assay("bon", "--model", model, "--candidates", file, "--out", out)
    result.expect(0)
    #expect(result.output.contains("oracle"))
    let results = try json("\(out)/results.json")
    let points = try #require(results["points"] as? [[String: Any]])
    #expect(points.count == 4)
    // One right of four: at random 1/4; the best of two is right with 1 - C(3, 2) / C(4, 2) = 1/2.
    #expect(points[0]["value"] as? Double == 0.25)
    #expect(points[0]["random"] as? Double == 0.25)
    #expect(abs((points[1]["oracle"] as? Double ?? 0) - 0.5) < 1e-9)
    let records = "\(out)/01-scores/records.jsonl"
    let whole = try String(contentsOfFile: records, encoding: .utf8)
    #expect(whole.split(separator: "\n").count == 4)
    // Without its last two records the file becomes the same again.
    let half = whole.split(separator: "\n").prefix(2).joined(separator: "\n") + "\n"
    try half.write(toFile: records, atomically: true, encoding: .utf8)
    try assay("bon", "--model", model, "--candidates", file, "--out", out).expect(0)
    #expect(try String(contentsOfFile: records, encoding: .utf8) == whole)
    // Other candidates are another run.
    let other = try folder.write(rows[0] + "\n", "other.jsonl")
    try assay("bon", "--model", model, "--candidates", other, "--out", out)
      .expect(65, log: "responses")
  }

  @Test("bon samples a policy whose responses the Playground checks")
  func policy() throws {
    let policy = try folder.model(.languageModel, "policy")
    let judge = try folder.model(.judge, "judge")
    let world = folder.path("world")
    try assay(
      "playground",
      "--out",
      world,
      "--train",
      "1",
      "--test",
      "3",
      "--ood",
      "1",
      "--corpus",
      "1",
      "--seed",
      "5"
    ).expect(0)
    let out = folder.path("bon")
    let prompts = try String(contentsOfFile: "\(world)/test.jsonl", encoding: .utf8)
    let short = try prompts.split(separator: "\n").map { line -> String in
      let row = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return "{\"id\": \"\(row?["id"] as? String ?? "")\", \"prompt\": \"how many?\"}"
    }
    let file = try folder.write(short.joined(separator: "\n") + "\n", "prompts.jsonl")
    let result = try assay(
      "bon",
      "--model",
      judge,
      "--policy",
      policy,
      "--data",
      file,
      "--samples",
      "2",
      "--max-tokens",
      "4",
      "--playground-seed",
      "5",
      "--out",
      out,
      "--json"
    )
    result.expect(0)
    // Of two different responses one's preference is what the other lacks to 1; equal ones have 0.5.
    let scores = try String(contentsOfFile: "\(out)/02-scores/records.jsonl", encoding: .utf8)
    #expect(scores.split(separator: "\n").count == 3)
    for line in scores.split(separator: "\n") {
      let row = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      let values = try #require(row?["scores"] as? [Double])
      #expect(values.count == 2 && abs(values.reduce(0, +) - 1) < 1e-9, "\(line)")
    }
    let records = try String(contentsOfFile: "\(out)/01-responses/records.jsonl", encoding: .utf8)
    #expect(records.split(separator: "\n").count == 3)
    #expect(records.contains("\"id\":\"test-0\""))
  }

  @Test("refine compares revisions with and without a critique")
  func refine() throws {
    let policy = try folder.model(.languageModel, "policy")
    let critic = try folder.model(.cloud, "critic")
    let file = try folder.write(
      """
      {"id": "a", "question": "1+1?", "answer": "#### 2"}
      {"id": "b", "question": "1+2?", "answer": "#### 3"}

      """,
      "gsm.jsonl"
    )
    let out = folder.path("refine")
    let arguments = [
      "refine", "--model", critic, "--policy", policy, "--data", file, "--out", out, "--answers",
      "gsm8k", "--max-tokens", "4", "--critique-tokens", "4", "--prompts", "playground", "--json",
    ]
    let result = try RunningCommand(arguments).result()
    result.expect(0)
    let figures = try #require(try result.objects().first?["figures"] as? [String: Any])
    let before = try #require(figures["before"] as? [String: Any])
    #expect(before["n"] as? Int == 2)
    #expect(figures["guided"] != nil && figures["unguided"] != nil)
    let again = try RunningCommand(arguments).result()
    again.expect(0)
    let repeated = try #require(try again.objects().first?["figures"] as? [String: Any])
    #expect(NSDictionary(dictionary: figures) == NSDictionary(dictionary: repeated))
    for (stage, lines) in [("01-responses", 2), ("02-critiques", 2), ("03-revisions", 2)] {
      let text = try String(contentsOfFile: "\(out)/\(stage)/records.jsonl", encoding: .utf8)
      #expect(text.split(separator: "\n").count == lines, "\(stage)")
    }
  }

  @Test(
    "bon, refine and audit leave out rows that a template or a model does not take, and name them"
  )
  func skipped() throws {
    let (classic, cloud) = (
      try folder.model(.classic, "classic"), try folder.model(.cloud, "cloud")
    )
    let policy = try folder.model(.languageModel, "policy")
    let long = String(repeating: "apples ", count: 200)
    let bad = [
      #""prompt": [{"role": "critic", "content": "how many?"}]"#, #""prompt": "\#(long)""#,
    ]
    func rows(_ rest: String, _ name: String) throws -> String {
      let all = (bad + [#""prompt": "how many?""#]).map { "{\($0), \(rest)}" }
      return try folder.write(all.joined(separator: "\n"), name)
    }
    let candidates = try rows(
      #""responses": ["1", "2"], "right": [true, false]"#,
      "candidates.jsonl"
    )
    let bon = ["bon", "--model", classic, "--candidates", candidates, "--out", folder.path("bon")]
    let questions = try rows("\"answer\": \"#### 3\"", "questions.jsonl")
    let drawn = [
      "--policy", policy, "--data", questions, "--answers", "gsm8k", "--max-tokens", "4",
    ]
    let refine =
      ["refine", "--model", cloud, "--critique-tokens", "4", "--prompts", "playground", "--out"]
      + [folder.path("refine")] + drawn
    for words in [bon, refine, ["bon", "--model", classic, "--out", folder.path("drawn")] + drawn] {
      try RunningCommand(words).result().expect(65, log: ".jsonl:1: ", "role 'critic'")
      let result = try RunningCommand(words + ["--skip-problems"]).result()
      result.expect(0, log: "1 of 3 rows read", "1 bad-conversation, 1 too-long", ".jsonl:2: ")
    }
    let audited = try rows(#""response": "3""#, "audited.jsonl")
    let audit = ["audit", "--model", classic, "--data", audited]
    try RunningCommand(audit).result().expect(65, log: ".jsonl:1: ", "role 'critic'")
    // What is too long is what an audit looks for.
    try RunningCommand(audit + ["--skip-problems"]).result()
      .expect(65, log: "2 of 3 rows read", "role 'critic'")
    // One switch says so of every command.
    let left = audit + ["--skip-problems", "--too-long"]
    try RunningCommand(left + ["skip"]).result()
      .expect(0, log: "1 of 3 rows read", "1 bad-conversation, 1 too-long")
    try RunningCommand(left + ["cut"]).result().expect(0, log: "2 of 3 rows read")
    try RunningCommand(left + ["refuse"]).result().expect(65, log: ".jsonl:2: ", "more than")
  }

  @Test("both say what is missing")
  func errors() throws {
    let model = try folder.model(.classic)
    let out = folder.path("out")
    try assay("bon", "--model", model, "--out", out).expect(64, log: "--candidates")
    try assay("bon", "--model", model, "--policy", model, "--out", out).expect(64, log: "--data")
    try assay(
      "bon",
      "--model",
      model,
      "--candidates",
      folder.path("none.jsonl"),
      "--out",
      out
    ).expect(66)
    let uneven = try folder.write(
      """
      {"prompt": "x", "responses": ["a", "b"], "right": [true, false]}
      {"prompt": "x", "responses": ["a"], "right": [true]}

      """,
      "uneven.jsonl"
    )
    try assay("bon", "--model", model, "--candidates", uneven, "--out", out)
      .expect(65, log: "uneven.jsonl:2", "responses")
    let unknown = try folder.write(
      "{\"prompt\": \"x\", \"responses\": [\"a\", \"b\"]}\n",
      "u.jsonl"
    )
    try assay("bon", "--model", model, "--candidates", unknown, "--out", out)
      .expect(65, log: "right")
    let prompts = try folder.write("{\"prompt\": \"x\"}\n", "p.jsonl")
    try assay(
      "refine",
      "--model",
      model,
      "--policy",
      model,
      "--data",
      prompts,
      "--out",
      out
    ).expect(64, log: "--playground-seed")
  }
}
