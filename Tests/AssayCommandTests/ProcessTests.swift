import AssayTensor
import Foundation
import Testing

// Several processes that train together, as users start them.
@Suite(
  .serialized,
  .enabled(if: Binary.url != nil && ProcessGroup.isAvailable, "needs the binary, on Linux")
)
struct ProcessTests {
  let folder: WorkFolder
  let recipe: String

  init() throws {
    folder = try WorkFolder()
    // 22 texts in batches of 4: the last batch of an epoch has 2, fewer than three processes.
    let texts = (0..<22).map { "{\"text\": \"Anna has \($0) apples and eats \($0 % 7) of them.\"}" }
    let corpus = try folder.write(texts.joined(separator: "\n"), "corpus.jsonl")
    recipe = try folder.write(
      """
      method: pretrain
      corpus: \(corpus)
      compute: {device: cpu, checkpoint_steps: 10}
      base:
        vocabulary_size: 270
        batch_sequences: 4
        epochs: 10
        architecture: {hidden_size: 16, layers: 1, heads: 1, groups: 1, feed_forward_size: 32}
      """,
      "recipe.yaml"
    )
  }

  private func arguments(_ name: String, _ more: String...) -> [String] {
    ["train", recipe, "--out", folder.path(name), "--threads", "1"] + more
  }

  private func weights(_ name: String) throws -> [String: [Float]] {
    let url = folder.url.appendingPathComponent("\(name)/01-base/checkpoint/model.safetensors")
    let file = try SafetensorsFile(url)
    return try Dictionary(
      uniqueKeysWithValues: file.names.map { ($0, try file.tensor(named: $0).floats) }
    )
  }

  private func lines(_ name: String) -> [Substring] {
    let url = folder.url.appendingPathComponent("\(name)/01-base/metrics.jsonl")
    return ((try? String(contentsOf: url, encoding: .utf8)) ?? "").split(separator: "\n")
  }

  private func losses(_ name: String) throws -> [Double] {
    try lines(name).map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Double]
      return try #require(object?["loss"])
    }
  }

  private func expectSame(_ one: String, _ other: String, within bound: Float) throws {
    let (a, b) = (try weights(one), try weights(other))
    #expect(a.keys == b.keys && !a.isEmpty)
    for (name, values) in a {
      let other = try #require(b[name])
      let distance = zip(values, other).map { abs($0 - $1) }.max() ?? .infinity
      #expect(values.count == other.count && distance <= bound, "\(name): \(distance)")
    }
  }

  @Test("two and three processes train the model that one trains, and tell its losses")
  func same() throws {
    try RunningCommand(arguments("one")).result().expect(0)
    let alone = try losses("one")
    #expect(alone.count == 60)
    for count in [2, 3] {
      let name = "of-\(count)"
      try RunningCommand(arguments(name, "--processes", "\(count)")).result().expect(0)
      try expectSame("one", name, within: 1e-5)
      let together = try losses(name)
      #expect(together.count == alone.count)
      for (a, b) in zip(alone, together) { #expect(abs(a - b) < 1e-4) }
    }
  }

  @Test("processes that torchrun's variables name train together, and one leaves files")
  func variables() throws {
    try RunningCommand(arguments("one")).result().expect(0)
    let port = Int.random(in: 20_000..<30_000)
    let commands = try (0..<2).reversed().map { rank in
      try RunningCommand(
        arguments("named"),
        environment: [
          "RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
          "MASTER_PORT": "\(port)",
        ]
      )
    }
    for command in commands { try command.result().expect(0) }
    try expectSame("one", "named", within: 1e-5)
    try RunningCommand(
      arguments("refused"),
      environment: ["RANK": "5", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"]
    ).result().expect(65, log: "RANK is expected from 0 to 1")
  }

  @Test("where a process is killed the run ends with a word, and goes on to the same weights")
  func killed() throws {
    try RunningCommand(arguments("whole", "--processes", "2")).result().expect(0)
    for victim in [0, 1] {
      let name = "killed-\(victim)"
      let command = try RunningCommand(arguments(name, "--processes", "2"))
      while command.isRunning, lines(name).count < 15 { usleep(2000) }
      #expect(command.isRunning, "the run ended before its signal")
      let other = try #require(command.children().first)
      if victim == 0 {
        command.send(SIGKILL)
        #expect(try command.result().status == -SIGKILL)
        expectEnd(of: other)
      } else {
        kill(other, SIGKILL)
        try command.result().expect(69, log: "lost the others", "the same command goes on")
        #expect(lines(name).count >= 15)
      }
      try RunningCommand(arguments(name, "--processes", "2")).result().expect(0)
      try expectSame("whole", name, within: 0)
      #expect(lines(name).count == 60)
    }
  }

  // Rounding sums in another order moves first moments over the edge between two bfloat16 numbers.
  @Test(
    "processes that share moments train the model that one trains",
    arguments: [("full", 1e-5), ("factored", 1e-3)]
  )
  func sharingMoments(moments: String, bound: Float) throws {
    let setting = ["--set", "base.optimizer.moments=\(moments)"]
    try RunningCommand(arguments("one") + setting).result().expect(0)
    for count in [2, 3] {
      let name = "of-\(count)"
      let sharing = ["--processes", "\(count)", "--shard-moments"]
      try RunningCommand(arguments(name) + setting + sharing).result().expect(0)
      try expectSame("one", name, within: bound)
      for (a, b) in zip(try losses("one"), try losses(name)) {
        #expect(abs(a - b) < 10 * Double(bound))
      }
    }
    try RunningCommand(arguments("alone", "--shard-moments")).result()
      .expect(65, log: "--shard-moments is for several processes")
    try RunningCommand(["plan", recipe, "--shard-moments"]).result()
      .expect(64, log: "--shard-moments is for several processes")
  }

  @Test("moments that were shared go on to the same weights, in as many processes or in one")
  func resumingMoments() throws {
    let sharing = ["--processes", "2", "--shard-moments"]
    try RunningCommand(arguments("whole") + sharing).result().expect(0)
    // A signal leaves a checkpoint behind the step that all have taken.
    let stopped = try RunningCommand(arguments("stopped") + sharing)
    while stopped.isRunning, lines("stopped").count < 15 { usleep(2000) }
    stopped.send(SIGINT)
    #expect(try stopped.result().status == 130)
    let taken = lines("stopped").count
    #expect((15..<60).contains(taken))
    let mark = folder.url.appendingPathComponent("stopped/01-base/checkpoint/progress.json")
    #expect(try String(contentsOf: mark, encoding: .utf8).contains("\(taken)"))
    try FileManager.default.copyItem(
      atPath: folder.path("stopped"),
      toPath: folder.path("continued-by-one")
    )
    try RunningCommand(arguments("stopped") + sharing).result().expect(0)
    try expectSame("whole", "stopped", within: 0)
    try RunningCommand(arguments("continued-by-one")).result().expect(0)
    try expectSame("whole", "continued-by-one", within: 1e-5)
    // What one of them had in memory is gone: the last checkpoint counts.
    let killed = try RunningCommand(arguments("killed") + sharing)
    while killed.isRunning, lines("killed").count < 25 { usleep(2000) }
    kill(try #require(killed.children().first), SIGKILL)
    try killed.result().expect(69, log: "lost the others", "the same command goes on")
    let last = folder.url.appendingPathComponent("killed/01-base/checkpoint/progress.json")
    #expect(try String(contentsOf: last, encoding: .utf8).contains(/\b[1-5]0\b/))
    try RunningCommand(arguments("killed") + sharing).result().expect(0)
    try expectSame("whole", "killed", within: 0)
    #expect(lines("killed").count == 60)
  }

  /// A recipe whose judge writes and is evaluated, from the model that `arguments("base")` trains.
  private func judging(_ pairs: Int, tokens: Int) throws -> String {
    let rows = (0..<pairs).map {
      """
      {"id": "p\($0)", "prompt": "How many?", "chosen": "\($0) apples", "rejected": "\($0 % 7) pears"}
      """
    }
    let file = try folder.write(rows.joined(separator: "\n"), "pairs.jsonl")
    return try folder.write(
      """
      method: star-sft
      model: \(folder.path("base"))
      data: {train: \(file), suites: {mine: \(file)}}
      compute: {device: cpu}
      star:
        {prompts: playground, iterations: 1, samples: 2, judgement_tokens: \(tokens), verdicts: enforced}
      evaluation: {judgement_tokens: \(tokens), verdicts: enforced}
      """,
      "judging.yaml"
    )
  }

  private func records(_ name: String, _ stage: String) -> String {
    let url = folder.url.appendingPathComponent("\(name)/\(stage)/records.jsonl")
    return (try? String(contentsOf: url, encoding: .utf8)) ?? ""
  }

  @Test("texts and evaluations are shared by records: the same ones, each once, in their order")
  func shared() throws {
    try RunningCommand(arguments("base")).result().expect(0)
    let judging = try self.judging(23, tokens: 12)
    for (name, count) in [("alone", 1), ("two", 2), ("three", 3)] {
      try RunningCommand([
        "train", judging, "--out", folder.path(name), "--threads", "1", "--processes", "\(count)",
      ]).result().expect(0)
      let written = records(name, "01-judgements-1")
      #expect(written.split(separator: "\n").count == 23)
      #expect(written == records("alone", "01-judgements-1"), "\(name)")
      let evaluated = records(name, "03-evaluate")
      let ids = evaluated.split(separator: "\n").compactMap {
        $0.firstMatch(of: /"id":"(p\d+)"/).map { String($0.1) }
      }
      #expect(ids == (0..<23).map { "p\($0)" }, "\(name)")
      let left = try FileManager.default.contentsOfDirectory(
        atPath: folder.url.appendingPathComponent("\(name)/03-evaluate").path
      )
      #expect(!left.contains { $0.contains("tmp") })
    }
  }

  @Test(
    "where a process is killed while it writes texts, what is recorded stays and the rest follows"
  )
  func killedWriting() throws {
    try RunningCommand(self.arguments("base")).result().expect(0)
    let judging = try self.judging(300, tokens: 64)
    func command(_ name: String) -> [String] {
      ["train", judging, "--out", folder.path(name), "--threads", "1", "--processes", "2"]
    }
    try RunningCommand(command("whole")).result().expect(0)
    let running = try RunningCommand(command("killed"))
    while running.isRunning, records("killed", "01-judgements-1").isEmpty { usleep(1000) }
    kill(try #require(running.children().first), SIGKILL)
    try running.result().expect(69, log: "lost the others", "the same command goes on")
    let kept = records("killed", "01-judgements-1")
    #expect(
      !kept.isEmpty && !FileManager.default.fileExists(atPath: folder.path("killed/02-train-1"))
    )
    try RunningCommand(command("killed")).result().expect(0)
    #expect(records("killed", "01-judgements-1") == records("whole", "01-judgements-1"))
    #expect(records("killed", "01-judgements-1").hasPrefix(kept))

    // Killed between the last record and the mark that the stage is done: nobody has to be called.
    let done = folder.url.appendingPathComponent("killed/03-evaluate/done.json")
    try FileManager.default.removeItem(at: done)
    try RunningCommand(command("killed")).result().expect(0)
    #expect(FileManager.default.fileExists(atPath: done.path))
  }

  @Test("a terminal's interrupt, which all processes get, ends them as it ends one")
  func interruptedTogether() throws {
    try RunningCommand(self.arguments("base")).result().expect(0)
    let judging = try self.judging(300, tokens: 64)
    let command = try RunningCommand([
      "train", judging, "--out", folder.path("all"), "--threads", "1", "--processes", "2",
    ])
    while command.isRunning, records("all", "01-judgements-1").isEmpty { usleep(1000) }
    let other = try #require(command.children().first)
    kill(other, SIGINT)
    command.send(SIGINT)
    #expect(try command.result().status == 130)
    expectEnd(of: other)
  }

  @Test("where the first process is killed before the others met it, they end too")
  func killedEarly() throws {
    let command = try RunningCommand(arguments("early", "--processes", "2"))
    var other: pid_t?
    while command.isRunning, other == nil {
      other = try? command.children().first
      usleep(500)
    }
    command.send(SIGKILL)
    expectEnd(of: try #require(other))
  }

  @Test("where another process is killed before it met the first one, that ends with a word")
  func killedBeforeMeeting() throws {
    let command = try RunningCommand(arguments("left", "--processes", "3"))
    var others: [pid_t] = []
    while command.isRunning, others.count < 2 {
      others = (try? command.children()) ?? []
      usleep(500)
    }
    // It has hardly begun to load its libraries.
    kill(try #require(others.last), SIGKILL)
    try command.result().expect(69, log: "ended before they met", "the same command goes on")
    expectEnd(of: try #require(others.first))
  }

  @Test("a signal to the first process ends all, to go on later")
  func interrupted() throws {
    let command = try RunningCommand(arguments("stopped", "--processes", "2"))
    while command.isRunning, lines("stopped").count < 5 { usleep(2000) }
    let other = try #require(command.children().first)
    command.send(SIGINT)
    #expect(try command.result().status == 130)
    expectEnd(of: other)
  }

  /// Expects that a process that followed another ends soon after it.
  private func expectEnd(of process: pid_t) {
    for _ in 0..<2000 where kill(process, 0) == 0 { usleep(10_000) }
    #expect(kill(process, 0) != 0, "who followed it ends too")
  }
}

extension RunningCommand {
  /// The processes that it started.
  func children() throws -> [pid_t] {
    // Children belong to the thread that started them.
    let threads = "/proc/\(identifier)/task"
    return try FileManager.default.contentsOfDirectory(atPath: threads).flatMap { thread in
      (try? String(contentsOfFile: "\(threads)/\(thread)/children", encoding: .utf8))?
        .split(separator: " ").compactMap { pid_t($0) } ?? []
    }
  }
}
