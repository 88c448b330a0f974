import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayRun
import AssayTensor
import Foundation

/// Numbers of the compute type that recipes and the command line know.
package enum ComputeType: String, CaseIterable, Codable, Sendable {
  /// Everything in float32.
  case f32
  /// Products in bfloat16; weights, moments and reductions in float32.
  case bf16

  /// The engine's name for it.
  package var dtype: DType { self == .f32 ? .float32 : .bfloat16 }
}

/// Where and how a recipe computes.
package struct ComputeSection: RecipeSection {
  /// The type of matrix products.
  ///
  /// Default: `f32`.
  package var dtype = ComputeType.f32
  /// `cpu`, `cuda` or `mps`.
  ///
  /// Default: null, the best one present.
  package var device: String?
  /// Whether a model whose chat template cannot be followed exactly is given the nearest preset.
  ///
  /// What is trained then has the preset as its own.
  ///
  /// Default: false, conversations for such a model are refused.
  package var approximateTemplate = false
  /// Every draw is a function of it.
  ///
  /// Default: 1.
  package var seed = 1
  /// How many positions every second sequence jumps over in training, at most and in all.
  ///
  /// A model that learns from short texts only finds, with jumps, what lies further back in longer
  /// ones. Texts are read without jumps wherever they are scored, judged or written.
  ///
  /// Default: 0, none.
  package var positionJumps = 0
  /// Whether blocks are computed a second time for their gradients, in place of keeping what lies between:
  /// less memory, a third more time, the same result.
  ///
  /// Default: false.
  package var recompute = false
  /// Whether what texts of a batch begin with alike, such as the prompt of a pair, is read once.
  ///
  /// Default: true; what is learnt is the same up to rounding.
  package var sharePrefixes = true
  /// What is trained in place of a model's weights.
  package var adapter = AdapterSection()
  /// Steps that the trainings of a method have together, each its part of them; its data are read as
  /// often as that takes.
  ///
  /// Default: null, as many as its epochs give.
  package var steps: Int?
  /// After how many steps a checkpoint is written.
  ///
  /// Default: 200.
  package var checkpointSteps = 200
  /// How many checkpoints of a training are kept: the last one, from which it goes on, and those before
  /// it, in `checkpoints`.
  ///
  /// Default: 1.
  package var keptCheckpoints = 1

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(
      device == nil || Device.allCases.contains { $0.name == device },
      "device",
      "cpu, cuda, mps or null"
    )
    checks.require(seed >= 0, "seed", "a number of at least 0")
    checks.require(positionJumps >= 0, "positionJumps", "a number of at least 0")
    checks.require((steps ?? 1) > 0, "steps", "a number of steps above 0, or null")
    checks.require(checkpointSteps > 0, "checkpointSteps", "a number of steps above 0")
    checks.require(keptCheckpoints > 0, "keptCheckpoints", "a number above 0")
  }

  /// The device to use.
  ///
  /// - Returns: The one named, else the best one present.
  /// - Throws: `TensorError.deviceUnavailable`.
  package func chosenDevice() throws -> Device {
    guard let device else { return .best }
    guard let chosen = Device.allCases.first(where: { $0.name == device }), chosen.isAvailable
    else { throw TensorError.deviceUnavailable(device: device) }
    return chosen
  }

  /// Loads a model to read and write with it.
  ///
  /// - Parameters:
  ///   - folder: The model's folder.
  ///   - type: What it computes in.
  /// - Returns: The model; in bfloat16 what is stored so stays so.
  /// - Throws: What loading throws.
  package func model(_ folder: URL, in type: ComputeType) throws -> Model {
    let model = try Model.load(
      folder,
      dtype: type == .bf16 ? nil : .float32,
      device: try chosenDevice(),
      approximateTemplate: approximateTemplate
    )
    model.decoder.execution = Execution(dtype: type.dtype)
    return model
  }

  /// What loads models to read and write with them in a type.
  package func loader(in type: ComputeType) -> @Sendable (URL) throws -> Model {
    { try model($0, in: type) }
  }

  /// Loads a model to write the texts of a stage, each of which is kept as soon as it is finished.
  ///
  /// - Parameters:
  ///   - folder: The model's folder.
  ///   - stage: The stage.
  ///   - events: Hears of tokens as they are written.
  /// - Returns: What writes.
  /// - Throws: What loading throws, or `FileError`.
  func writer(
    _ folder: URL,
    for stage: Stage,
    events: @escaping RunEventHandler
  ) throws -> ModelWriter {
    ModelWriter(try stage.port(try model(folder, in: dtype), events: events))
  }

  /// Loads a model to train it, or an adapter beside it where the section asks for one.
  ///
  /// - Parameters:
  ///   - folder: The model's folder.
  ///   - adapts: Whether an adapter may be trained in place of the weights.
  /// - Returns: The model, which computes as the section says.
  /// - Throws: What loading throws, and `ModelError.lacks` of an encoder, or where an adapter's target is
  ///   no layer of the model.
  func modelToTrain(_ folder: URL, adapts: Bool = true) throws -> Model {
    let options = adapts ? adapter.options : nil
    // Weights that stay as they are need no more digits than they have, or products read.
    let model = try Model.load(
      folder,
      dtype: options != nil && dtype == .bf16 ? nil : .float32,
      device: try chosenDevice(),
      approximateTemplate: approximateTemplate
    )
    guard !model.decoder.configuration.architecture.isEncoder else {
      throw ModelError.lacks(
        path: folder.path,
        part: "decoder",
        hint: "an encoder scores texts here and is not trained; give a language model as base"
      )
    }
    prepare(model)
    if let options { try addAdapter(options, to: model, folder) }
    return model
  }

  /// Has an adapter trained beside a model's weights, which are kept as the section says.
  func addAdapter(_ options: LowRankOptions, to model: Model, _ folder: URL) throws {
    guard adapter.base == .plain || model.decoder.device == .cpu else {
      throw TensorError.deviceUnavailable(
        device: "\(model.decoder.device.name) for compute.adapter.base \(adapter.base.rawValue)"
      )
    }
    try model.addAdapter(options, beside: folder, seed: UInt64(seed))
    model.freezeBase(adapter.base)
  }

  /// Has a model compute in training as the section says.
  func prepare(_ model: Model) {
    model.decoder.execution = Execution(dtype: dtype.dtype)
    model.decoder.execution.recomputes = recompute
    model.decoder.execution.sharesPrefixes = sharePrefixes
    model.positionJumps = positionJumps
  }
}

/// An adapter that is trained in place of a model's weights.
///
/// Products of low rank beside those of linear layers; the reward head is trained whole.
package struct AdapterSection: RecipeSection {
  /// The rank of each product.
  ///
  /// Default: 0, no adapter: all weights are trained.
  package var rank = 0
  /// How the weights beside it are kept: as they are (`plain`), or in 8 or 4 bits (`int8`, `int4`), on the CPU alone;
  /// embeddings and norms stay plain, and what is learnt is merged into the weights of the folder.
  ///
  /// Default: `plain`.
  package var base = WeightFormat.plain
  /// What is learnt counts this over the rank.
  ///
  /// Default: 32.
  package var alpha = 32.0
  /// Whether it counts alpha over the rank's root instead (rsLoRA).
  ///
  /// Default: false.
  package var rslora = false
  /// Whether rows have magnitudes of their own (DoRA).
  ///
  /// Default: false.
  package var dora = false
  /// The layers that get a product, such as `q_proj`.
  ///
  /// Default: none named, which is every linear layer of the blocks.
  package var targets: [String] = []

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require((0...4096).contains(rank), "rank", "0 (no adapter) to 4096")
    checks.require(alpha > 0 && alpha.isFinite, "alpha", "a number above 0")
    checks.require(base == .plain || rank > 0, "base", "plain, or a rank above 0 beside it")
  }

  /// Bytes of so many numbers of the weights beside it in few bits; none where they are plain.
  func packedBytes(_ count: Int) -> Int {
    switch base {
    case .plain: 0
    case .int8: count
    // 4 bits, and 16 for each 32 numbers.
    case .int4: count * 9 / 16
    }
  }

  /// How products are made; `nil` where all weights are trained.
  var options: LowRankOptions? {
    guard rank > 0 else { return nil }
    var options = LowRankOptions(rank: rank, alpha: alpha)
    options.isRankStabilized = rslora
    options.hasMagnitudes = dora
    options.targets = targets
    return options
  }
}

/// The sizes of a new model.
package struct ArchitectureSection: RecipeSection {
  /// D, the width of the residual stream.
  ///
  /// Default: 128.
  package var hiddenSize = 128
  /// Blocks.
  ///
  /// Default: 4.
  package var layers = 4
  /// Query heads; divides the width.
  ///
  /// Default: 4.
  package var heads = 4
  /// Key/value heads; divides `heads`.
  ///
  /// Default: 4.
  package var groups = 4
  /// F, the width of the feed-forward part.
  ///
  /// Default: 384.
  package var feedForwardSize = 384
  /// Longest sequence, in tokens.
  ///
  /// Default: 512.
  package var contextTokens = 512
  /// Whether input and output embeddings are one.
  ///
  /// Default: true.
  package var tiesEmbeddings = true
  /// Standard deviation of new weights.
  ///
  /// Default: 0.05, which suits widths of hundreds.
  package var initializerRange = 0.05

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    for (value, name) in [
      (hiddenSize, "hiddenSize"), (layers, "layers"), (heads, "heads"), (groups, "groups"),
      (feedForwardSize, "feedForwardSize"), (contextTokens, "contextTokens"),
    ] { checks.require(value > 0, name, "a number above 0") }
    checks.require(
      heads > 0 && hiddenSize % (2 * max(heads, 1)) == 0,
      "heads",
      "a number such that hidden_size / heads is even"
    )
    checks.require(groups > 0 && heads % max(groups, 1) == 0, "groups", "a divisor of heads")
    checks.require(initializerRange > 0, "initializerRange", "a number above 0")
  }

  /// The configuration of a model with a vocabulary.
  func configuration(vocabularySize: Int) -> ModelConfiguration {
    var configuration = ModelConfiguration(
      hiddenSize: hiddenSize,
      layerCount: layers,
      headCount: heads,
      groupCount: groups,
      feedForwardSize: feedForwardSize,
      vocabularySize: vocabularySize
    )
    configuration.contextTokens = contextTokens
    configuration.tiesEmbeddings = tiesEmbeddings
    configuration.initializerRange = initializerRange
    return configuration
  }
}

/// The layout of a reward head, as recipes spell it.
package enum HeadKind: String, CaseIterable, Codable, Sendable {
  /// One row without bias.
  case linear
  /// CLoud's two layers.
  case cloud

  var kind: RewardHead.Kind { self == .linear ? .linear : .cloud }
}
