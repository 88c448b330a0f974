import AssayModel
import AssayTestSupport
import Foundation
import Testing

/// Records are continued with the settings that they were written with, or not at all.
@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct RecordSettingsTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private func pairs(_ count: Int) throws -> String {
    let rows = (0..<count).map {
      #"{"id": "p\#($0)", "prompt": "How many?", "chosen": "Anna has \#($0).", "rejected": "No."}"#
    }
    return try folder.write(rows.joined(separator: "\n") + "\n", "pairs\(count).jsonl")
  }

  private func model(_ kind: ModelKind) throws -> String {
    try folder.model(kind, kind.rawValue, contextTokens: 512)
  }

  @Test(
    "judge and label name the setting that changed, and change nothing",
    .kernels,
    arguments: ["judge", "label"]
  )
  func changed(_ command: String) throws {
    let out = folder.path("records.jsonl")
    let words = [
      command, "--model", try model(.languageModel), "--data", try pairs(2), "--out", out,
      "--prompts", "playground", "--max-tokens", "4",
    ]
    // Reasons that a random model writes have no verdict, and label leaves such pairs out.
    // So have letters of which it thinks next to nothing, unless any will do.
    let plain = Array(words.dropLast(2)) + ["--letter-mass", "0"]
    let letters = plain + ["--task", "token"]
    try RunningCommand(letters).result().expect(0)
    let whole = try String(contentsOfFile: out, encoding: .utf8)
    #expect(!whole.isEmpty)
    for (rest, text) in [
      (["--task", "token", "--weights", "int8"], "--weights plain, now int8"),
      (["--task", "token", "--dtype", "bf16"], "--dtype f32, now bf16"),
      (["--task", "token", "--seed", "4"], "--seed 0, now 4"),
      (["--votes", "6"], "--task token, now chain; --temperature not given, now 1.0"),
    ] {
      let result = try RunningCommand(plain + rest + ["--device", "cpu"]).result()
      result.expect(65, log: text, out, "choose another --out", "--force")
      #expect(result.log.split(separator: "\n").count == 1)
    }
    #expect(try String(contentsOfFile: out, encoding: .utf8) == whole)
    // The same settings, said otherwise, are no change.
    try RunningCommand(letters + ["--dtype", "f32", "--seed", "0", "--cache-mib", "64"])
      .result().expect(0)
    #expect(try String(contentsOfFile: out, encoding: .utf8) == whole)
  }

  @Test("another model behind the same name is noticed, another path to the same is none")
  func model() throws {
    let (path, data, out) = (try model(.judge), try pairs(2), folder.path("verdicts.jsonl"))
    let words = ["judge", "--data", data, "--out", out]
    try RunningCommand(words + ["--model", path]).result().expect(0)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("link"),
      withDestinationPath: path
    )
    try RunningCommand(words + ["--model", folder.path("link/.")]).result().expect(0)
    let other = try folder.model(.pair, "other", contextTokens: 512)
    try RunningCommand(words + ["--model", other]).result()
      .expect(65, log: "--model judge, now other")
    let weights = path + "/model.safetensors"
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1_000_000)],
      ofItemAtPath: weights
    )
    try RunningCommand(words + ["--model", path]).result()
      .expect(65, log: "the files of --model were other ones")
  }

  @Test("--force begins anew, and what an endpoint answered is not asked again")
  func force() throws {
    let server = try ChatServer { received, respond in
      respond(.completion(received.member("model") == "\"m\"" ? "[[A]]" : "[[B]]"))
    }
    let (data, out) = (try pairs(2), folder.path("verdicts.jsonl"))
    func words(_ model: String) -> [String] {
      [
        "judge", "--generator", "openai:\(server.base)", "--generator-model", model, "--data", data,
        "--out", out,
      ]
    }
    try RunningCommand(words("m")).result().expect(0)
    let whole = try String(contentsOfFile: out, encoding: .utf8)
    try RunningCommand(words("n")).result().expect(65, log: "--generator-model m, now n")
    try RunningCommand(words("m") + ["--max-tokens", "9"]).result()
      .expect(65, log: "--max-tokens 1024, now 9")
    #expect(server.received.count == 4)
    try RunningCommand(words("n") + ["--force"]).result().expect(0, log: "spent: 4 requests")
    #expect(try String(contentsOfFile: out, encoding: .utf8) != whole)
    // Now n's settings are those of the file.
    try RunningCommand(words("n")).result().expect(0, log: "spent: 0 requests")
    try RunningCommand(words("m") + ["--force"]).result()
      .expect(0, log: "spent: 0 requests", "4 taken from records")
    #expect(try String(contentsOfFile: out, encoding: .utf8) == whole)
  }

  @Test("records whose settings are lost are continued with a warning, damaged ones refused")
  func lost() throws {
    let (data, out) = (try pairs(2), folder.path("verdicts.jsonl"))
    let words = ["judge", "--model", try model(.judge), "--data", data, "--out", out]
    try RunningCommand(words).result().expect(0)
    let settings = out + ".settings.json"
    try FileManager.default.removeItem(atPath: settings)
    try RunningCommand(words).result().expect(0, log: "\(settings) is missing")
    // From here on they are known again.
    try RunningCommand(words + ["--seed", "1"]).result().expect(65, log: "--seed 0, now 1")
    try "{".write(toFile: settings, atomically: true, encoding: .utf8)
    try RunningCommand(words).result().expect(65, log: "does not tell which")
    try RunningCommand(words + ["--force"]).result().expect(0)
  }

  @Test("critique notices other draws, and another form of records")
  func critique() throws {
    let out = folder.path("critiques.jsonl")
    let words = ["critique", "--model", try model(.cloud), "--data", try pairs(2), "--out", out]
    try RunningCommand(words).result().expect(0)
    try RunningCommand(words + ["--temperature", "0.5"]).result()
      .expect(65, log: "--temperature 0.0, now 0.5")
    try RunningCommand(words + ["--as-pairs"]).result()
      .expect(65, log: "--as-pairs false, now true")
    try RunningCommand(words).result().expect(0)
  }
}
