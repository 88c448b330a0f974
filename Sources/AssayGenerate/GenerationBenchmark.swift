import AssayBase
import AssayModel
import AssayTensor
import AssayText

/// Measures text generation on fixed shapes with random weights.
package struct GenerationBenchmark {
  /// A fixed shape.
  package enum Shape: String, CaseIterable, Sendable {
    /// 1.1 M parameters in float32; 96 prompt tokens and 96 new ones.
    case s
    /// 0.63 B parameters in bfloat16; 96 prompt tokens and 24 new ones.
    case q

    /// The sizes of SmolLM2-135M, with an output matrix of its own, in bfloat16; 96 prompt tokens and 48 new ones.
    case r

    /// The decoder's sizes.
    package var configuration: ModelConfiguration {
      var configuration =
        switch self {
        case .s:
          ModelConfiguration(
            hiddenSize: 128,
            layerCount: 4,
            headCount: 4,
            feedForwardSize: 512,
            vocabularySize: 512
          )
        case .q:
          ModelConfiguration(
            hiddenSize: 896,
            layerCount: 24,
            headCount: 14,
            groupCount: 2,
            feedForwardSize: 4864,
            vocabularySize: 151_936
          )
        case .r:
          ModelConfiguration(
            hiddenSize: 576,
            layerCount: 30,
            headCount: 9,
            groupCount: 3,
            feedForwardSize: 1536,
            vocabularySize: 49_152
          )
        }
      configuration.contextTokens = 256
      return configuration
    }
    /// The type that the shape is measured in.
    package var dtype: DType { self == .s ? .float32 : .bfloat16 }
    /// Tokens that every prompt, and every text to score, has.
    package var promptTokens: Int { 96 }
    /// New tokens of each sample.
    package var newTokens: Int {
      switch self {
      case .s: 96
      case .q: 24
      case .r: 48
      }
    }
  }

  /// What `assay bench generate` prints.
  package struct Result: Codable, Sendable {
    /// `generate`.
    package var bench = "generate"
    /// The shape's name.
    package var shape: String
    /// `f32` or `bf16`.
    package var dtype: String
    /// Different prompts.
    package var prompts: Int
    /// Samples of each prompt.
    package var samples: Int
    /// Tokens of each prompt.
    package var promptTokens: Int
    /// New tokens of each sample.
    package var newTokens: Int
    /// Threads used.
    package var threads: Int
    /// What Assay's own kernels run on, as `avx512`.
    package var kernels = Engine.kernelLevel
    /// The median time of a repeat.
    package var seconds: Double
    /// New tokens over the median time of a repeat, reading the prompts included.
    package var tokensPerSecond: Double
    /// Most resident memory of the process so far.
    package var peakMemoryMB: Int
    /// Timed repeats behind a warm-up.
    package var repeats: Int
    /// How weights were kept.
    package var weights: WeightFormat
    /// Whether texts and scores did not depend on what was beside them, bit for bit.
    package var batchInvariant: Bool
    /// Whether texts were held to a grammar.
    package var grammar: Bool

    enum CodingKeys: String, CodingKey {
      case bench, shape, dtype, prompts, samples, threads, kernels, seconds, repeats
      case promptTokens = "prompt_tokens"
      case newTokens = "new_tokens"
      case tokensPerSecond = "tokens_per_s"
      case peakMemoryMB = "peak_memory_mb"
      case weights, grammar
      case batchInvariant = "batch_invariant"
    }
  }

  /// Spells ids as bytes and, from 256 on, as words, as vocabularies do; the last one ends a text.
  private struct SpellingTokenizer: Tokenizer {
    let vocabularySize: Int
    var end: Int32 { Int32(vocabularySize - 1) }
    func encode(_ text: String) -> [Int32] { encodePlain(text) }
    func encodePlain(_ text: String) -> [Int32] { text.utf8.map { Int32($0) } }
    func bytes(of ids: [Int32], skipSpecialTokens: Bool) -> [UInt8] {
      ids.flatMap { id -> [UInt8] in
        guard id >= 256 else { return [UInt8(truncatingIfNeeded: id)] }
        var (word, rest) = (Array(" ".utf8), Int(id))
        while rest > 0 {
          word.append(UInt8(ascii: "a") + UInt8(rest % 26))
          rest /= 26
        }
        return word
      }
    }
    func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String {
      String(decoding: bytes(of: ids, skipSpecialTokens: skipSpecialTokens), as: UTF8.self)
    }
    func id(of token: String) -> Int32? { nil }
    func isSpecial(_ id: Int32) -> Bool { id == end }
    var document: JSONValue { .null }
  }

  let shape: Shape
  let prompts: Int
  let samples: Int
  let promptTokens: Int
  let newTokens: Int
  let dtype: DType
  let device: Device
  let repeats: Int
  let seed: UInt64

  /// How weights of products are kept.
  package var weightFormat = WeightFormat.plain
  /// Whether texts and scores do not depend on what is beside them, bit for bit.
  package var isBatchInvariant = false
  /// What texts may be; `nil` allows all, and lets none end.
  package var grammar: Grammar?

  /// Prepares a measurement.
  ///
  /// - Parameters:
  ///   - shape: The model.
  ///   - prompts: Different prompts of random tokens.
  ///   - samples: Samples of each.
  ///   - promptTokens: Tokens of each prompt; `nil` is the shape's own.
  ///   - newTokens: New tokens of each sample; `nil` is the shape's own.
  ///   - dtype: The type of products; `nil` is the shape's own.
  ///   - device: Where.
  ///   - repeats: Timed repeats; the median counts.
  ///   - seed: Weights, prompts and samples are functions of it.
  package init(
    shape: Shape,
    prompts: Int,
    samples: Int,
    promptTokens: Int? = nil,
    newTokens: Int? = nil,
    dtype: DType? = nil,
    device: Device = .cpu,
    repeats: Int = 5,
    seed: UInt64 = 0
  ) {
    self.shape = shape
    self.prompts = prompts
    self.samples = samples
    self.promptTokens = promptTokens ?? shape.promptTokens
    self.newTokens = newTokens ?? shape.newTokens
    self.dtype = dtype ?? shape.dtype
    self.device = device
    self.repeats = repeats
    self.seed = seed
  }

  /// Generates once to warm up and then in each repeat, at temperature 1 and without a stop but the
  /// grammar's.
  ///
  /// - Returns: The figures.
  /// - Throws: `GenerationError` where keys and values do not fit, `TensorError` where memory runs
  ///   out.
  package func run() throws -> Result {
    var configuration = shape.configuration
    configuration.contextTokens = max(configuration.contextTokens, promptTokens + newTokens)
    let decoder = Decoder(
      random: configuration,
      seed: seed &+ 1,
      device: device,
      dtype: dtype,
      execution: Execution(
        dtype: dtype,
        weights: weightFormat,
        isBatchInvariant: isBatchInvariant
      )
    )
    decoder.packForInference()
    let vocabulary = configuration.vocabularySize
    let tokenizer = SpellingTokenizer(vocabularySize: vocabulary)
    let ends: Set<Int32> = grammar == nil ? [] : [tokenizer.end]
    let bound = try grammar.map { try GrammarBinder(tokenizer).bind($0, ends: ends) }
    let engine = GenerationEngine(
      decoder: decoder,
      head: nil,
      tokenizer: tokenizer,
      options: .init(cacheBytes: 4 << 30)
    )
    let texts = randomTokens(prompts, length: promptTokens, below: vocabulary, seed: seed &+ 7)
    let requests = texts.enumerated().flatMap { prompt, tokens in
      (0..<samples).map { sample in
        GenerationRequest(
          promptTokens: tokens,
          settings: SamplingSettings(temperature: 1),
          maximumTokens: newTokens,
          stopTokens: ends,
          seed: seed,
          draw: sample,
          grammar: bound
        )
      }
    }
    let seconds = try medianSeconds(repeats: repeats) { _ = try engine.run(requests) }
    return Result(
      shape: shape.rawValue,
      dtype: dtype == .bfloat16 ? "bf16" : "f32",
      prompts: prompts,
      samples: samples,
      promptTokens: promptTokens,
      newTokens: newTokens,
      threads: Engine.threads,
      seconds: (seconds * 1e6).rounded() / 1e6,
      tokensPerSecond: (Double(requests.count * newTokens) / seconds * 10).rounded() / 10,
      peakMemoryMB: ProcessMemory.peakMB,
      repeats: repeats,
      weights: weightFormat,
      batchInvariant: isBatchInvariant,
      grammar: grammar != nil
    )
  }
}

/// Texts of random tokens for measurements.
///
/// - Parameters:
///   - count: How many texts.
///   - length: Tokens of each.
///   - limit: Every id is below it.
///   - seed: The tokens are a function of it.
/// - Returns: The texts.
package func randomTokens(_ count: Int, length: Int, below limit: Int, seed: UInt64) -> [[Int32]] {
  var state = seed
  return (0..<count).map { _ in
    (0..<length).map { _ in
      // Knuth's linear congruential generator; its high bits are the random ones.
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int32((state >> 33) % UInt64(limit))
    }
  }
}

/// Measures work after one run to warm up.
///
/// - Parameters:
///   - repeats: How many runs are timed, at least one.
///   - work: What is measured.
/// - Returns: The median time in seconds, the upper one of two.
/// - Throws: What the work throws.
package func medianSeconds(repeats: Int, _ work: () throws -> Void) rethrows -> Double {
  try work()
  let seconds = try (0..<repeats).map { _ in
    let elapsed = try ContinuousClock().measure(work).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }
  return seconds.sorted()[repeats / 2]
}
