import AssayBase
import AssayRun
import AssayTrain
import Foundation
import Synchronization
import Testing

@Suite struct RunEventFileTests {
  // RFC 3720, B.4: 32 bytes of zeros, of ones, and ascending; the check value of "123456789".
  @Test("CRC-32C agrees with the published values")
  func crc() {
    #expect(crc32C(Data(count: 32)) == 0x8a91_36aa)
    #expect(crc32C(Data(repeating: 0xff, count: 32)) == 0x62a8_ab43)
    #expect(crc32C(Data(0..<32)) == 0x46dd_794e)
    #expect(crc32C(Data("123456789".utf8)) == 0xe306_9283)
  }

  /// Bytes that TensorBoard 2.21's EventAccumulator read back, by Scripts/check_event_file.py.
  @Test("writes the bytes that TensorBoard was seen to read")
  func bytes() throws {
    let recorded =
      EventFile.version(time: 1_700_000_000)
      + EventFile.restart(step: 3, time: 1_700_000_001)
      + EventFile.event([("train/loss", 0.5), ("rate", 1e-5)], step: 300, time: 1_700_000_002.5)
    #expect(
      recorded.base64EncodedString() == """
        GAAAAAAAAACjf0siCQAAAED8VNlBGg1icmFpbi5FdmVudDoy7O2PnQ8AAAAAAAAAbVMrCQkAAEBA/FTZ\
        QRADOgIIAXlYtHsuAAAAAAAAAMXLV/oJAACgQPxU2UEQrAIqIAoRCgp0cmFpbi9sb3NzFQAAAD8KCwoE\
        cmF0ZRWsxSc3r5DLvw==
        """
    )
  }

  @Test("a file holds the records in order, and a restart where it resumes")
  func file() throws {
    let folder = try TemporaryFolder()
    let file = try EventFile(folder: folder.url, time: 12, resumingAt: 3)
    try file.add([("a", 1)], step: 3, time: 13)
    let name = try #require(
      FileManager.default.contentsOfDirectory(atPath: folder.url.path).first
    )
    #expect(name.hasPrefix("events.out.tfevents.0000000012.assay."))
    let expected =
      EventFile.version(time: 12) + EventFile.restart(step: 3, time: 12)
      + EventFile.event([("a", 1)], step: 3, time: 13)
    #expect(try Data(contentsOf: folder.url.appendingPathComponent(name)) == expected)
    if let copy = ProcessInfo.processInfo.environment["ASSAY_KEEP_EVENTS"] {
      try Self.sample(into: URL(fileURLWithPath: copy))
    }
  }

  /// Two files as an interrupted and resumed run leaves them, for Scripts/check_event_file.py.
  static func sample(into folder: URL) throws {
    let first = try EventFile(folder: folder, time: 1_700_000_000)
    for step in 1...5 {
      try first.add(
        [("train/loss", 1 / Double(step)), ("rate", 1e-5)],
        step: step,
        time: 1_700_000_001
      )
    }
    let second = try EventFile(folder: folder, time: 1_700_000_100, resumingAt: 4)
    for step in 4...6 {
      try second.add([("train/loss", 10 * Double(step))], step: step, time: 1_700_000_101)
    }
  }
}

@Suite struct RunMetricsTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  func stage() throws -> Stage {
    try RunFolder(folder.url.appendingPathComponent("run"))
      .stage("head", fingerprint: Fingerprint(recipe: ""))
  }

  @Test("lines of steps behind the checkpoint go when a run resumes")
  func resume() throws {
    do {
      let stage = try stage()
      let writer = try MetricsWriter(stage, resumingAt: 0, now: { 1 })
      for step in 1...5 {
        try writer.add(step: step, [Metric("train/loss", 1 / Double(step)), Metric("n", 2)])
      }
      try writer.synchronize()
      let text = try String(contentsOf: stage.file("metrics.jsonl"), encoding: .utf8)
      #expect(text.hasPrefix("{\"step\": 1, \"train/loss\": 1.0, \"n\": 2.0}\n{\"step\": 2, "))
    }
    let stage = try stage()
    let writer = try MetricsWriter(stage, resumingAt: 3, now: { 2 })
    #expect(try MetricsWriter.lines(of: stage).map(\.step) == [1, 2, 3])
    try writer.add(step: 4, [Metric("train/loss", 9)])
    let last = try MetricsWriter.lines(of: stage).last
    #expect(last?.step == 4)
    #expect(last?.metrics == [Metric("train/loss", 9)])
  }

  @Test("a figure that is no number stops the run and is not written")
  func nonFinite() throws {
    let stage = try stage()
    let writer = try MetricsWriter(stage, resumingAt: 0)
    #expect(throws: RunError.nonFiniteMetric(name: "loss", value: "nan", step: 2)) {
      try writer.add(step: 2, [Metric("loss", .nan)])
    }
    #expect(try MetricsWriter.lines(of: stage).isEmpty)
  }

  @Test("a damaged line of metrics is named")
  func damaged() throws {
    let stage = try stage()
    try Data("{\"step\": 1}\n{\"step\": 1.5}\n".utf8).write(to: stage.file("metrics.jsonl"))
    #expect(
      throws: FileError.malformedRecord(
        file: stage.file("metrics.jsonl").path,
        line: 2,
        reason: "this is no line of metrics"
      )
    ) { try MetricsWriter(stage, resumingAt: 9) }
  }
}

@Suite struct RunProgressTests {
  /// Collects what is written, with a clock that the test moves.
  final class Screen: Sendable {
    let text = Mutex("")
    let time = Mutex(0.0)

    func display(_ mode: ProgressDisplay.Mode) -> ProgressDisplay {
      ProgressDisplay(
        mode,
        now: { self.time.withLock { $0 } },
        write: { text in self.text.withLock { $0 += text } }
      )
    }

    func taken() -> String {
      text.withLock { text in
        defer { text = "" }
        return text
      }
    }
  }

  let snapshot = ProgressText.Snapshot(
    label: "2 head",
    done: 50,
    total: 100,
    metrics: [Metric("train/loss", 0.6931)],
    tokens: 123_400,
    seconds: 10,
    resumedAt: 0
  )

  @Test("the bar fits its columns and drops the bar before the figures")
  func bar() {
    #expect(
      ProgressText.bar(snapshot, columns: 90)
        == "2 head [==============>             ]  50% 50/100  loss 0.693  12.3k tokens/s  10.0 s left"
    )
    for columns in 10...100 {
      #expect(ProgressText.bar(snapshot, columns: columns).count <= columns)
    }
    #expect(ProgressText.bar(snapshot, columns: 60).hasPrefix("2 head  50% 50/100  loss 0.693"))
  }

  @Test("a line has the same figures")
  func line() {
    var done = snapshot
    #expect(
      ProgressText.line(done)
        == "2 head: 50/100 (50%)  loss 0.693  12.3k tokens/s  10.0 s left"
    )
    done.done = 100
    #expect(ProgressText.line(done).hasSuffix("12.3k tokens/s  10.0 s"))
    // 10 steps in 10 s since the resume: 50 to go need 50 s.
    var resumed = snapshot
    resumed.resumedAt = 40
    #expect(ProgressText.line(resumed).hasSuffix("50.0 s left"))
  }

  @Test(
    "durations",
    arguments: [(9.46, "9.5 s"), (60, "1:00"), (3599.6, "1:00:00"), (7384, "2:03:04")]
  )
  func durations(seconds: Double, expected: String) {
    #expect(ProgressText.duration(seconds) == expected)
  }

  @Test(
    "counts",
    arguments: [
      (0, "0"), (7, "7"), (950, "950"), (999.7, "1.00k"), (12_345, "12.3k"), (4_560_000, "4.56M"),
      (2e9, "2G"),
    ]
  )
  func counts(value: Double, expected: String) {
    #expect(ProgressText.count(value) == expected)
  }

  @Test(
    "figures",
    arguments: [
      (0.6931, "0.693"), (12.34, "12.3"), (123.4, "123"), (1.5e-5, "1.5e-05"), (0, "0"),
      (-4321, "-4.32k"),
    ]
  )
  func figures(value: Double, expected: String) {
    #expect(ProgressText.figure(value) == expected)
  }

  @Test("without a terminal, one line every 10 s and at the end")
  func lines() {
    let screen = Screen()
    let display = screen.display(.lines)
    display.handle(.stageStarted(name: "head", number: 2, total: 30, resumedAt: 0))
    #expect(screen.taken() == "stage 2 head\n")
    for step in 1...30 {
      screen.time.withLock { $0 = Double(step) }
      display.handle(.step(done: step, total: 30, metrics: [], tokens: 0))
    }
    let steps = screen.taken().split(separator: "\n").map { $0.split(separator: " ")[2] }
    #expect(steps == ["1/30", "11/30", "21/30", "30/30"])
    display.handle(.stageFinished(name: "head", number: 2, seconds: 30))
    #expect(screen.taken() == "stage 2 head: done in 30.0 s\n")
  }

  @Test("progress moves with tokens before anything is done, and tells the time left at the most")
  func tokens() {
    let screen = Screen()
    let display = screen.display(.lines)
    display.handle(.stageStarted(name: "judge", number: 1, total: 4, resumedAt: 0))
    _ = screen.taken()
    screen.time.withLock { $0 = 10 }
    // 100 tokens in 10 s: 900 take 90 s more.
    display.handle(.tokens(count: 100, left: 900))
    #expect(screen.taken() == "1 judge: 0/4 (0%)  10 tokens/s  at most 1:30 left\n")
    screen.time.withLock { $0 = 20 }
    // The 100 that were written are among the item's 200.
    display.handle(.step(done: 1, total: 4, metrics: [Metric("accuracy", 0.5)], tokens: 200))
    // Behind the first item, the items' own speed counts.
    #expect(screen.taken() == "1 judge: 1/4 (25%)  accuracy 0.500  10 tokens/s  1:00 left\n")
    screen.time.withLock { $0 = 30 }
    display.handle(.tokens(count: 200, left: 700))
    #expect(screen.taken() == "1 judge: 1/4 (25%)  accuracy 0.500  10 tokens/s  1:30 left\n")
  }

  @Test("what is left to write falls with every token where nobody tells it anew")
  func tokensLeft() {
    let screen = Screen()
    let display = screen.display(.lines)
    display.handle(.stageStarted(name: "critiques", number: 2, total: 4, resumedAt: 0))
    display.handle(.tokens(count: 0, left: 1000))
    _ = screen.taken()
    screen.time.withLock { $0 = 10 }
    display.handle(.tokens(count: 200, left: nil))
    // 20 tokens/s: the 800 that are left take 40 s.
    #expect(screen.taken() == "2 critiques: 0/4 (0%)  20 tokens/s  at most 40.0 s left\n")
  }

  @Test("on a terminal the bar overwrites itself and messages go below it")
  func terminal() {
    let screen = Screen()
    let display = screen.display(.bar(columns: 60))
    display.handle(.stageStarted(name: "head", number: 2, total: 3, resumedAt: 1))
    #expect(screen.taken() == "stage 2 head, resumed behind 1 of 3 steps\n")
    screen.time.withLock { $0 = 1 }
    display.handle(.step(done: 2, total: 3, metrics: [Metric("loss", 1)], tokens: 0))
    let first = screen.taken()
    #expect(first.hasPrefix("\r2 head ["))
    #expect(first.count < 61)
    display.handle(.warning("careful"))
    #expect(screen.taken() == "\nwarning: careful\n")
  }

  @Test("quiet shows warnings only")
  func quiet() {
    let screen = Screen()
    let display = screen.display(.quiet)
    display.handle(.stageSkipped(name: "a", number: 1))
    display.handle(.message("hello"))
    display.handle(.step(done: 1, total: 1, metrics: [], tokens: 1))
    #expect(screen.taken() == "")
    display.handle(.warning("careful"))
    #expect(screen.taken() == "warning: careful\n")
  }
}
