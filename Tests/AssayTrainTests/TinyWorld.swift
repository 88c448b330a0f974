// What the tests of training share: a tiny model, the Playground's first items, and run folders
// that are copied in the middle of a run, as a killed process would leave them.

import AssayData
import AssayModel
import AssayRun
import AssayTensor
import AssayText
import AssayTrain
import Foundation
import Synchronization
import Testing

/// The sizes of every model here: 2 layers of 32, 300 token ids.
let tinyArchitecture =
  "{hidden_size: 32, layers: 2, heads: 2, groups: 2, feed_forward_size: 64, context_tokens: 768}"

/// A base model and data on the disk, from which recipes start.
final class TinyWorld: Sendable {
  private let folder: TemporaryFolder
  var url: URL { folder.url }
  var base: URL { url.appendingPathComponent("base") }

  init(train: Int = 24, test: Int = 8, corpus: Int = 40) throws {
    Engine.threads = 1
    folder = try TemporaryFolder()
    try PlaygroundWriter.write(
      PlaygroundConfiguration(seed: 5),
      PlaygroundCounts(train: train, test: test, ood: 4, corpus: corpus),
      to: folder.url
    )
  }

  /// Writes an untrained base model beside the data.
  func makeBase() throws {
    try TinyModel.make(corpus: try CorpusFile.read(file("corpus.jsonl"))).save(to: base)
  }

  func file(_ name: String) -> URL { url.appendingPathComponent(name) }

  /// The pairs of a file.
  func pairs(_ name: String = "train.jsonl") throws -> [PreferencePair] {
    try PairReader().read(file(name).path).pairs
  }
}

/// A model with random weights.
enum TinyModel {
  static func make(
    corpus: [[Message]],
    head: RewardHead.Kind? = nil,
    kind: ModelKind = .languageModel,
    template: ChatTemplate = .assay,
    specialTokens: [String] = ChatTemplate.assaySpecialTokens
  ) throws -> Model {
    let tokenizer = try BPETrainer(
      vocabularySize: 300,
      specialTokens: specialTokens
    ).train(corpus.joined().map(\.content))
    var configuration = ModelConfiguration(
      hiddenSize: 32,
      layerCount: 2,
      headCount: 2,
      feedForwardSize: 64,
      vocabularySize: tokenizer.vocabularySize
    )
    configuration.contextTokens = 768
    configuration.tiesEmbeddings = true
    configuration.initializerRange = 0.1
    return Model(
      decoder: Decoder(random: configuration, seed: 3),
      head: head.map { RewardHead(random: $0, hiddenSize: 32, seed: 4) },
      tokenizer: tokenizer,
      template: template,
      manifest: ModelManifest(kind: kind)
    )
  }
}

/// The recipes of one method each, at their smallest, on the files of a world.
enum TinyRecipe {
  private static let compute = "compute: {device: cpu, checkpoint_steps: 2}"
  private static let optimizer = "optimizer: {schedule: {learning_rate: 0.003}}"

  private static func data(_ world: TinyWorld) -> String {
    """
    model: \(world.base.path)
    data:
      train: \(world.file("train.jsonl").path)
      suites: {test: \(world.file("test.jsonl").path)}
    """
  }

  static func pretrain(_ world: TinyWorld) -> String {
    """
    method: pretrain
    corpus: \(world.file("corpus.jsonl").path)
    \(compute)
    base:
      vocabulary_size: 300
      architecture: \(tinyArchitecture)
      batch_sequences: 4
      \(optimizer)
    """
  }

  static func classic(_ world: TinyWorld) -> String {
    """
    method: classic
    \(data(world))
    \(compute)
    classic:
      batch_pairs: 4
      \(optimizer)
    """
  }

  static func critique(_ world: TinyWorld) -> String {
    """
    method: critique-sft
    \(data(world))
    \(compute)
    critique:
      batch_responses: 8
      \(optimizer)
    """
  }

  static func cloud(_ world: TinyWorld, onPolicy: Bool) -> String {
    """
    method: cloud
    \(data(world))
    \(compute)
    critique:
      batch_responses: 12
      critique_tokens: 16
      \(optimizer)
    cloud:
      on_policy: \(onPolicy)
      temperature: 1
      batch_pairs: 6
      \(optimizer)
    """
  }
}

/// Hears a run's events, and copies its folder at one of them.
final class RunWitness: Sendable {
  private let folder: URL
  private let copy: URL
  private let isMoment: @Sendable (String, Int) -> Bool
  // Guards the events so far and the name of the running stage.
  private let state = Mutex<(events: [RunEvent], stage: String)>(([], ""))

  /// - Parameters:
  ///   - folder: The run's folder.
  ///   - copy: Where it is copied to.
  ///   - moment: The stage, and the number of its steps that are done.
  init(
    _ folder: URL,
    copyingTo copy: URL,
    at moment: @escaping @Sendable (String, Int) -> Bool
  ) {
    self.folder = folder
    self.copy = copy
    isMoment = moment
  }

  var events: [RunEvent] { state.withLock { $0.events } }

  func handle(_ event: RunEvent) {
    let stage = state.withLock { state in
      state.events.append(event)
      if case .stageStarted(let name, _, _, _) = event { state.stage = name }
      return state.stage
    }
    guard case .step(let done, _, _, _) = event, isMoment(stage, done),
      !FileManager.default.fileExists(atPath: copy.path)
    else { return }
    // A checkpoint that is flushed beside the training is to be there, whole.
    for _ in 0..<10_000 where isFlushing { usleep(1000) }
    do {
      try FileManager.default.copyItem(at: folder, to: copy)
    } catch {
      Issue.record("cannot copy the run: \(error)")
    }
  }

  /// Whether a checkpoint is on its way to its place.
  private var isFlushing: Bool {
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
    return paths.contains { $0.contains("checkpoint.tmp-") || $0.contains("checkpoint.old-") }
  }
}

/// Runs a recipe's text into a folder.
///
/// - Returns: What happened.
@discardableResult
func runRecipe(
  _ text: String,
  in folder: URL,
  copyingTo copy: URL? = nil,
  at moment: @escaping @Sendable (String, Int) -> Bool = { _, _ in false }
) async throws -> [RunEvent] {
  let recipe = try Recipe(try RecipeFile(text: text, name: "tiny.yaml"))
  let witness = RunWitness(folder, copyingTo: copy ?? folder, at: moment)
  try await recipe.run(try RunFolder(folder)) { witness.handle($0) }
  return witness.events
}

/// The steps that a stage went on from, `nil` where it did not start.
func resumedAt(_ stage: String, _ events: [RunEvent]) -> Int? {
  for case .stageStarted(stage, _, _, let step) in events { return step }
  return nil
}

/// The stages that were passed over.
func skipped(_ events: [RunEvent]) -> [String] {
  events.compactMap { event in
    if case .stageSkipped(let name, _) = event { name } else { nil }
  }
}

/// The bytes of the model that a stage made.
func modelBytes(_ run: URL, _ stage: String) throws -> Data {
  try Data(
    contentsOf: run.appendingPathComponent(stage)
      .appendingPathComponent("checkpoint/model.safetensors")
  )
}

/// The values of a metric over the steps of a stage.
func metric(_ name: String, _ run: URL, _ stage: String) throws -> [Double] {
  try MetricsWriter.lines(in: run.appendingPathComponent(stage)).compactMap { line in
    line.metrics.first { $0.name == name }?.value
  }
}
