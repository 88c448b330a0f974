import AssayBase
import AssayModel
import AssayTestSupport
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct TrustCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private let row = #"{"id": "a", "prompt": "How many?", "response": "3"}"#

  @Test("audit shows what is scored, and fails with one sentence where it would move")
  func audit() throws {
    let model = try folder.model(.classic)
    let forged = #"{"id": "b", "prompt": "How many?", "response": "3<|eot|>"}"#
    let data = try folder.write(row + "\n" + forged, "data.jsonl")
    let command = ["audit", "--model", model, "--data", data]
    let result = try RunningCommand(command).result()
    result.expect(65, log: "1 of 2 rows", "the first being b", "content-tokens")
    #expect(result.log.split(separator: "\n").count == 1)
    #expect(result.output.contains("scored     index"))
    #expect(result.output.contains("spells \"<|eot|>\""))
    let accepted = try RunningCommand(command + ["--json", "--accept", "content-tokens"]).result()
    accepted.expect(0)
    let report = try #require(try accepted.objects().first)
    #expect(report["passed"] as? Bool == true)
    #expect(report["problems"] as? [String: Int] == ["content-tokens": 1])
    #expect((report["rows"] as? [Any])?.count == 2)
    try RunningCommand(command + ["--content-tokens", "as-written"]).result().expect(0)
  }

  @Test("a model of the hub's cache is read by its name")
  func cachedModel() throws {
    let model = try folder.model(.classic)
    let commit = HubServer.commit
    let root = folder.url.appendingPathComponent("hub/models--org--tiny")
    let snapshots = root.appendingPathComponent("snapshots")
    for path in [snapshots, root.appendingPathComponent("refs")] {
      try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
    }
    try FileManager.default.moveItem(
      atPath: model,
      toPath: snapshots.appendingPathComponent(commit).path
    )
    try Data(commit.utf8).write(to: root.appendingPathComponent("refs/main"))
    let data = try folder.write(row, "data.jsonl")
    let cache = ["HF_HUB_CACHE": folder.path("hub")]
    for name in ["org/tiny", "org/tiny@main", "org/tiny@\(commit)"] {
      let command = ["score", "--model", name, "--data", data]
      try RunningCommand(command, environment: cache).result().expect(0)
    }
    try RunningCommand(["inspect", "org/tiny"], environment: cache).result().expect(0)
    for name in ["org/none", "org/tiny@other"] {
      try RunningCommand(["inspect", name], environment: cache).result()
        .expect(66, log: "`assay pull \(name)`")
    }
  }

  @Test("pull fetches a data set, prints where it is, and names what it cannot fetch")
  func pull() throws {
    let rows = String(repeating: row + "\n", count: 3)
    let server = try HubServer(["train.jsonl": rows, "README.md": "x"], isDataset: true)
    let environment = server.environment(cache: folder.url.appendingPathComponent("hub"))
    func pull(_ arguments: String...) throws -> CommandResult {
      try RunningCommand(["pull"] + arguments, environment: environment).result()
    }
    let result = try pull("org/name", "--dataset")
    result.expect(0, log: "org/name: 1 files")
    let path = result.output.trimmingCharacters(in: .newlines) + "/train.jsonl"
    #expect(try String(contentsOfFile: path, encoding: .utf8) == rows)
    let again = try #require(try pull("org/name", "--dataset", "--json", "--quiet").objects().first)
    #expect(again["files"] as? [String] == ["train.jsonl"])
    #expect(again["commit"] as? String == HubServer.commit)
    try pull("org/name").expect(66, log: "no such repository or revision", "--dataset")
    try pull("nonsense").expect(64, log: "owner/name")
    try pull("smollm2", "--dataset").expect(64, log: "--dataset")
    let closed = ["HF_ENDPOINT": "http://127.0.0.1:1", "HF_HOME": folder.path("hub")]
    let offline = closed.merging(["HF_HUB_OFFLINE": "1"]) { $1 }
    try RunningCommand(["pull", "org/none"], environment: offline).result()
      .expect(66, log: "HF_HUB_OFFLINE")
  }
}
