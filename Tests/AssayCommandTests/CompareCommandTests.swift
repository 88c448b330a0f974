import Foundation
import Testing

@Suite(.serialized, .enabled(if: Binary.url != nil, Binary.missing)) struct CompareCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private func specification(classicEpochs: Int = 1) throws -> String {
    try folder.write(
      """
      method: compare
      methods: [classic, classic-half, genrm, judge-token]
      variants: {classic-half: classic share=0.5}
      compute: {device: cpu, checkpoint_steps: 2}
      playground: {train: 12, test: 8, ood: 4, corpus: 60}
      base:
        vocabulary_size: 300
        architecture: {hidden_size: 32, layers: 2, heads: 2, groups: 2, feed_forward_size: 64}
        batch_sequences: 16
      instruct: {demonstrations: 40, batch_sequences: 20}
      classic: {batch_pairs: 4, epochs: \(classicEpochs)}
      genrm: {prompts: playground, batch_pairs: 6}
      search: {pairs: 4, learning_rates: [1, 3]}
      evaluation: {votes: 2, critiques: 1}
      """,
      "compare.yaml"
    )
  }

  private func arguments(_ specification: String, _ out: String, _ more: String...) -> [String] {
    ["compare", specification, "--out", folder.path(out), "--json"] + more
  }

  /// The results without what differs from run to run.
  private func results(_ out: String) throws -> NSDictionary {
    let url = folder.url.appendingPathComponent("\(out)/results.json")
    var all = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any]
    )
    all["seconds"] = nil
    return all as NSDictionary
  }

  /// The stage folders whose names have a prefix.
  private func stages(_ out: String, _ prefix: String) -> [URL] {
    let url = folder.url.appendingPathComponent("\(out)/stages")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.filter { $0.hasPrefix(prefix) }.sorted().map { url.appendingPathComponent($0) }
  }

  private func text(_ url: URL) -> String { (try? String(contentsOf: url, encoding: .utf8)) ?? "" }

  /// Starts a comparison of two jobs, and waits until a worker trains the classic method.
  private func training(_ out: String) throws -> (command: RunningCommand, worker: Int32) {
    let command = try RunningCommand(
      arguments(try specification(classicEpochs: 400), out, "--jobs", "2", "--threads", "2")
    )
    func stepped() -> URL? {
      stages(out, "classic-").first {
        text($0.appendingPathComponent("01-classic/metrics.jsonl")).count { $0 == "\n" } > 4
      }
    }
    while command.isRunning, stepped() == nil { usleep(2000) }
    let stage = try #require(stepped())
    let worker = text(stage.appendingPathComponent(".lock"))
    return (
      command, try #require(Int32(worker.trimmingCharacters(in: .whitespacesAndNewlines)))
    )
  }

  @Test("methods that run at once give what they give one after the other")
  func jobs() throws {
    let specification = try specification()
    try RunningCommand(arguments(specification, "one", "--threads", "1")).result().expect(0)
    let result = try RunningCommand(
      arguments(specification, "three", "--jobs", "3", "--threads", "1")
    ).result()
    result.expect(0, log: "search", "methods", "genrm, seed 1")
    #expect(result.log.ranges(of: "genrm, seed 1").count == 1)
    #expect(try results("three") == results("one"))
    // Nothing is left to do, and nothing is in anyone's way.
    try RunningCommand(arguments(specification, "three", "--jobs", "2")).result().expect(0)

    // Where a method's model is lost, the first sentence about it is the result.
    for stage in stages("three", "genrm-") {
      try FileManager.default.removeItem(at: stage.appendingPathComponent("01-genrm/checkpoint"))
    }
    let failed = try RunningCommand(
      arguments(specification, "three", "--jobs", "2", "--quiet")
    ).result()
    failed.expect(65, log: "its model is gone")
    #expect(failed.log.split(separator: "\n").count == 1)
  }

  @Test("SIGTERM ends the workers too, and the same command goes on")
  func interruption() throws {
    let (command, worker) = try training("run")
    command.send(SIGTERM)
    try command.result().expect(143, log: "run the same command again")
    #expect(kill(worker, 0) == -1 && errno == ESRCH)
    let done = stages("run", "classic-").filter {
      !text($0.appendingPathComponent("01-classic/done.json")).isEmpty
    }
    #expect(done.count < 4)
  }

  @Test("a signal that a worker gets while it writes ends it as any other does")
  func interruptedWriting() throws {
    let specification = try folder.write(
      text(URL(fileURLWithPath: try specification()))
        .replacingOccurrences(of: "classic-half, genrm, judge-token]", with: "cloud]")
        .replacingOccurrences(of: "test: 8", with: "test: 600")
        .replacingOccurrences(of: "critiques: 1}", with: "critiques: 4}")
        + "\ncritique: {critique_tokens: 48}\ncloud: {batch_pairs: 6}\n",
      "critiques.yaml"
    )
    for out in ["one", "two", "three"] {
      let command = try RunningCommand(
        arguments(specification, out, "--jobs", "2", "--threads", "2")
      )
      func writer() -> Int32? {
        stages(out, "evaluate-").lazy.map { ($0, $0.appendingPathComponent("01-evaluate")) }
          .filter { text($1.appendingPathComponent("recipe.yaml")).contains("critiques: [4]") }
          .filter { !text($1.appendingPathComponent("records.jsonl")).isEmpty }
          .compactMap {
            Int32(text($0.0.appendingPathComponent(".lock")).trimmingCharacters(in: .newlines))
          }.first
      }
      while command.isRunning, writer() == nil { usleep(2000) }
      kill(try #require(writer()), SIGTERM)
      try command.result().expect(143, log: "run the same command again")
    }
  }

  @Test("a worker that is killed is named with what it worked on")
  func killed() throws {
    let (command, worker) = try training("run")
    kill(worker, SIGKILL)
    try command.result().expect(70, log: "classic", "ended by signal 9", "goes on where it was")
  }

  @Test("the demo needs no file, and leaves results, a report and both models")
  func demo() throws {
    let out = folder.path("demo")
    let sizes = [
      "compute.device=cpu", "playground={train: 12, test: 8, ood: 4, corpus: 60}",
      "base.vocabulary_size=300", "base.batch_sequences=16",
      "base.architecture={hidden_size: 32, layers: 2, heads: 2, groups: 2, feed_forward_size: 64}",
      "classic.batch_pairs=6", "critique.critique_tokens=16", "critique.epochs=1",
      "cloud.batch_pairs=6",
    ]
    let result = try RunningCommand(
      ["demo", "--out", out, "--seed", "3", "--threads", "1"] + sizes.flatMap { ["--set", $0] }
    ).result()
    result.expect(0)
    #expect(result.output.contains("critique:"))
    let methods = try #require(try results("demo")["methods"] as? [String: [String: Any]])
    #expect(Set(methods.keys) == ["classic", "cloud"])
    for (_, suites) in methods { #expect(Set(suites.keys) == ["test", "ood"]) }
    #expect(try results("demo")["seeds"] as? [Int] == [3])
    #expect(text(folder.url.appendingPathComponent("demo/report.html")).contains("assay demo"))
    for model in ["classic", "cloud"] { try assay("inspect", "\(out)/models/\(model)").expect(0) }
  }

  @Test("seeds that run apart, each on pairs of its own, are pooled from their results alone")
  func parts() throws {
    let specification = try folder.write(
      text(URL(fileURLWithPath: try specification()))
        .replacingOccurrences(
          of: "classic, classic-half, genrm, judge-token]",
          with: "classic, genrm]"
        )
        .replacingOccurrences(of: "votes: 2,", with: "votes: 2, parts: 2,"),
      "parts.yaml"
    )
    func seeds(_ list: String, _ out: String) throws -> NSDictionary {
      try RunningCommand(
        arguments(specification, out, "--threads", "1", "--set", "seeds=\(list)")
      ).result().expect(0)
      return try results(out)
    }
    _ = try (seeds("[1]", "first"), seeds("[2]", "second"))
    let both = try seeds("[1, 2]", "both")
    let files = ["first", "second"].map { folder.path("\($0)/results.json") }
    try RunningCommand(arguments(specification, "pooled", "--report-of", files[1], files[0]))
      .result()
      .expect(0)
    #expect(try results("pooled") == both)
    let methods = try #require(both["methods"] as? [String: [String: [String: [String: Any]]]])
    #expect(methods["classic"]?["test"]?["overall"]?["n"] as? Int == 8)

    // In bfloat16 models are evaluated again, and nothing is trained again.
    let (trained, evaluated) = (
      stages("first", "classic-").count, stages("first", "evaluate-").count
    )
    _ = try RunningCommand(
      arguments(specification, "first", "--set", "seeds=[1]", "--set", "evaluation.dtype=bf16")
    ).result().expect(0)
    #expect(stages("first", "classic-").count == trained)
    #expect(stages("first", "evaluate-").count >= evaluated + 2)

    try RunningCommand(arguments(specification, "pooled", "--report-of", files[0], files[0]))
      .result()
      .expect(65, log: "the same pairs")
    try RunningCommand(
      arguments(specification, "pooled", "--report-of", files[0], folder.path("both"))
    )
    .result().expect(64, log: "not both at once")
    try RunningCommand(
      arguments(specification, "more", "--set", "seeds=[1, 3]")
    ).result().expect(65, log: "evaluation.parts")
  }

  @Test("--jobs 0 is 64, and so are jobs of a report that runs nothing")
  func wrongUse() throws {
    try assay("compare", try specification(), "--jobs", "0").expect(64, log: "--jobs")
    try assay("compare", try specification(), "--jobs", "2", "--report-of", folder.path("run"))
      .expect(64, log: "leave --jobs out")
  }
}
