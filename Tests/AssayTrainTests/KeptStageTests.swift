import AssayBase
import AssayGenerate
import AssayRun
import AssayStudy
import AssayTestSupport
import AssayTrain
import Foundation
import Synchronization
import Testing

/// Texts of stages are on the disk as they are finished, so that a kill loses only unfinished ones.
@Suite struct KeptStageTests {
  private static let optimizer = "optimizer: {schedule: {learning_rate: 0.003}}"
  private static let judging =
    "{samples: 4, judgement_tokens: 16, batch_items: 4, verdicts: enforced"
  /// Sections of the methods that write.
  private static let sections = [
    "cloud": """
    critique: {teacher: self, batch_responses: 12, critique_tokens: 16, \(optimizer)}
    cloud: {temperature: 1, batch_pairs: 6, \(optimizer)}
    """,
    "star-sft": "star: \(judging), iterations: 1, \(optimizer)}",
    "grpo": "grpo: \(judging), rounds: 1, \(optimizer)}",
  ]

  private static func recipe(_ method: String, _ world: TinyWorld) -> String {
    """
    method: \(method)
    model: \(world.base.path)
    data:
      train: \(world.file("train.jsonl").path)
      suites: {test: \(world.file("test.jsonl").path)}
    compute: {device: cpu, checkpoint_steps: 2}
    \(sections[method] ?? "")
    evaluation: {votes: 4, judgement_tokens: 16, verdicts: enforced}
    """
  }

  /// The files of a folder by their paths, without locks, clocks and event files.
  private func contents(_ folder: URL) throws -> [String: Data] {
    var found: [String: Data] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    where path.hasSuffix("records.jsonl") || path.hasSuffix("model.safetensors")
      || path.hasSuffix("texts.jsonl")
    {
      found[path] = try Data(contentsOf: folder.appendingPathComponent(path))
    }
    return found
  }

  /// Runs to the end, and from copies of the folder made in the middle of stages.
  private func expectKept(
    _ stages: [String],
    in world: TinyWorld,
    _ run: (URL, TextWitness) async throws -> Void
  ) async throws {
    let whole = world.file("whole")
    let witness = TextWitness(whole, copyingTo: world.url, at: stages)
    try await run(whole, witness)
    let expected = try contents(whole)
    #expect(!expected.keys.contains { $0.hasSuffix("texts.jsonl") })
    for stage in stages {
      let copy = try #require(witness.copies[stage], "\(stage) kept nothing")
      let kept = try #require(TextWitness.texts(of: stage, in: copy))
      let again = TextWitness(copy, copyingTo: world.url, at: [])
      try await run(copy, again)
      #expect(try contents(copy) == expected, "\(stage)")
      // An end of turn is a token that was written, and none of the text.
      let saved = (witness.written[stage] ?? 0) - (again.written[stage] ?? 0)
      let tokens = kept.map(\.text.tokens.count).reduce(0, +)
      #expect((tokens...tokens + kept.count).contains(saved), "\(stage): \(saved) of \(tokens)")
    }
  }

  @Test(
    "a method that is killed in the middle of writing writes no finished text again",
    .kernels,
    arguments: [
      ("cloud", ["own-critiques", "critiques", "evaluate"]),
      ("star-sft", ["judgements-1", "evaluate"]), ("grpo", ["judgements-1"]),
    ]
  )
  func methods(method: String, stages: [String]) async throws {
    let world = try TinyWorld()
    try world.makeBase()
    let recipe = try Recipe(
      try RecipeFile(text: Self.recipe(method, world), name: "tiny.yaml")
    )
    try await expectKept(stages, in: world) { folder, witness in
      try await recipe.run(try RunFolder(folder)) { witness.handle($0) }
    }
  }

  @Test("so does a comparison, with its start model's strength and its uses", .kernels)
  func comparison() async throws {
    let world = try TinyWorld(train: 1, test: 1, corpus: 1)
    let text = """
      method: compare
      methods: [cloud, star-sft]
      compute: {device: cpu}
      playground: {train: 12, test: 8, ood: 4, corpus: 60}
      base:
        vocabulary_size: 300
        architecture: \(tinyArchitecture)
        batch_sequences: 16
        \(Self.optimizer)
      instruct: {demonstrations: 40, batch_sequences: 20}
      critique: {batch_responses: 12, critique_tokens: 16}
      cloud: {batch_pairs: 6}
      critic_rm: {prompts: playground, samples: 2, critique_tokens: 16}
      star_sft: {prompts: playground, samples: 2, judgement_tokens: 8, bootstrap: oracle-always}
      search: {pairs: 8}
      evaluation: {votes: 4, critiques: 2, prompts: 6, responses: 3, best_of: [cloud, star-sft]}
      """
    let recipe = try StudyRecipe(try RecipeFile(text: text, name: "tiny.yaml"))
    let stages = ["critic-strength", "responses", "best-of", "revisions", "evaluate"]
    try await expectKept(stages, in: world) { folder, witness in
      let run = try await recipe.run(folder) { witness.handle($0) }
      #expect(run.failures.isEmpty, "\(run.failures)")
    }
  }
}

/// Hears a run's events, counts the tokens that stages write, and copies the folder in the middle of them.
private final class TextWitness: Sendable {
  /// A line of kept texts.
  struct Line: Decodable { let text: Generation }

  private struct State {
    var stage = ""
    var written: [String: Int] = [:]
    var copies: [String: URL] = [:]
  }

  private let folder: URL
  private let place: URL
  private let stages: [String]
  // Guards what was heard so far.
  private let state = Mutex(State())

  init(_ folder: URL, copyingTo place: URL, at stages: [String]) {
    self.folder = folder
    self.place = place
    self.stages = stages
  }

  var written: [String: Int] { state.withLock { $0.written } }
  var copies: [String: URL] { state.withLock { $0.copies } }

  func handle(_ event: RunEvent) {
    state.withLock { state in
      switch event {
      case .stageStarted(let name, _, _, _): state.stage = name
      case .tokens(let count, _):
        state.written[state.stage, default: 0] += count
        let stage = state.stage
        guard stages.contains(stage), state.copies[stage] == nil,
          let texts = Self.texts(of: stage, in: folder), texts.count > 2
        else { return }
        let copy = place.appendingPathComponent("copy-\(stage)")
        do {
          try FileManager.default.copyItem(at: folder, to: copy)
          state.copies[stage] = copy
        } catch {
          Issue.record("cannot copy the run: \(error)")
        }
      default: break
      }
    }
  }

  /// What a stage that is not done keeps; `nil` where that is nothing.
  static func texts(of stage: String, in folder: URL) -> [Line]? {
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
    let files = paths.filter { path in
      let parts = path.split(separator: "/")
      return parts.last == "texts.jsonl" && parts.dropLast().last?.hasSuffix("-\(stage)") == true
    }
    let lines = files.compactMap {
      try? RecordLines.read(folder.appendingPathComponent($0))
    }.joined()
    return lines.isEmpty ? nil : Array(lines)
  }

  private enum RecordLines {
    static func read(_ url: URL) throws -> [Line] {
      try Data(contentsOf: url).split(separator: 0x0a).map {
        try JSONDecoder().decode(Line.self, from: $0)
      }
    }
  }
}
