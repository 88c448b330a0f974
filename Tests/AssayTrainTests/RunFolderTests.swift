import AssayBase
import AssayRun
import AssayText
import AssayTrain
import Foundation
import Testing

/// A folder that goes with the test.
final class TemporaryFolder: Sendable {
  let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("assay-\(UUID().uuidString)")
  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(at: url) }

  func append(_ text: String, to name: String) throws {
    let file = url.appendingPathComponent(name)
    var data = (try? Data(contentsOf: file)) ?? Data()
    data.append(Data(text.utf8))
    try data.write(to: file)
  }
}

@Suite struct RunHashTests {
  // FIPS 180-4 examples; the third is 56 bytes long, so that padding needs a second block.
  @Test(
    "hashes the standard's examples",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ]
  )
  func standardExamples(text: String, expected: String) {
    #expect(Digest.hex(text) == expected)
  }

  @Test("hashes pieces as it hashes the whole")
  func pieces() {
    var hash = Digest()
    for _ in 0..<1000 { hash.update("a".utf8) }
    #expect(hash.finalized() == Digest.hex(String(repeating: "a", count: 1000)))
  }

  @Test("a folder's fingerprint changes with a file's content and name")
  func folder() throws {
    let folder = try TemporaryFolder()
    try folder.append("one", to: "a.json")
    let first = try Digest.fingerprint(of: folder.url)
    try folder.append("x", to: ".hidden")
    #expect(try Digest.fingerprint(of: folder.url) == first)
    try folder.append("!", to: "a.json")
    let second = try Digest.fingerprint(of: folder.url)
    #expect(first != second)
    try FileManager.default.moveItem(
      at: folder.url.appendingPathComponent("a.json"),
      to: folder.url.appendingPathComponent("b.json")
    )
    #expect(try Digest.fingerprint(of: folder.url) != second)
    #expect(throws: FileError.self) {
      try Digest.fingerprint(of: folder.url.appendingPathComponent("absent"))
    }
  }

  @Test("a sampled file's fingerprint sees its size, its start and its end")
  func sampled() throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("weights")
    var data = Data(count: 20 << 20)
    func hash() throws -> String {
      try data.write(to: file)
      return try Digest.fingerprint(of: file, sampleAbove: 1 << 20)
    }
    var hashes = Set([try hash()])
    data[0] = 1
    hashes.insert(try hash())
    data[data.count - 1] = 1
    hashes.insert(try hash())
    data.append(0)
    hashes.insert(try hash())
    #expect(hashes.count == 4)
  }
}

@Suite struct RunFolderTests {
  struct Record: Codable, Equatable, Sendable {
    var id: Int
    var text: String
  }

  let folder: TemporaryFolder
  var url: URL { folder.url.appendingPathComponent("run") }
  init() throws { folder = try TemporaryFolder() }

  @Test("a second process is refused, and the lock goes with the folder")
  func lock() throws {
    var run: RunFolder? = try RunFolder(url)
    // flock belongs to the open file, so a second opening in this process is refused alike.
    #expect(throws: RunError.folderInUse(path: url.path, process: Int(getpid()))) {
      try RunFolder(url)
    }
    _ = run
    run = nil
    _ = try RunFolder(url)
  }

  @Test("a stage is done after finish, and gives its result back")
  func finish() throws {
    let fingerprint = Fingerprint(recipe: "steps: 3\n", inputs: ["data": "1"])
    do {
      let run = try RunFolder(url)
      let stage = try run.stage("critiques", fingerprint: fingerprint)
      #expect(!stage.isDone)
      #expect(try stage.result(as: [String: Int].self) == nil)
      #expect(stage.url.lastPathComponent == "01-critiques")
      try stage.finish(["kept": 5], seconds: 1.5)
    }
    let run = try RunFolder(url)
    let stage = try run.stage("critiques", fingerprint: fingerprint)
    #expect(stage.isDone)
    #expect(try stage.result(as: [String: Int].self) == ["kept": 5])
    #expect(throws: FileError.self) { try stage.result(as: [Int].self) }
    let recipe = try String(contentsOf: stage.file("recipe.yaml"), encoding: .utf8)
    #expect(recipe == "steps: 3\n")
  }

  @Test("a changed input is refused with what changed")
  func changed() throws {
    _ = try RunFolder(url).stage(
      "head",
      fingerprint: Fingerprint(
        recipe: "optimizer:\n  rate: 0.1\n",
        inputs: ["seed": "1", "old": "x"]
      )
    )
    let run = try RunFolder(url)
    let changes = [
      "recipe: optimizer.rate: 0.1 -> 0.2", "input old: removed", "input seed: 1 -> 2",
    ]
    #expect(throws: RunError.stageChanged(folder: url.path, stage: "head", changes: changes)) {
      try run.stage(
        "head",
        fingerprint: Fingerprint(recipe: "optimizer:\n  rate: 0.2\n", inputs: ["seed": "2"])
      )
    }
  }

  @Test("restarting from a stage moves it and those behind it aside")
  func restart() throws {
    func stages(_ run: RunFolder, rate: String) throws -> [Bool] {
      try ["data", "critiques", "head"].enumerated().map { index, name in
        let fingerprint = Fingerprint(recipe: index == 0 ? "" : "rate: \(rate)\n")
        let stage = try run.stage(name, fingerprint: fingerprint)
        let wasDone = stage.isDone
        try stage.finish(index, seconds: 0)
        return wasDone
      }
    }
    #expect(try stages(RunFolder(url), rate: "1") == [false, false, false])
    #expect(try stages(RunFolder(url), rate: "1") == [true, true, true])
    #expect(throws: RunError.self) { try stages(RunFolder(url), rate: "2") }
    let again = try stages(RunFolder(url, restartingFrom: "critiques"), rate: "2")
    #expect(again == [true, false, false])
    let discarded = try FileManager.default.contentsOfDirectory(
      atPath: url.appendingPathComponent("discarded").path
    )
    #expect(discarded.sorted() == ["02-critiques.1", "03-head.1"])
    #expect(
      throws: RunError.unknownStage(
        folder: url.path,
        stage: "heads",
        known: ["data", "critiques", "head"]
      )
    ) { try RunFolder(url, restartingFrom: "heads") }
  }

  @Test("another recipe's stage at the same place is refused")
  func moved() throws {
    let fingerprint = Fingerprint(recipe: "")
    _ = try RunFolder(url).stage("data", fingerprint: fingerprint)
    #expect(
      throws: RunError.stageMoved(folder: url.path, actual: "01-data", expected: "01-corpus")
    ) { try RunFolder(url).stage("corpus", fingerprint: fingerprint) }
  }

  @Test("a record cut at any byte is dropped, and appending goes on behind the whole ones")
  func cutRecord() throws {
    let file = folder.url.appendingPathComponent("records.jsonl")
    let records = [Record(id: 1, text: "a\nb"), Record(id: 2, text: "\u{4e2d}")]
    try RecordLog<Record>(file).append(contentsOf: records)
    let whole = try Data(contentsOf: file)
    let firstLine = try #require(whole.firstIndex(of: 0x0a)) + 1
    for length in firstLine..<whole.count {
      try whole.prefix(length).write(to: file)
      let log = try RecordLog<Record>(file)
      #expect(try log.records() == [records[0]])
      try log.append(records[1])
      #expect(try log.records() == records)
      #expect(try Data(contentsOf: file) == whole)
    }
  }

  @Test("records go where nothing is kept as well")
  func nowhere() throws {
    let nowhere = URL(fileURLWithPath: "/dev/null")
    let log = try RecordLog<Record>(nowhere)
    try log.append(Record(id: 1, text: "a"))
    try log.synchronize()
    #expect(try RecordLog<Record>(nowhere).records().isEmpty)
  }

  @Test("reads records longer than its blocks, and names a damaged line")
  func longRecords() throws {
    let file = folder.url.appendingPathComponent("records.jsonl")
    let log = try RecordLog<Record>(file)
    let records = (0..<5).map {
      Record(id: $0, text: String(repeating: "x", count: $0 * 150_000))
    }
    for record in records { try log.append(record) }
    try log.synchronize()
    #expect(try RecordLog<Record>(file).records() == records)
    try folder.append("{\"id\": 1}\n", to: "records.jsonl")
    #expect(
      throws: FileError.malformedRecord(
        file: file.path,
        line: 6,
        reason: "this is not a record of this stage"
      )
    ) { try RecordLog<Record>(file).records() }
  }

  @Test("a checkpoint replaces its predecessor only when it is complete")
  func checkpoint() throws {
    struct Failure: Error {}
    let run = try RunFolder(url)
    let stage = try run.stage("head", fingerprint: Fingerprint(recipe: ""))
    #expect(try stage.checkpointedStep() == 0)
    func publish(_ step: Int, failing: Bool = false) throws {
      try stage.publishCheckpoint(step: step) { folder in
        let inner = folder.appendingPathComponent("inner")
        try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
        try Data("\(step)".utf8).write(to: inner.appendingPathComponent("weights"))
        if failing { throw Failure() }
      }
    }
    try publish(10)
    #expect(throws: Failure.self) { try publish(20, failing: true) }
    #expect(try stage.checkpointedStep() == 10)
    try publish(30)
    #expect(try stage.checkpointedStep() == 30)
    let weights = try #require(stage.checkpoint).appendingPathComponent("inner/weights")
    #expect(try Data(contentsOf: weights) == Data("30".utf8))
    #expect(RunFolder.lastCheckpoint(in: url) == nil)
    try stage.finish(true, seconds: 0)
    #expect(RunFolder.lastCheckpoint(in: url)?.path == stage.checkpoint?.path)
  }

  @Test("after a kill between setting aside and replacing, the old checkpoint is back")
  func checkpointLeftovers() throws {
    do {
      let stage = try RunFolder(url).stage("head", fingerprint: Fingerprint(recipe: ""))
      try stage.publishCheckpoint(step: 7) { _ in }
      let checkpoint = try #require(stage.checkpoint)
      let manager = FileManager.default
      try manager.copyItem(at: checkpoint, to: stage.file("checkpoint.tmp-99"))
      try manager.moveItem(at: checkpoint, to: stage.file("checkpoint.old-99"))
      try Data().write(to: url.appendingPathComponent(".recipe.yaml.tmp-99"))
    }
    let stage = try RunFolder(url).stage("head", fingerprint: Fingerprint(recipe: ""))
    #expect(try stage.checkpointedStep() == 7)
    let names = try FileManager.default.contentsOfDirectory(atPath: stage.url.path).sorted()
    #expect(names == ["checkpoint", "inputs.json", "recipe.yaml"])
    let own = try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
    #expect(own == [".lock", "01-head"])
  }

  @Test("stages are in the order of their numbers, also behind the 99th")
  func manyStages() throws {
    let folder = try TemporaryFolder()
    let names = ["11-train-6", "98-train-49", "99-judge-50", "100-train-50"]
    for name in names {
      let stage = folder.url.appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: stage.appendingPathComponent("checkpoint"),
        withIntermediateDirectories: true
      )
      try Data("{}".utf8).write(to: stage.appendingPathComponent("done.json"))
    }
    let last = folder.url.appendingPathComponent("100-train-50/checkpoint")
    #expect(RunFolder.lastCheckpoint(in: folder.url)?.path == last.path)
    #expect(try RunFolder(folder.url).stageFolders() == names)
  }
}

@Suite struct RunInterruptionTests {
  // In a process of its own: every loop of this one polls the same flag.
  @Test("a signal is noted and becomes its exit code")
  func note() async {
    await #expect(processExitsWith: .success) {
      Interruption.install()
      try Interruption.check()
      // To the process, not to this thread: worker threads of dispatch block signals.
      kill(getpid(), SIGTERM)
      for _ in 0..<5000 where Interruption.signal == nil { usleep(1000) }
      #expect(Interruption.signal == SIGTERM)
      #expect(throws: Interrupted(signal: SIGTERM)) { try Interruption.check() }
      Interruption.install([])
      #expect(Interruption.signal == nil)
    }
    #expect(Interrupted(signal: SIGINT).exitCode == 130)
    #expect(Interrupted(signal: SIGTERM).exitCode == 143)
  }
}
