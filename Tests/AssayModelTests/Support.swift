import AssayModel
import AssayTensor
import AssayText
import Foundation

/// A model that `Scripts/record_transformers.py` wrote, and what PyTorch computes with it.
struct Fixture {
  struct Expected: Decodable {
    struct Optimizer: Decodable {
      struct Final: Decodable {
        let sum: Double
        let l2: Double
      }
      let learningRate: Double
      let betas: [Double]
      let epsilon: Double
      let weightDecay: Double
      let clip: Double
      let losses: [Double]
      let gradientNorms: [Double]
      let final: [String: Final]
    }
    let sequences: [[Int32]]
    let loss: Double
    let adamw: Optimizer?
    let gradients: [String: Optimizer.Final]?
    let chosen: [Int64]?
    let rejected: [Int64]?
  }

  let expected: Expected
  let tensors: SafetensorsFile
  let decoder: Decoder
  let head: RewardHead?
  let folder: URL

  init(_ name: String, dtype: DType = .float32) throws {
    folder = try Self.folder(name)
    let json = JSONDecoder()
    json.keyDecodingStrategy = .custom { path in
      // Parameters' names stay as they are.
      let key = path[path.count - 1]
      let camel = ["learning_rate": "learningRate", "weight_decay": "weightDecay"]
        .merging(["gradient_norms": "gradientNorms"]) { first, _ in first }
      return camel[key.stringValue].map(Key.init) ?? key
    }
    let data = try Data(contentsOf: folder.appendingPathComponent("expected.json"))
    expected = try json.decode(Expected.self, from: data)
    tensors = try SafetensorsFile(folder.appendingPathComponent("expected.safetensors"))
    let weights = try Model.loadWeights(folder, dtype: dtype)
    decoder = weights.decoder
    head = weights.head
  }

  static func folder(_ name: String) throws -> URL {
    let resources = Bundle.module.resourceURL?.appendingPathComponent("Fixtures")
    guard let resources else { throw CocoaError(.fileNoSuchFile) }
    return resources.appendingPathComponent(name)
  }

  var batch: PackedBatch { PackedBatch(expected.sequences) }
  var parameters: [Parameter] { decoder.parameters + (head?.parameters ?? []) }

  func floats(_ name: String) throws -> [Float] { try tensors.tensor(named: name).floats }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

/// The gradients of a decoder's weights under the names of a checkpoint, zeros where there are none.
func checkpointGradients(_ decoder: Decoder) -> [(name: String, tensor: Tensor)] {
  decoder.named { $0.value.gradient ?? .zeros($0.value.shape) }
}

/// Small models with random weights and a tokenizer of our own.
enum Tiny {
  static func configuration(
    tied: Bool = false,
    _ architecture: Architecture = .llama
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration(
      architecture,
      hiddenSize: 32,
      layerCount: 2,
      headCount: 4,
      groupCount: 2,
      feedForwardSize: 48,
      vocabularySize: 304
    )
    configuration.tiesEmbeddings = tied
    switch architecture {
    case .qwen3:  // Heads that are wider than the stream divided by them, a window in one block.
      configuration.headWidth = 16
      configuration.attention.window = .init(tokens: 11, layers: [false, true])
    case .mistral: configuration.attention.window = .init(tokens: 7)
    case .debertaV2:
      configuration.groupCount = 4
      configuration.encoder = EncoderOptions(buckets: 8, farthest: 64)
      configuration.encoder?.convolution = .init(tokens: 3, isGELU: false)
      configuration.options.activation = .silu
    case .gemma:
      configuration.options.normOffset = 1
      configuration.options.activation = .gelu
      configuration.options.embeddingScale = Double(32).squareRoot()
    case .gemma3:
      configuration.attention.window = .init(tokens: 7, layers: [true, false])
      configuration.attention.scale = 0.25
      configuration.rotary = Rotary(base: 1e6, scaling: .linear(factor: 8))
      configuration.rotary.windowBase = 100
      configuration.options.normOffset = 1
      configuration.options.activation = .gelu
      configuration.options.embeddingScale = Double(32).squareRoot()
    case .mixtral:
      configuration.experts = Experts(count: 4, perToken: 2, width: 48, normalizesShares: true)
    case .qwen3MoE:
      configuration.headWidth = 16
      configuration.experts = Experts(count: 5, perToken: 3, width: 16, normalizesShares: false)
      configuration.experts?.denseLayers = [0]
    case .gemma2:
      configuration.attention.window = .init(tokens: 7, layers: [true, false])
      configuration.attention.scale = 0.25
      configuration.attention.softCap = 2
      configuration.options.normOffset = 1
      configuration.options.activation = .gelu
      configuration.options.embeddingScale = Double(32).squareRoot()
      configuration.options.logitCap = 3
    case .granite:
      configuration.attention.scale = 0.5
      configuration.options.embeddingScale = 3
      configuration.options.residualScale = 0.75
      configuration.options.logitScale = 0.5
    case .phi3:
      configuration.rotary.share = 0.5
      configuration.attention.window = .init(tokens: 9)
    case .smollm3: configuration.rotary.unrotated = [false, true]
    default: break
    }
    configuration.contextTokens = 192
    configuration.initializerRange = 0.2
    configuration.padTokenID = 0
    configuration.beginTokenID = 1
    configuration.endTokenIDs = [5]
    return configuration
  }

  static func tokenizer() throws -> any Tokenizer {
    try BPETrainer(vocabularySize: 300, specialTokens: ChatTemplate.assaySpecialTokens)
      .train(["The answer is 34. What is 2 + 3? The answer is correct. Name a color."])
  }

  static func model(
    _ configuration: ModelConfiguration = configuration(),
    kind: ModelKind = .classic,
    head: RewardHead.Kind? = .linear
  ) throws -> Model {
    Model(
      decoder: Decoder(random: configuration, seed: 1),
      head: head.map { RewardHead(random: $0, hiddenSize: configuration.hiddenSize, seed: 2) },
      tokenizer: try tokenizer(),
      template: .assay,
      manifest: ModelManifest(
        kind: kind,
        leadIn: kind == .cloud ? "Critique the answer." : nil,
        critiqueTokens: kind == .cloud ? 64 : nil
      )
    )
  }
}
