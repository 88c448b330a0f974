import AssayModel
import AssayTestSupport
import Foundation
import Testing

// Each run trains long enough for a signal to come in the middle, on a model small enough for two
// such runs to take a few seconds.
@Suite(.serialized, .enabled(if: Binary.url != nil, Binary.missing)) struct InterruptionTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private func recipe() throws -> String {
    let texts = (0..<40).map { "{\"text\": \"Anna has \($0) apples and eats \($0 % 7) of them.\"}" }
    let corpus = try folder.write(texts.joined(separator: "\n"), "corpus.jsonl")
    return try folder.write(
      """
      method: pretrain
      corpus: \(corpus)
      compute: {device: cpu, checkpoint_steps: 20}
      base:
        vocabulary_size: 270
        batch_sequences: 4
        epochs: 40
        architecture: {hidden_size: 16, layers: 1, heads: 1, groups: 1, feed_forward_size: 32}
      """,
      "recipe.yaml"
    )
  }

  private func arguments(_ recipe: String, _ name: String) -> [String] {
    ["train", recipe, "--out", folder.path(name), "--threads", "1"]
  }

  private func weights(_ name: String) throws -> Data {
    try Data(
      contentsOf: folder.url.appendingPathComponent("\(name)/01-base/checkpoint/model.safetensors")
    )
  }

  private func lineCount(_ name: String) -> Int {
    let url = folder.url.appendingPathComponent("\(name)/01-base/metrics.jsonl")
    return (try? Data(contentsOf: url))?.count { $0 == 0x0a } ?? 0
  }

  /// Starts a run, and sends it a signal once a number of its steps are done.
  private func interrupt(
    _ recipe: String,
    _ name: String,
    with signal: Int32,
    after steps: Int
  ) throws -> CommandResult {
    let command = try RunningCommand(arguments(recipe, name))
    while command.isRunning, lineCount(name) < steps { usleep(2000) }
    #expect(command.isRunning, "the run ended before its signal")
    command.send(signal)
    return try command.result()
  }

  @Test(
    "SIGINT and SIGTERM end a run with 130 and 143, SIGKILL at any point, and it goes on to the same weights"
  )
  func signals() throws {
    let recipe = try recipe()
    try RunningCommand(arguments(recipe, "whole")).result().expect(0)
    let whole = try weights("whole")
    for (signal, status, steps) in [(SIGINT, 130, 25), (SIGTERM, 143, 5), (SIGKILL, -SIGKILL, 50)] {
      let name = "run-\(signal)"
      let result = try interrupt(recipe, name, with: signal, after: steps)
      #expect(result.status == status)
      #expect(result.output.isEmpty)
      if signal != SIGKILL { #expect(result.log.contains("run the same command again")) }
      let done = folder.url.appendingPathComponent("\(name)/01-base/done.json")
      #expect(!FileManager.default.fileExists(atPath: done.path))

      try RunningCommand(arguments(recipe, name)).result().expect(0)
      #expect(try weights(name) == whole, "after signal \(signal)")
      #expect(lineCount(name) == 400)
    }
  }

  @Test("texts that are finished before the first ones are kept, and not written again", .kernels)
  func finishedTexts() throws {
    let (classic, policy) = (
      try folder.model(.classic, "classic"), try folder.model(.languageModel, "policy")
    )
    let questions = try folder.write(
      (0..<200).map { "{\"id\": \"\($0)\", \"question\": \"\($0)?\", \"answer\": \"#### 3\"}" }
        .joined(separator: "\n"),
      "questions.jsonl"
    )
    func words(_ name: String) -> [String] {
      [
        "bon", "--model", classic, "--policy", policy, "--data", questions, "--answers", "gsm8k",
        "--samples", "4", "--temperature", "1", "--max-tokens", "48", "--threads", "1", "--out",
        folder.path(name),
      ]
    }
    try RunningCommand(words("whole")).result().expect(0)
    let command = try RunningCommand(words("cut"))
    while command.isRunning, lines("cut/responses.texts.jsonl") < 3 { usleep(2000) }
    #expect(command.isRunning, "the run ended before its signal")
    command.send(SIGINT)
    try command.result().expect(130)
    #expect(lines("cut/responses.texts.jsonl") >= 3)
    try RunningCommand(words("cut")).result().expect(0)
    #expect(lines("cut/responses.texts.jsonl") == 0)
    for stage in ["01-responses", "02-scores"] {
      let records = ["whole", "cut"].map {
        try? Data(contentsOf: folder.url.appendingPathComponent("\($0)/\(stage)/records.jsonl"))
      }
      #expect(records[0] != nil && records[0] == records[1], "\(stage)")
    }
  }

  private func lines(_ name: String) -> Int {
    (try? Data(contentsOf: folder.url.appendingPathComponent(name)))?.count { $0 == 0x0a } ?? 0
  }

  /// The words of a command that writes many texts to a file.
  private func writing(_ command: String, to name: String) throws -> [String] {
    let rows = (0..<200).map { "\"id\": \"\($0)\", \"prompt\": \"\($0)?\"" }
    let data: [String]
    switch command {
    case "generate":
      data = rows.map { "{\($0)}" }
    case "score":
      data = rows.map { "{\($0), \"response\": \"3\"}" }
    default:
      data = rows.map { "{\($0), \"chosen\": \"3\", \"rejected\": \"4\"}" }
    }
    let file = try folder.write(data.joined(separator: "\n"), "\(command).jsonl")
    let kind: ModelKind = command == "generate" ? .languageModel : .cloud
    let model = try folder.model(kind, kind.rawValue)
    return [command, "--model", model]
      + (command == "eval" ? ["--benchmark", "pairs=\(file)"] : ["--data", file]) + [
        "--samples", "4", "--temperature", "1", "--max-tokens", "40", "--threads", "1",
        "--batch-invariant", "--out",
        folder.path(name),
      ]
  }

  @Test(
    "commands keep what is finished behind a text that is not, whatever ends them",
    .kernels,
    arguments: [
      ("generate", "", ""), ("score", "", ""), ("eval", "/scores-pairs", "/scores-pairs.jsonl"),
    ]
  )
  func written(_ command: String, _ texts: String, _ records: String) throws {
    try RunningCommand(try writing(command, to: "whole")).result().expect(0)
    let words = try writing(command, to: "cut")
    let kept = "cut\(texts).texts.jsonl"
    let running = try RunningCommand(words)
    while running.isRunning, lines(kept) < 3 { usleep(2000) }
    #expect(running.isRunning, "the run ended before its signal")
    running.send(SIGKILL)
    #expect(try running.result().status == -SIGKILL)
    // A text that is there is taken as it is, so that it is seen in the records: it is not written again.
    let file = folder.url.appendingPathComponent(kept)
    var found = try Data(contentsOf: file).split(separator: 0x0a)
    var line = try #require(
      try JSONSerialization.jsonObject(with: found[0]) as? [String: Any]
    )
    var text = try #require(line["text"] as? [String: Any])
    text["text"] = "kept as it was"
    line["text"] = text
    found[0] = try JSONSerialization.data(withJSONObject: line)
    try (Data(found.joined(separator: [0x0a])) + [0x0a]).write(to: file)
    try RunningCommand(words).result().expect(0)
    #expect(!FileManager.default.fileExists(atPath: file.path))
    let made = try ["whole", "cut"].map { name in
      try String(contentsOfFile: folder.path(name + records), encoding: .utf8)
        .split(separator: "\n")
    }
    #expect(made[0].count == made[1].count)
    let changed = zip(made[0], made[1]).filter { $0 != $1 }
    #expect(changed.count == 1 && changed[0].1.contains("kept as it was"))
  }

  @Test("a run folder in use is refused, and named with its process")
  func inUse() throws {
    let recipe = try recipe()
    let command = try RunningCommand(arguments(recipe, "run"))
    while command.isRunning, lineCount("run") < 5 { usleep(2000) }
    // It stands still meanwhile, so that it cannot end before the second one looks.
    command.send(SIGSTOP)
    let second = try RunningCommand(arguments(recipe, "run")).result()
    second.expect(65, log: "is in use by process")
    command.send(SIGINT)
    command.send(SIGCONT)
    #expect(try command.result().status == 130)
  }
}
