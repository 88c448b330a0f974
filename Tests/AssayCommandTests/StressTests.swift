import AssayModel
import AssayTestSupport
import Foundation
import Testing

/// The command line under stress: streams that are full or closed, signals, numbers without bounds.
@Suite(.serialized, .enabled(if: Binary.url != nil, Binary.missing)) struct StressTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  /// Runs the binary by a shell, which redirects its streams.
  private func redirected(_ arguments: [String], _ redirection: String) throws -> CommandResult {
    let words = [Binary.url?.path ?? ""] + arguments
    let line = words.map { "'\($0)'" }.joined(separator: " ") + " " + redirection
    return try RunningCommand(
      ["-c", line],
      executable: URL(fileURLWithPath: "/bin/sh")
    ).result()
  }

  private func responses(_ count: Int) throws -> String {
    let rows = (0..<count).map { #"{"prompt": "How many?", "response": "\#($0)"}"# }
    return try folder.write(rows.joined(separator: "\n") + "\n", "responses.jsonl")
  }

  @Test("results that standard output does not take end with 74", arguments: [">/dev/full", ">&-"])
  func fullOutput(_ redirection: String) throws {
    let (model, language) = (
      try folder.model(.classic), try folder.model(.languageModel, "language")
    )
    let strings = try folder.write("\"a\"\n", "strings.jsonl")
    let prompts = try folder.write(#"{"prompt": "a"}"#, "prompts.jsonl")
    for words in [
      ["score", "--model", model, "--data", try responses(2)],
      ["tokenize", "--model", model, "--data", strings],
      ["generate", "--model", language, "--data", prompts, "--max-tokens", "2"],
      ["inspect", model], ["--version"], ["help", "score"], ["train", "--help"],
    ] {
      try redirected(words, redirection).expect(74, log: "Standard output cannot be written")
    }
  }

  @Test("a closed standard error is no error")
  func closedLog() throws {
    let model = try folder.model(.classic)
    let result = try redirected(["score", "--model", model, "--data", try responses(3)], "2>&-")
    #expect(result.status == 0)
    #expect(try result.objects().count == 3)
  }

  @Test("records are not read from what is no file")
  func device() throws {
    let model = try folder.model(.cloud)
    let words = ["critique", "--model", model, "--data", try responses(2), "--responses"]
    let result = try RunningCommand(words + ["--out", "/dev/full"]).result()
    result.expect(73, log: "/dev/full")
  }

  @Test(
    "numbers with which no run could end are wrong use",
    arguments: [
      ["generate", "--model", "m", "--data", "d", "--max-tokens", "9223372036854775807"],
      ["generate", "--model", "m", "--data", "d", "--threads", "1000000"],
      ["generate", "--model", "m", "--data", "d", "--temperature", "nan"],
      ["generate", "--model", "m", "--data", "d", "--temperature", "inf"],
      ["generate", "--model", "m", "--data", "d", "--samples", "0"],
      ["judge", "--model", "m", "--data", "d", "--votes", "1000000000000"],
      ["judge", "--model", "m", "--data", "d", "--max-tokens", "1000000000000"],
      ["score", "--model", "m", "--data", "d", "--cache-mib", "9223372036854775807"],
      ["bench", "generate", "--samples", "1000000000000"],
      ["playground", "--out", "p", "--train", "1000000000000"],
      ["compare", "spec.yaml", "--jobs", "1000000"],
    ]
  )
  func numbers(_ words: [String]) throws {
    let result = try RunningCommand(words, folder: folder).result()
    result.expect(64, log: words[words.count - 2])
    #expect(result.log.split(separator: "\n").count < 8)
  }

  // Two seconds on a machine of one's own; all tokens would take more than a minute.
  @Test("a signal ends the work in the middle of a text", arguments: [SIGINT, SIGTERM])
  func signals(_ signal: Int32) throws {
    let path = folder.path("endless")
    try TinyModels.make(.languageModel, contextTokens: 120_000, isEndless: true)
      .save(to: URL(fileURLWithPath: path))
    let prompts = try folder.write(#"{"prompt": "How many?"}"#, "prompts.jsonl")
    let command = try RunningCommand([
      "generate", "--model", path, "--data", prompts, "--max-tokens", "100000", "--threads", "1",
    ])
    while command.isRunning, !command.logSoFar.contains("stage 1 generate") { usleep(5000) }
    usleep(300_000)
    #expect(command.isRunning, "it ended before its signal")
    command.send(signal)
    let start = Date()
    let result = try command.result()
    #expect(Date().timeIntervalSince(start) < 15)
    result.expect(128 + signal, log: "run the same command again")
  }

  // Attention over so many tokens takes one pass of many seconds.
  @Test("a signal ends a command in the middle of a pass")
  func signalInPass() throws {
    let model = try folder.model(.classic, contextTokens: 120_000)
    let long = String(repeating: "a b c d ", count: 14_000)
    let data = try folder.write("{\"prompt\": \"hi\", \"response\": \"\(long)\"}\n", "long.jsonl")
    let words = ["score", "--model", model, "--data", data, "--threads", "1"]
    let command = try RunningCommand(words)
    while command.isRunning, !command.logSoFar.contains("stage 1 score") { usleep(5000) }
    usleep(500_000)
    #expect(command.isRunning, "it ended before its signal")
    command.send(SIGTERM)
    let start = Date()
    try command.result().expect(143, log: "stopping", "run the same command again")
    #expect(Date().timeIntervalSince(start) < 4)
  }

  @Test("bon and refine name the type that changed, and continue nothing")
  func dtype() throws {
    let model = try folder.model(.cloud, contextTokens: 512)
    let rows = (0..<3).map { row in
      #"{"id": "\#(row)", "prompt": "how many?", "responses": ["one", "4\#(row)"], "right": [true, false]}"#
    }
    let file = try folder.write(rows.joined(separator: "\n") + "\n", "candidates.jsonl")
    let bon = ["bon", "--model", model, "--candidates", file, "--out", folder.path("bon")]
    try RunningCommand(bon).result().expect(0)
    try RunningCommand(bon + ["--dtype", "bf16", "--device", "cpu"]).result()
      .expect(65, log: "dtype", "f32", "bf16")
    let policy = try folder.model(.languageModel, "policy", contextTokens: 512)
    let questions = try folder.write(#"{"question": "1+1?", "answer": "2"}"# + "\n", "q.jsonl")
    let refine = [
      "refine", "--model", model, "--policy", policy, "--data", questions, "--out",
      folder.path("refine"), "--answers", "gsm8k", "--max-tokens", "4", "--critique-tokens", "4",
    ]
    try RunningCommand(refine).result().expect(0)
    try RunningCommand(refine + ["--dtype", "bf16", "--device", "cpu"]).result()
      .expect(65, log: "dtype", "f32", "bf16")
  }

  @Test("a misspelt option or command is named, with the one that was meant")
  func misspelt() throws {
    try assay("score", "--modle", "R").expect(64, log: "'--modle'", "'--model'")
    try assay("help", "nothing").expect(64, log: "no command 'nothing'")
    try assay("help", "scor").expect(64, log: "'score'")
    try assay("help", "bench", "train").expect(0)
    try assay("score", "--model", "R").expect(64, log: "--data")
  }

  @Test("numbers of a recipe with which no run could end are refused, as is one above all")
  func recipeNumbers() throws {
    let recipe = try folder.write("method: classic\nmodel: m\ndata: {train: t}\n", "n.yaml")
    for setting in [
      "classic.epochs", "classic.batch_pairs", "classic.accumulation", "compute.position_jumps",
      "classic.optimizer.schedule.warmup_steps", "evaluation.votes", "data.maximum_tokens",
      "compute.seed",
    ] {
      try assay("train", recipe, "--print-recipe", "--set", "\(setting)=9223372036854775807")
        .expect(65, log: "\(setting) is 9223372036854775807, expected a whole number up to")
    }
    for setting in ["evaluation.votes", "evaluation.critiques"] {
      try assay("train", recipe, "--print-recipe", "--set", "\(setting)=2000000000")
        .expect(65, log: "\(setting) is", "2000000000", "expected a number from 1 to 100000")
    }
  }

  @Test("a recipe may begin with a byte-order mark, and an error ends with one full stop")
  func recipes() throws {
    let recipe = try folder.write("\u{FEFF}method: pretrain\ncorpus: c.jsonl\n", "bom.yaml")
    try assay("train", recipe, "--print-recipe").expect(0)
    let missing = try assay("train", folder.path("none.yaml"))
    missing.expect(66, log: "none.yaml")
    #expect(!missing.log.contains(".."))
  }

  @Test("a model's folder is no folder for a run")
  func modelAsRun() throws {
    let model = try folder.model(.classic)
    let recipe = try folder.write("method: pretrain\ncorpus: c.jsonl\n", "r.yaml")
    try assay("train", recipe, "--out", model).expect(65, log: "is a model's folder")
  }

  @Test("a folder that cannot be made is told in one sentence, of one line")
  func folders() throws {
    let file = try folder.write("", "file")
    let result = try assay("playground", "--out", file, "--train", "1", "--test", "1")
    result.expect(73, log: file)
    #expect(!result.log.contains("Error Domain") && result.log.split(separator: "\n").count == 1)
    // What the system says, and no error of a library.
    for (words, reason) in [
      (["playground", "--out", "\(file)/x", "--train", "1", "--test", "1"], "Not a directory"),
      (["train", folder.url.path], "Is a directory"),
      (["render", "--template", folder.url.path, "--data", file], "Is a directory"),
      (["render", "--template", file, "--data", folder.url.path], "Is a directory"),
    ] {
      let result = try RunningCommand(words).result()
      #expect([65, 66, 73, 74].contains(result.status), "\(words)")
      #expect(result.log.contains(reason) && !result.log.contains("Error"), "\(result.log)")
      #expect(result.log.split(separator: "\n").count == 1)
    }
    let model = try folder.model(.judge, "judge")
    let pairs = try folder.write(
      #"{"prompt": "a", "chosen": "b", "rejected": "c"}"# + "\n",
      "pairs.jsonl"
    )
    let out = folder.path("nowhere/deep/b.jsonl")
    let judged = try assay("judge", "--model", model, "--data", pairs, "--out", out)
    judged.expect(73, log: out, "No such file or directory")
  }
}
