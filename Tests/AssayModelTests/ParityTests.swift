// Decoder, heads, gradients and optimizer against PyTorch and transformers, in float32.
// N packed tokens, V vocabulary.

import AssayModel
import AssayTensor
import AssayTestSupport
import Testing

@Suite struct ParityTests {
  /// The mean negative log likelihood of each token but the first of each sequence.
  private func languageModelLoss(_ fixture: Fixture) -> Tensor {
    let batch = fixture.batch
    var rows: [Int64] = []
    var targets: [Int64] = []
    for (start, sequence) in zip(batch.starts, fixture.expected.sequences) {
      rows += (0..<sequence.count - 1).map { Int64(start + $0) }
      targets += sequence.dropFirst().map(Int64.init)
    }
    let hidden = fixture.decoder(batch, rows: Tensor(rows), training: true)
    return fixture.decoder.tokenLosses(hidden, targets: Tensor(targets), training: true).mean()
  }

  private func scores(_ fixture: Fixture, training: Bool) throws -> Tensor {
    let batch = fixture.batch
    let rows = zip(batch.starts, batch.lengths).map { Int64($0 + $1 - 1) }
    let head = try #require(fixture.head)
    return head(fixture.decoder(batch, rows: Tensor(rows), training: training))
  }

  /// The mean of `softplus(rejected - chosen)`: Bradley-Terry without margin.
  private func rewardLoss(_ fixture: Fixture) throws -> Tensor {
    let scores = try scores(fixture, training: true)
    let chosen = try #require(fixture.expected.chosen)
    let rejected = try #require(fixture.expected.rejected)
    let difference =
      scores.selected(axis: 0, Tensor(rejected)) - scores.selected(axis: 0, Tensor(chosen))
    return difference.softplus().mean()
  }

  private func loss(_ fixture: Fixture) throws -> Tensor {
    try fixture.head == nil ? languageModelLoss(fixture) : rewardLoss(fixture)
  }

  /// Relative to the largest element too: sums of many terms have errors of that order.
  private func expectNear(_ actual: Tensor, _ expected: [Float], _ name: String) {
    let largest = expected.map(abs).max() ?? 0
    expectClose(actual.floats, expected, relative: 1e-4, absolute: 1e-5 * largest, name)
  }

  /// Recorded with the norms of their gradients.
  static let further = [
    "gemma", "gemma2", "gemma3", "granite", "internlm2", "mixtral", "olmo2", "phi3", "phi4-mini",
    "qwen3-moe", "smollm3", "yarn",
  ]

  @Test("has a recorded model of each architecture")
  func complete() throws {
    let names = ["llama", "qwen2", "qwen3", "mistral", "deberta-v3"] + Self.further
    let recorded = try names.map { try Fixture($0).decoder.configuration.architecture.modelType }
    #expect(Set(recorded) == Set(Architecture.all.map(\.modelType)))
  }

  @Test("gives the gradients of PyTorch for further architectures", arguments: further)
  func gradientNorms(name: String) throws {
    let fixture = try Fixture(name)
    for parameter in fixture.parameters { parameter.value.setRequiresGradientInPlace() }
    let loss = try loss(fixture)
    #expect(abs(Double(loss.item) - fixture.expected.loss) < 1e-5 * fixture.expected.loss)
    loss.backward()
    let gradients = checkpointGradients(fixture.decoder)
    let expected = try #require(fixture.expected.gradients)
    #expect(Set(gradients.map(\.name)) == Set(expected.keys))
    for (parameter, gradient) in gradients {
      let recorded = try #require(expected[parameter], "\(parameter)")
      let values = gradient.floats.map(Double.init)
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(norm - recorded.l2) < 1e-4 * recorded.l2, "\(parameter)")
      #expect(abs(values.reduce(0, +) - recorded.sum) < 1e-4 * recorded.l2, "\(parameter)")
    }
  }

  @Test(
    "gives the logits of transformers",
    arguments: ["llama", "qwen2", "qwen3", "mistral"] + further
  )
  func logits(name: String) throws {
    let fixture = try Fixture(name)
    for training in [false, true] {
      let hidden = fixture.decoder(fixture.batch, rows: nil, training: training)
      let logits = fixture.decoder.logits(hidden, training: training)  // [N, V]
      #expect(logits.shape == [24, 96])
      expectNear(logits, try fixture.floats("logits"), name)
    }
  }

  @Test("gives the scores of transformers, with Llama 3's rotary scaling")
  func scores() throws {
    let fixture = try Fixture("llama-reward")
    expectNear(try scores(fixture, training: false), try fixture.floats("scores"), "scores")
    #expect(!fixture.decoder.isLanguageModel)
  }

  @Test(
    "gives the loss and every gradient of PyTorch",
    arguments: ["llama", "qwen2", "qwen3", "mistral", "llama-reward"]
  )
  func gradients(name: String) throws {
    let fixture = try Fixture(name)
    for parameter in fixture.parameters { parameter.value.setRequiresGradientInPlace() }
    let loss = try loss(fixture)
    #expect(abs(Double(loss.item) - fixture.expected.loss) < 1e-5 * fixture.expected.loss)
    loss.backward()
    var gradients = checkpointGradients(fixture.decoder)
    for parameter in fixture.head?.parameters ?? [] {
      gradients.append((parameter.name, try #require(parameter.value.gradient)))
    }
    let recorded = fixture.tensors.names.filter { $0.hasPrefix("gradients.") }
    #expect(Set(gradients.map { "gradients." + $0.name }) == Set(recorded))
    for (parameter, gradient) in gradients {
      #expect(gradient.shape == fixture.tensors.shape(of: "gradients." + parameter))
      expectNear(gradient, try fixture.floats("gradients." + parameter), parameter)
    }
  }

  @Test(
    "takes ten AdamW steps as PyTorch does",
    arguments: ["llama", "qwen2", "qwen3", "mistral", "llama-reward"]
  )
  func optimizer(name: String) throws {
    let fixture = try Fixture(name)
    let expected = try #require(fixture.expected.adamw)
    let parameters = fixture.parameters.map(\.value)
    let optimizer = AdamW(
      beta1: expected.betas[0],
      beta2: expected.betas[1],
      epsilon: expected.epsilon
    )
    for parameter in parameters { parameter.setRequiresGradientInPlace() }
    optimizer.add(parameters, weightDecay: expected.weightDecay)
    for (lossExpected, normExpected) in zip(expected.losses, expected.gradientNorms) {
      for parameter in parameters { parameter.clearGradientInPlace() }
      let loss = try loss(fixture)
      loss.backward()
      let norm = clipGradients(parameters, maximum: expected.clip)
      optimizer.step(learningRate: expected.learningRate)
      #expect(abs(Double(loss.item) - lossExpected) < 1e-4 * lossExpected)
      #expect(abs(norm - normExpected) < 1e-4 * normExpected)
    }
    var weights = fixture.decoder.named { $0.value }
    for parameter in fixture.head?.parameters ?? [] {
      weights.append((parameter.name, parameter.value))
    }
    #expect(Set(weights.map(\.name)) == Set(expected.final.keys))
    for (parameter, weight) in weights {
      let final = try #require(expected.final[parameter], "\(parameter)")
      let values = weight.floats.map(Double.init)
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(norm - final.l2) < 1e-4 * final.l2, "\(parameter)")
      // The sum cancels: its error is bounded by the norm. A bias of keys moves all scores of a query
      // nearly alike, so that its gradient is near rounding, which AdamW makes a hundredth of its steps.
      let steps = 1e-2 * expected.learningRate * Double(expected.losses.count)
      let rounding = parameter.hasSuffix("k_proj.bias") ? steps : 0
      #expect(
        abs(values.reduce(0, +) - final.sum) < 1e-4 * final.l2 + rounding,
        "\(parameter)"
      )
      if fixture.tensors.names.contains("final." + parameter) {
        // Adam divides by the gradient's own size: where that is rounding error, so is the step.
        let gradients = try fixture.floats("gradients." + parameter).map(abs)
        let floor = 1e-5 * (gradients.max() ?? 0)
        let kept = gradients.indices.filter { gradients[$0] > floor }
        #expect(kept.count >= gradients.count - 1)
        let expected = try fixture.floats("final." + parameter)
        expectNear(Tensor(kept.map { weight.floats[$0] }), kept.map { expected[$0] }, parameter)
      }
    }
  }
}
