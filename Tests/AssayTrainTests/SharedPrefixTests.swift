import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Testing

@Suite struct SharedPrefixTests {
  init() { Engine.threads = 1 }

  /// A random model, and the gradients of a loss of sequences under an execution.
  private func gradients(
    _ sequences: [TrainingSequence],
    _ change: (inout Execution) -> Void,
    adapter: Bool = false
  ) throws -> [(name: String, values: [Float])] {
    let model = try TinyModel.make(
      corpus: [[.user("How many are there?"), .assistant("Three, I think.")]],
      head: .cloud,
      kind: .cloud
    )
    change(&model.decoder.execution)
    if adapter {
      let options = LowRankOptions(rank: 2, alpha: 4)
      try model.addAdapter(options, beside: TemporaryFolder().url, seed: 1)
    }
    model.trained.forEach { $0.value.setRequiresGradientInPlace() }
    let output = trainingForward(sequences, decoder: model.decoder, head: model.head)
    let rewards = try #require(output.rewards)
    let nll = try #require(output.nll)
    ((rewards * rewards).sum() + nll.mean()).backward()
    #expect(adapter == model.decoder.parameters.allSatisfy { $0.value.gradient == nil })
    return [("rewards", rewards.floats), ("nll", nll.floats)]
      + model.trained.map { ($0.name, $0.value.gradient?.floats ?? []) }
  }

  /// Two responses to one prompt with two critiques each, and a text that is another one's beginning.
  private static let sequences: [TrainingSequence] = {
    var random = SeededGenerator(seed: 9)
    func tokens(_ count: Int) -> [Int32] {
      (0..<count).map { _ in Int32.random(in: 0..<250, using: &random) }
    }
    let prompt = tokens(40)
    var all: [TrainingSequence] = []
    for _ in 0..<2 {
      let response = prompt + tokens(12)
      for _ in 0..<2 {
        let whole = response + tokens(9)
        all.append(
          TrainingSequence(
            tokens: whole,
            targets: Array(response.count..<whole.count),
            scoredIndex: whole.count - 1
          )
        )
      }
      all.append(TrainingSequence(tokens: response, targets: [], scoredIndex: response.count - 1))
    }
    return all
  }()

  @Test(
    "rewards, losses and gradients are those of texts that share nothing",
    arguments: [false, true]
  )
  func shared(adapter: Bool) throws {
    let alone = try gradients(Self.sequences, { $0.sharesPrefixes = false }, adapter: adapter)
    let shared = try gradients(Self.sequences, { $0.sharesPrefixes = true }, adapter: adapter)
    for (own, other) in zip(shared, alone) {
      expectClose(own.values, other.values, relative: 1e-5, absolute: 1e-5, own.name)
    }
  }

  @Test("what is alike is read once, in a multiple of rows")
  func rows() {
    // 40 of the prompt, two responses of 12, four critiques of 9: 100 rows, where the texts have 348 tokens.
    let tokens = Self.sequences.map(\.tokens)
    let batch = PackedBatch(tokens, sharesPrefixes: true)
    #expect(batch.rowCount == 100 && batch.tokenCount == 348)
    #expect(PackedBatch(tokens, isRounded: true, sharesPrefixes: true).rowCount == 128)
    #expect(PackedBatch(tokens).rowCount == 348)
    // Texts with nothing alike are not touched.
    #expect(PackedBatch([[1, 2, 3], [1, 5]], sharesPrefixes: true).rowCount == 5)
  }

  @Test(
    "blocks that are computed twice give the same gradients, bit for bit",
    arguments: [false, true],
    [DType.float32, .bfloat16]
  )
  func recomputed(adapter: Bool, dtype: DType) throws {
    func gradients(_ recomputes: Bool) throws -> [[Float]] {
      try self.gradients(
        Self.sequences,
        {
          $0.dtype = dtype
          $0.recomputes = recomputes
        },
        adapter: adapter
      ).map(\.values)
    }
    #expect(try gradients(true) == gradients(false))
  }
}
