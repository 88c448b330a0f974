import AssayModel
import AssayTensor
import AssayText
import Foundation

/// Measures text generation on fixed shapes with random weights.
public struct GenerationBenchmark {
  /// A fixed shape.
  public enum Shape: String, CaseIterable, Sendable {
    /// 1.1 M parameters in float32; 96 prompt tokens and 96 new ones.
    case s
    /// 0.63 B parameters in bfloat16; 96 prompt tokens and 24 new ones.
    case q

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
          hiddenSize: 896,
          layerCount: 24,
          headCount: 14,
          groupCount: 2,
          feedForwardSize: 4864,
          vocabularySize: 151_936
        )
      configuration.contextTokens = 256
      return configuration
    }
    /// The type that the shape is measured in.
    public var dtype: DType { self == .s ? .float32 : .bfloat16 }
    var newTokens: Int { self == .s ? 96 : 24 }
  }

  /// What `assay bench generate` prints.
  public struct Result: Codable, Sendable {
    /// `generate`.
    public var bench = "generate"
    /// The shape's name.
    public var shape: String
    /// `f32` or `bf16`.
    public var dtype: String
    /// Different prompts.
    public var prompts: Int
    /// Samples of each prompt.
    public var samples: Int
    /// Threads used.
    public var threads: Int
    /// New tokens over the median time of a repeat, reading the prompts included.
    public var tokensPerSecond: Double
    /// Most resident memory of the process so far.
    public var peakMemoryMB: Int
    /// Timed repeats behind a warm-up.
    public var repeats: Int

    enum CodingKeys: String, CodingKey {
      case bench, shape, dtype, prompts, samples, threads, repeats
      case tokensPerSecond = "tokens_per_s"
      case peakMemoryMB = "peak_memory_mb"
    }
  }

  /// Spells ids as numbers: random weights have no vocabulary.
  private struct NumberTokenizer: Tokenizer {
    let vocabularySize: Int
    func encode(_ text: String) -> [Int32] { encodePlain(text) }
    func encodePlain(_ text: String) -> [Int32] {
      text.split(separator: " ").compactMap { Int32($0) }
    }
    func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String {
      ids.map(String.init).joined(separator: " ")
    }
    func id(of token: String) -> Int32? { Int32(token) }
  }

  let shape: Shape
  let prompts: Int
  let samples: Int
  let dtype: DType
  let device: Device
  let repeats: Int

  /// Prepares a measurement.
  ///
  /// - Parameters:
  ///   - shape: The model.
  ///   - prompts: Different prompts of 96 random tokens.
  ///   - samples: Samples of each.
  ///   - dtype: The type of products; `nil` is the shape's own.
  ///   - device: Where.
  ///   - repeats: Timed repeats; the median counts.
  public init(
    shape: Shape,
    prompts: Int,
    samples: Int,
    dtype: DType? = nil,
    device: Device = .cpu,
    repeats: Int = 5
  ) {
    self.shape = shape
    self.prompts = prompts
    self.samples = samples
    self.dtype = dtype ?? shape.dtype
    self.device = device
    self.repeats = repeats
  }

  /// Generates once to warm up and then in each repeat, at temperature 1 and without a stop.
  ///
  /// - Returns: The figures.
  /// - Throws: `TensorError` where memory runs out.
  public func run() throws -> Result {
    let decoder = Decoder(random: shape.configuration, seed: 1, device: device, dtype: dtype)
    decoder.computeType = dtype
    let vocabulary = shape.configuration.vocabularySize
    let engine = GenerationEngine(
      decoder: decoder,
      head: nil,
      tokenizer: NumberTokenizer(vocabularySize: vocabulary),
      options: .init(cacheBytes: 4 << 30)
    )
    var state: UInt64 = 7
    func token() -> Int32 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int32((state >> 33) % UInt64(vocabulary))
    }
    let requests = (0..<prompts).flatMap { prompt in
      let tokens = (0..<96).map { _ in token() }
      return (0..<samples).map { sample in
        GenerationRequest(
          promptTokens: tokens,
          settings: SamplingSettings(temperature: 1),
          maximumTokens: shape.newTokens,
          seed: UInt64(prompt * samples + sample)
        )
      }
    }
    var seconds: [Double] = []
    for repeatIndex in 0...repeats {
      let elapsed = try ContinuousClock().measure { _ = try engine.run(requests) }
      let (whole, rest) = elapsed.components
      if repeatIndex > 0 { seconds.append(Double(whole) + Double(rest) * 1e-18) }
    }
    let median = seconds.sorted()[seconds.count / 2]
    return Result(
      shape: shape.rawValue,
      dtype: dtype == .bfloat16 ? "bf16" : "f32",
      prompts: prompts,
      samples: samples,
      threads: Engine.threads,
      tokensPerSecond: (Double(requests.count * shape.newTokens) / median).rounded(),
      peakMemoryMB: Self.peakMemoryMB,
      repeats: repeats
    )
  }

  private static var peakMemoryMB: Int {
    var usage = rusage()
    #if os(Linux)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Int(usage.ru_maxrss) / 1024
    #else
    getrusage(RUSAGE_SELF, &usage)
    return Int(usage.ru_maxrss) / (1024 * 1024)
    #endif
  }
}
