import ArgumentParser
import AssayModel
import AssayTensor
import AssayTrain
import Foundation

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures speed on fixed shapes with random weights.",
    subcommands: [Train.self])

  struct Train: ParsableCommand {
    @Option(help: "s or m") var shape = "s"
    @Option(help: "f32 or bf16") var dtype = "f32"
    @Option(help: "Timed steps.") var repeats = 5
    @Option(help: "Threads.") var threads = 2

    func run() throws {
      Engine.threads = threads
      var configuration =
        shape == "s"
        ? ModelConfiguration(
          hiddenSize: 128, layerCount: 4, headCount: 4, feedForwardSize: 512, vocabularySize: 512)
        : ModelConfiguration(
          hiddenSize: 384, layerCount: 6, headCount: 6, feedForwardSize: 1024, vocabularySize: 4096)
      configuration.contextTokens = 512
      let (pairs, tokens) = shape == "s" ? (32, 128) : (8, 256)
      let model = Decoder(random: configuration, seed: 1, isLanguageModel: false)
      model.computeType = dtype == "bf16" ? .bfloat16 : .float32
      let head = RewardHead(random: .linear, hiddenSize: configuration.hiddenSize, seed: 2)
      let parameters = (model.parameters + head.parameters).map(\.value)
      parameters.forEach { $0.setRequiresGradientInPlace() }
      let optimizer = AdamW()
      optimizer.add(parameters, weightDecay: 0.01)
      var state: UInt64 = 7
      func token() -> Int32 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int32((state >> 33) % UInt64(configuration.vocabularySize))
      }
      var times: [Double] = []
      for step in 0..<(repeats + 2) {
        let sequences = (0..<(2 * pairs)).map { _ in (0..<tokens).map { _ in token() } }
        let start = Date()
        let batch = PackedBatch(sequences)
        let rows = Tensor(zip(batch.starts, batch.lengths).map { Int64($0 + $1 - 1) })
        parameters.forEach { $0.clearGradientInPlace() }
        let rewards = head(model(batch, rows: rows, training: true))
        let loss = bradleyTerryLoss(
          chosen: rewards.narrowed(axis: 0, start: 0, count: pairs),
          rejected: rewards.narrowed(axis: 0, start: pairs, count: pairs))
        loss.backward()
        _ = clipGradients(parameters, maximum: 1)
        optimizer.step(learningRate: 1e-4)
        if step >= 2 { times.append(Date().timeIntervalSince(start)) }
      }
      let median = times.sorted()[times.count / 2]
      print("\(Double(2 * pairs * tokens) / median) tok/s, \(median * 1000) ms")
    }
  }
}
