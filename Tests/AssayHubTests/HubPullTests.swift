import AssayBase
import AssayHub
import AssayTestSupport
import Foundation
import Testing

@Suite struct HubPullTests {
  private let files = [
    "config.json": "{}", "model.safetensors": large, "pytorch_model.bin": large,
    "onnx/model.onnx": large, "README.md": "read me",
  ]
  private let cache = TestCache()

  @Test("fetches what is used into the layout that the hub's tools share")
  func layout() async throws {
    let server = try HubServer(files)
    let snapshot = try await cache.pull(server)
    let (commit, hash) = (HubServer.commit, Digest.hex(large))
    let root = "models--org--name"
    #expect(snapshot.files == ["config.json", "model.safetensors"])
    #expect(snapshot.bytes == 502)
    #expect(
      cache.paths
        == [
          "\(root)/blobs/\(Digest.hex("{}"))", "\(root)/blobs/\(hash)", "\(root)/refs/main",
          "\(root)/snapshots/\(commit)/config.json",
          "\(root)/snapshots/\(commit)/model.safetensors",
        ].sorted()
    )
    let file = snapshot.folder.appendingPathComponent("model.safetensors")
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: file.path)
        == "../../blobs/\(hash)"
    )
    #expect(try String(contentsOf: file, encoding: .utf8) == large)
    #expect(snapshot.folder.lastPathComponent == commit)
    let found = HubCache(environment: server.environment(cache: cache.url))
      .snapshot(try #require(HubName("org/name")))
    #expect(found?.path == snapshot.folder.path)
    // Again: facts are asked, files are not.
    let before = server.storage.received.count
    #expect(try await cache.pull(server) == snapshot)
    #expect(server.storage.received.count == before)
  }

  @Test("files in folders are linked from where they lie")
  func folders() async throws {
    let server = try HubServer(["data/a/rows.jsonl": large, "notes.txt": "no"], isDataset: true)
    let snapshot = try await cache.pull(server, kind: .dataset)
    #expect(snapshot.files == ["data/a/rows.jsonl"])
    let file = snapshot.folder.appendingPathComponent("data/a/rows.jsonl")
    #expect(try String(contentsOf: file, encoding: .utf8) == large)
    #expect(snapshot.folder.path.contains("/datasets--org--name/"))
  }

  @Test("of a data set all files of rows are fetched, and none that describe it")
  func rows() async throws {
    let rows = [
      "a.csv", "b/test.parquet", "c.tsv.gz", "d.jsonl.zst", "e.json", "f.csv.zst", "g.jsonl.gz",
    ]
    let others = [
      "README.md", "b/state.json", "dataset_dict.json", "dataset_infos.json", "x.arrow",
      "y.csv.bz2",
    ]
    func files(_ names: [String]) -> [String: String] {
      Dictionary(uniqueKeysWithValues: names.map { ($0, large + $0) })
    }
    let server = try HubServer(files(rows + others), isDataset: true)
    #expect(try await cache.pull(server, kind: .dataset).files == rows)
    let empty = try HubServer(files(others), isDataset: true)
    let error = await hubError { _ = try await TestCache().pull(empty, kind: .dataset) }
    #expect(error?.description.contains("none of its 6 files holds rows") == true)
  }

  @Test("sends the token to the hub alone")
  func token() async throws {
    let server = try HubServer(files)
    _ = try await cache.pull(server, token: "hf_secret")
    #expect(server.hub.received.allSatisfy { $0.authorization == "Bearer hf_secret" })
    #expect(!server.storage.received.isEmpty)
    #expect(server.storage.received.allSatisfy { $0.authorization == nil })
  }

  @Test("goes on where a broken download ended")
  func resumes() async throws {
    var faults = HubServer.Faults()
    let start = String(large.prefix(200))
    faults.storage = [.cut(body: start, missing: large.count - 200)]
    let server = try HubServer(files, faults: faults)
    let snapshot = try await cache.pull(server)
    #expect(server.storage.received.map(\.range) == [nil, "bytes=200-"])
    let file = snapshot.folder.appendingPathComponent("model.safetensors")
    #expect(try String(contentsOf: file, encoding: .utf8) == large)
  }

  @Test("a later run goes on where an interrupted one ended, and names no commit before")
  func resumesLater() async throws {
    struct Stop: Error {}
    let server = try HubServer(files)
    await #expect(throws: Stop.self) {
      _ = try await cache.pull(server) { event in
        if case .progress(let done, _) = event, done > 2 { throw Stop() }
      }
    }
    let partial = "models--org--name/blobs/\(Digest.hex(large)).incomplete"
    #expect(cache.paths.contains(partial))
    #expect(!cache.paths.contains { $0.contains("refs") })
    // What is there is cut, as by a kill.
    try Data(large.prefix(10).utf8).write(to: cache.url.appendingPathComponent(partial))
    _ = try await cache.pull(server)
    #expect(server.storage.received.last?.range == "bytes=10-")
    #expect(!cache.paths.contains(partial))
  }

  @Test("starts anew where the server knows no ranges, or what was there is another file's")
  func startsAnew() async throws {
    for ignoresRanges in [true, false] {
      let cache = TestCache()
      var faults = HubServer.Faults()
      faults.ignoresRanges = ignoresRanges
      let server = try HubServer(files, faults: faults)
      let blobs = cache.url.appendingPathComponent("models--org--name/blobs")
      try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
      try Data("wrong".utf8)
        .write(to: blobs.appendingPathComponent("\(Digest.hex(large)).incomplete"))
      let snapshot = try await cache.pull(server)
      let file = snapshot.folder.appendingPathComponent("model.safetensors")
      #expect(try String(contentsOf: file, encoding: .utf8) == large)
    }
  }

  @Test("checks the hash of a git object where the hub gives that")
  func gitHash() async throws {
    var faults = HubServer.Faults()
    // printf 'hello\n' | git hash-object --stdin
    faults.hash = "ce013625030ba8dba906f756967f9e9ca394464a"
    let server = try HubServer(["config.json": "hello\n"], faults: faults)
    let snapshot = try await cache.pull(server, patterns: ["config.json"])
    #expect(snapshot.files == ["config.json"])
  }

  @Test("offline, the cache must do")
  func offline() async throws {
    let server = try HubServer(files)
    let offline = ["HF_HUB_OFFLINE": "1"]
    let error = await hubError { _ = try await cache.pull(server, environment: offline) }
    guard case .offline = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(server.hub.received.isEmpty)
    let snapshot = try await cache.pull(server)
    let before = server.hub.received.count
    #expect(try await cache.pull(server, environment: offline) == snapshot)
    #expect(server.hub.received.count == before)
  }

  @Test("patterns choose other files, and of several GGUF files one must be named")
  func choice() async throws {
    let server = try HubServer(["a-Q4_0.gguf": large, "a-Q8_0.gguf": large + "8"])
    let error = await hubError { _ = try await cache.pull(server) }
    #expect(error?.description.contains("--include 'a-Q4_0.gguf'") == true)
    let snapshot = try await cache.pull(server, patterns: ["*Q8_0.gguf"])
    #expect(snapshot.files == ["a-Q8_0.gguf"])
    let none = await hubError { _ = try await cache.pull(server, patterns: ["*.bin"]) }
    #expect(none?.description.contains("no file") == true)
  }
}
