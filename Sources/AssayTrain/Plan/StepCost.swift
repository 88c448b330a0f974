// What a training step costs, measured on the model's widths with two and with three of its layers, and with
// few tokens and twice as many: memory and time are linear in either, so that four measurements give both
// for all layers and any number of tokens.

import AssayModel
import AssayTensor
import AssayText
import Foundation

/// A figure of a step by layers and tokens: `a + b L + (c + d L) T`.
package struct StepCost: Equatable, Sendable {
  private let (least, layer): (Double, Double)
  private let (token, layerToken): (Double, Double)
  private let tokens: (Double, Double)
  private let layers: Int

  /// Fits a figure.
  ///
  /// - Parameters:
  ///   - figures: With fewer layers and few tokens, fewer and more, one layer more and few, more and more.
  ///   - layers: How many the fewer ones are.
  ///   - tokens: Few and more, different.
  package init(
    _ figures: (few: Double, more: Double, deepFew: Double, deepMore: Double),
    layers: Int,
    tokens: (Double, Double)
  ) {
    self.layers = layers
    least = figures.few
    layer = figures.deepFew - figures.few
    token = (figures.more - figures.few) / (tokens.1 - tokens.0)
    layerToken =
      ((figures.deepMore - figures.deepFew) - (figures.more - figures.few))
      / (tokens.1 - tokens.0)
    self.tokens = tokens
  }

  /// The figure for a number of layers and of tokens.
  package func callAsFunction(layers count: Int, tokens: Double) -> Double {
    let deeper = Double(count - layers)
    return least + layer * deeper + (token + layerToken * deeper) * (tokens - self.tokens.0)
  }

  /// Whether both have the same figures.
  package static func == (one: StepCost, other: StepCost) -> Bool {
    (one.least, one.layer, one.token, one.layerToken)
      == (other.least, other.layer, other.token, other.layerToken)
  }
}

/// Measures training steps of a model that is as wide as another one, with random weights.
struct StepMeasurement {
  let configuration: ModelConfiguration
  let compute: ComputeSection
  /// The type of frozen weights.
  let frozenType: DType
  let head: HeadKind?
  /// How moments are kept.
  let moments: MomentForm
  /// The model whose tokenizer and template the measured ones have.
  let folder: URL

  /// Bytes of tensors at their most, and seconds, of a step.
  struct Figures {
    let bytes: Double
    let seconds: Double
  }

  /// Measures both figures by layers and tokens.
  ///
  /// - Parameters:
  ///   - few: Items of few tokens.
  ///   - more: Items of more.
  /// - Returns: The most bytes of tensors, weights and all, and the seconds of a step.
  /// - Throws: What reading the model's files or computing throws.
  func costs(
    few: [[TrainingSequence]],
    more: [[TrainingSequence]]
  ) throws -> (bytes: StepCost, seconds: StepCost) {
    func count(_ items: [[TrainingSequence]]) -> Double {
      Double(items.joined().map(\.tokens.count).reduce(0, +))
    }
    let (shallow, deep) = (Self.layers, Self.layers + 1)
    let all = try [(shallow, few), (shallow, more), (deep, few), (deep, more)].map {
      layers,
      items in
      try figures(layers: min(layers, configuration.layerCount), Array(items.joined()))
    }
    func cost(_ figure: KeyPath<Figures, Double>) -> StepCost {
      let values = all.map { $0[keyPath: figure] }
      return StepCost(
        (values[0], values[1], values[2], values[3]),
        layers: min(Self.layers, configuration.layerCount),
        tokens: (count(few), count(more))
      )
    }
    return (cost(\.bytes), cost(\.seconds))
  }

  private func figures(layers: Int, _ sequences: [TrainingSequence]) throws -> Figures {
    // Gradients of few layers hide what lies between, which is there before they are.
    let isFull = compute.adapter.rank == 0
    let held = try measured(layers: layers, sequences, withoutMatrices: isFull)
    let seconds = isFull ? try measured(layers: layers, sequences).seconds : held.seconds
    return Figures(bytes: held.bytes, seconds: seconds)
  }

  /// Measures steps that train all that is trained, or but for matrices the same, and the head.
  private func measured(
    layers: Int,
    _ sequences: [TrainingSequence],
    withoutMatrices: Bool = false
  ) throws -> Figures {
    Engine.releaseMemory()
    let before = Engine.heldBytes
    // Random numbers take more while they are made than a step may.
    let model = try model(layers: layers)
    Engine.releaseMemory()
    let measured = try Engine.measuringPeak {
      let all = model.trained.map(\.value)
      let vectors = model.decoder.parameters.map(\.value).filter { $0.rank < 2 }
      let trained =
        withoutMatrices ? vectors + (model.head?.parameters.map(\.value) ?? []) : all
      trained.forEach { $0.setRequiresGradientInPlace() }
      var section = OptimizerSection()
      section.moments = moments
      let optimizer = section.made()
      optimizer.add(trained, weightDecay: 0, rateFactor: 1)
      func step() throws {
        try withTensorErrors {
          trained.forEach { $0.clearGradientInPlace() }
          let output = trainingForward(sequences, decoder: model.decoder, head: model.head)
          let losses = [output.rewards, output.nll].compactMap { $0?.mean() }
          if let first = losses.first { losses.dropFirst().reduce(first) { $0 + $1 }.backward() }
          _ = clipGradients(trained, maximum: 1)
          optimizer.step(learningRate: 1e-6)
        }
      }
      // The first step makes kernels and moments.
      try step()
      return try ContinuousClock().measure { for _ in 0..<Self.steps { try step() } } / Self.steps
    }
    let seconds = measured.result.components
    return Figures(
      bytes: Double(measured.peakBytes - before),
      seconds: Double(seconds.seconds) + Double(seconds.attoseconds) * 1e-18
    )
  }

  private static let steps = 2
  /// The last block computes few rows, and of blocks that are computed twice one is whole at a time: from the
  /// second on, each costs the same.
  private static let layers = 2

  private func model(layers: Int) throws -> Model {
    let tokenizer = try ModelFiles.tokenizer(at: folder)
    let chat = try ModelFiles.chat(at: folder, tokenizer: tokenizer)
    var shallow = configuration
    shallow.layerCount = layers
    let decoder = Decoder(
      random: shallow,
      seed: 1,
      device: try compute.chosenDevice(),
      dtype: frozenType
    )
    let model = Model(
      decoder: decoder,
      head: nil,
      tokenizer: tokenizer,
      template: chat.template,
      templateRefusal: chat.refusal,
      manifest: ModelManifest(kind: .languageModel)
    )
    model.head = head.map { compute.newHead($0, for: model) }
    compute.prepare(model)
    if let options = compute.adapter.options {
      try compute.addAdapter(options, to: model, folder)
    }
    return model
  }
}
