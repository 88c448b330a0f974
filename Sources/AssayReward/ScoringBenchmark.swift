import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// Measures scoring in one forward pass, on fixed shapes with random weights.
package struct ScoringBenchmark {
  /// What `assay bench score` prints.
  package struct Result: Codable, Sendable {
    /// `score`.
    package var bench = "score"
    /// The shape's name.
    package var shape: String
    /// `f32` or `bf16`.
    package var dtype: String
    /// Texts that are scored at once.
    package var batch: Int
    /// Tokens of each text.
    package var textTokens: Int
    /// Threads used.
    package var threads: Int
    /// What Assay's own kernels run on, as `avx512`.
    package var kernels = Engine.kernelLevel
    /// The median time of a repeat.
    package var seconds: Double
    /// Texts over that time.
    package var textsPerSecond: Double
    /// Tokens of the texts over that time.
    package var tokensPerSecond: Double
    /// Multiply-adds that the scores of a batch need; see `ScoringBenchmark.multiplyAdds`.
    package var multiplyAdds: Int
    /// Twice the multiply-adds over that time.
    package var operationsPerSecond: Double
    /// Most resident memory of the process so far.
    package var peakMemoryMB: Int
    /// Timed repeats behind a warm-up.
    package var repeats: Int
    /// How weights were kept.
    package var weights: WeightFormat
    /// Whether texts and scores did not depend on what was beside them, bit for bit.
    package var batchInvariant: Bool

    enum CodingKeys: String, CodingKey {
      case bench, shape, dtype, batch, threads, kernels, seconds, repeats
      case textTokens = "text_tokens"
      case textsPerSecond = "texts_per_s"
      case tokensPerSecond = "tokens_per_s"
      case multiplyAdds = "multiply_adds"
      case operationsPerSecond = "flops_per_s"
      case peakMemoryMB = "peak_memory_mb"
      case weights
      case batchInvariant = "batch_invariant"
    }
  }

  let shape: GenerationBenchmark.Shape
  let batch: Int
  let dtype: DType
  let device: Device
  let repeats: Int
  let seed: UInt64

  /// How weights of products are kept.
  package var weightFormat = WeightFormat.plain
  /// Whether texts and scores do not depend on what is beside them, bit for bit.
  package var isBatchInvariant = false

  /// Prepares a measurement.
  ///
  /// - Parameters:
  ///   - shape: The model; it gets a linear head with one label.
  ///   - batch: Texts of random tokens that are scored at once.
  ///   - dtype: The type of products; `nil` is the shape's own.
  ///   - device: Where.
  ///   - repeats: Timed repeats; the median counts.
  ///   - seed: Weights and texts are functions of it.
  package init(
    shape: GenerationBenchmark.Shape,
    batch: Int,
    dtype: DType? = nil,
    device: Device = .cpu,
    repeats: Int = 5,
    seed: UInt64 = 0
  ) {
    self.shape = shape
    self.batch = batch
    self.dtype = dtype ?? shape.dtype
    self.device = device
    self.repeats = repeats
    self.seed = seed
  }

  /// Scores the batch once to warm up and then in each repeat, as `ModelScorer` does.
  ///
  /// - Returns: The figures.
  /// - Throws: `TensorError` where memory runs out.
  package func run() throws -> Result {
    let configuration = shape.configuration
    let decoder = Decoder(
      random: configuration,
      seed: seed &+ 1,
      device: device,
      dtype: dtype,
      isLanguageModel: false,
      execution: Execution(
        dtype: dtype,
        weights: weightFormat,
        isBatchInvariant: isBatchInvariant
      )
    )
    decoder.packForInference()
    let head = RewardHead(
      random: .linear,
      hiddenSize: configuration.hiddenSize,
      seed: seed &+ 2,
      device: device
    )
    let length = shape.promptTokens
    let texts = randomTokens(
      batch,
      length: length,
      below: configuration.vocabularySize,
      seed: seed &+ 7
    )
    let passes = texts.map { ModelPass(tokens: $0, index: length - 1) }
    let reader = PassReader(decoder, head: head)
    let seconds = try medianSeconds(repeats: repeats) {
      let rewards = try reader.read(passes, .reward).map(\.value)
      if let index = rewards.firstIndex(where: { !$0.isFinite }) {
        throw RewardError.notFinite(index: index, value: rewards[index])
      }
    }
    let multiplyAdds = Self.multiplyAdds(configuration, texts: batch, length: length)
    return Result(
      shape: shape.rawValue,
      dtype: dtype == .bfloat16 ? "bf16" : "f32",
      batch: batch,
      textTokens: length,
      threads: Engine.threads,
      seconds: (seconds * 1e6).rounded() / 1e6,
      textsPerSecond: (Double(batch) / seconds * 100).rounded() / 100,
      tokensPerSecond: (Double(batch * length) / seconds * 10).rounded() / 10,
      multiplyAdds: multiplyAdds,
      operationsPerSecond: (2 * Double(multiplyAdds) / seconds).rounded(),
      peakMemoryMB: ProcessMemory.peakMB,
      repeats: repeats,
      weights: weightFormat,
      batchInvariant: isBatchInvariant
    )
  }

  /// The multiply-adds of matrix products that scores with a linear head need.
  ///
  /// With T tokens, D hidden, H query and G key/value heads of width K and F feed-forward width, a
  /// token needs `D (H + 2 G) K + H K D + 3 D F` in each block, and attention
  /// `T (T + 1) / 2 * 2 H K` a text and block, what is masked not counted. In the last block only
  /// the scored token goes on behind the keys and values: its queries alone attend, over all T.
  ///
  /// - Parameters:
  ///   - configuration: The model's sizes.
  ///   - texts: How many texts.
  ///   - length: T, tokens of each.
  /// - Returns: Multiply-adds; an operation count is twice that.
  package static func multiplyAdds(
    _ configuration: ModelConfiguration,
    texts: Int,
    length: Int
  ) -> Int {
    let (D, F) = (configuration.hiddenSize, configuration.feedForwardSize)
    let (HK, GK) = (
      configuration.headCount * configuration.headWidth,
      configuration.groupCount * configuration.headWidth
    )
    let behindAttention = HK * D + 3 * D * F
    let block = length * (D * (HK + 2 * GK) + behindAttention) + length * (length + 1) * HK
    let lastBlock = length * D * 2 * GK + D * HK + 2 * length * HK + behindAttention
    return texts * ((configuration.layerCount - 1) * block + lastBlock + D)
  }
}
