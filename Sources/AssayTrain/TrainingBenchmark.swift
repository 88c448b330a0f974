import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import Foundation

/// Measures Bradley-Terry training steps on fixed shapes with random weights.
package struct TrainingBenchmark {
  /// A fixed shape.
  package enum Shape: String, CaseIterable, Sendable {
    /// 1.1 M parameters; 32 pairs of 128 tokens.
    case s
    /// 12 M parameters; 8 pairs of 256 tokens.
    case m

    var configuration: ModelConfiguration {
      var configuration =
        self == .s
        ? ModelConfiguration(
          hiddenSize: 128,
          layerCount: 4,
          headCount: 4,
          feedForwardSize: 512,
          vocabularySize: 512
        )
        : ModelConfiguration(
          hiddenSize: 384,
          layerCount: 6,
          headCount: 6,
          feedForwardSize: 1024,
          vocabularySize: 4096
        )
      configuration.contextTokens = 1024
      return configuration
    }
    var pairs: Int { self == .s ? 32 : 8 }
    var tokens: Int { self == .s ? 128 : 256 }
  }

  /// What `assay bench train` prints.
  package struct Result: Codable, Sendable {
    /// `train`.
    package var bench = "train"
    /// The shape's name.
    package var shape: String
    /// `f32` or `bf16`.
    package var dtype: String
    /// `random`, or the file of pairs.
    package var data: String
    /// Threads used.
    package var threads: Int
    /// What Assay's own kernels run on, as `avx512`.
    package var kernels = Engine.kernelLevel
    /// Tokens without padding over the median time of a repeat.
    package var tokensPerSecond: Double
    /// Milliseconds of a step: the median repeat over its steps.
    package var stepMilliseconds: Double
    /// Most resident memory of the process so far.
    package var peakMemoryMB: Int
    /// Timed repeats behind a warm-up.
    package var repeats: Int
    /// Steps of a repeat.
    package var stepsPerRepeat: Int

    enum CodingKeys: String, CodingKey {
      case bench, shape, dtype, data, threads, kernels, repeats
      case tokensPerSecond = "tokens_per_s"
      case stepMilliseconds = "step_ms"
      case peakMemoryMB = "peak_memory_mb"
      case stepsPerRepeat = "steps_per_repeat"
    }
  }

  let shape: Shape
  let compute: ComputeType
  let device: Device
  let repeats: Int

  /// Prepares a measurement.
  ///
  /// - Parameters:
  ///   - shape: What is trained.
  ///   - compute: The type of products.
  ///   - device: Where.
  ///   - repeats: Timed repeats; the median counts.
  package init(shape: Shape, compute: ComputeType, device: Device = .cpu, repeats: Int = 5) {
    self.shape = shape
    self.compute = compute
    self.device = device
    self.repeats = repeats
  }

  /// Measures steps on random tokens; a repeat lasts about two seconds.
  ///
  /// - Returns: The figures.
  package func run() throws -> Result {
    var random = SeededRandom(7)
    func sequence() -> [Int32] {
      (0..<shape.tokens).map { _ in Int32(random.below(shape.configuration.vocabularySize)) }
    }
    let batches = (0..<4).map { _ in
      (0..<shape.pairs).map { _ in (chosen: sequence(), rejected: sequence()) }
    }
    let trainer = try trainer()
    for batch in batches.prefix(2) { try trainer(batch) }
    let once = try seconds { for batch in batches.prefix(2) { try trainer(batch) } } / 2
    let steps = max(1, Int((2 / once).rounded()))
    let times = try (0..<repeats).map { _ in
      try seconds { for step in 0..<steps { try trainer(batches[step % batches.count]) } }
    }
    return result(
      times,
      steps: steps,
      tokens: steps * 2 * shape.pairs * shape.tokens,
      data: "random"
    )
  }

  /// Measures one epoch of real pairs, in their order; each repeat is a whole epoch.
  ///
  /// - Parameters:
  ///   - path: Preference pairs; a tokenizer with the shape's vocabulary is trained on them.
  ///   - idsPath: Where the token ids are written, for other tools; `nil` is nowhere.
  /// - Returns: The figures.
  /// - Throws: `DataError` where the pairs cannot be read.
  package func run(data path: String, writingIDs idsPath: String?) throws -> Result {
    let pairs = try PairReader().read(path).pairs
    guard !pairs.isEmpty else {
      throw TrainingError.noData(stage: "bench", hint: "\(path) has no pairs")
    }
    let tokenizer = try BPETrainer(
      vocabularySize: shape.configuration.vocabularySize,
      specialTokens: ChatTemplate.assaySpecialTokens
    ).train(pairs.flatMap { $0.prompt.map(\.content) + [$0.chosen, $0.rejected] })
    let renderer = try SequenceRenderer(
      tokenizer: tokenizer,
      template: .assay,
      maximumTokens: shape.configuration.contextTokens
    )
    let ids = try pairs.map { pair in
      (
        chosen: try renderer.render(prompt: pair.prompt, response: pair.chosen).tokens,
        rejected: try renderer.render(prompt: pair.prompt, response: pair.rejected).tokens
      )
    }
    if let idsPath {
      let lines = ids.map { "{\"chosen_ids\": \($0.chosen), \"rejected_ids\": \($0.rejected)}\n" }
      try DurableFile.write(Data(lines.joined().utf8), to: URL(fileURLWithPath: idsPath))
    }
    let batches = stride(from: 0, to: ids.count, by: shape.pairs).map {
      Array(ids[$0..<min($0 + shape.pairs, ids.count)])
    }
    let trainer = try trainer()
    for batch in batches.prefix(4) { try trainer(batch) }
    let times = try (0..<repeats).map { _ in try seconds { try batches.forEach(trainer) } }
    return result(
      times,
      steps: batches.count,
      tokens: ids.map { $0.chosen.count + $0.rejected.count }.reduce(0, +),
      data: path
    )
  }

  private typealias Batch = [(chosen: [Int32], rejected: [Int32])]

  /// A step: forward, Bradley-Terry loss, backward, clipping at 1.0, fused AdamW.
  private func trainer() throws -> (Batch) throws -> Void {
    let decoder = Decoder(
      random: shape.configuration,
      seed: 1,
      device: device,
      isLanguageModel: false,
      execution: Execution(dtype: compute.dtype)
    )
    let head = RewardHead(
      random: .linear,
      hiddenSize: shape.configuration.hiddenSize,
      seed: 2,
      device: device
    )
    let parameters = (decoder.parameters + head.parameters).map(\.value)
    parameters.forEach { $0.setRequiresGradientInPlace() }
    let optimizer = AdamW()
    optimizer.add(parameters, weightDecay: 0.01)
    return { batch in
      try withTensorErrors {
        parameters.forEach { $0.clearGradientInPlace() }
        let sequences = (batch.map(\.chosen) + batch.map(\.rejected)).map {
          TrainingSequence(tokens: $0, targets: [], scoredIndex: $0.count - 1)
        }
        guard let rewards = trainingForward(sequences, decoder: decoder, head: head).rewards else {
          return
        }
        bradleyTerryLoss(
          chosen: rewards.narrowed(axis: 0, start: 0, count: batch.count),
          rejected: rewards.narrowed(axis: 0, start: batch.count, count: batch.count)
        ).backward()
        _ = clipGradients(parameters, maximum: 1)
        optimizer.step(learningRate: 1e-5)
      }
    }
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let elapsed = try clock.measure(body)
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
  }

  private func result(_ times: [Double], steps: Int, tokens: Int, data: String) -> Result {
    let median = times.sorted()[times.count / 2]
    return Result(
      shape: shape.rawValue,
      dtype: compute.rawValue,
      data: data,
      threads: Engine.threads,
      tokensPerSecond: (Double(tokens) / median).rounded(),
      stepMilliseconds: (median / Double(steps) * 1e5).rounded() / 100,
      peakMemoryMB: ProcessMemory.peakMB,
      repeats: times.count,
      stepsPerRepeat: steps
    )
  }
}
