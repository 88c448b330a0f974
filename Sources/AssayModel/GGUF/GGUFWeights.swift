import AssayTensor
import Foundation

extension GGUFModel {
  static let embedding = "token_embd.weight"
  static let output = "output.weight"
  private static let finalNorm = "output_norm.weight"
  /// Names below a block; of experts those of all of them, as one tensor.
  private static let block = BlockParts<[String]>(
    inputNorm: ["attn_norm.weight"],
    qkv: ["attn_q.weight", "attn_k.weight", "attn_v.weight"],
    qkvBias: ["attn_q.bias", "attn_k.bias", "attn_v.bias"],
    queryNorm: ["attn_q_norm.weight"],
    keyNorm: ["attn_k_norm.weight"],
    output: ["attn_output.weight"],
    attentionNorm: ["post_attention_norm.weight"],
    middleNorm: ["ffn_norm.weight"],
    feedForward: GatedParts(
      gateUp: ["ffn_gate.weight", "ffn_up.weight"],
      down: ["ffn_down.weight"]
    ),
    feedForwardNorm: ["post_ffw_norm.weight"],
    router: ["ffn_gate_inp.weight"],
    experts: [
      GatedParts(
        gateUp: ["ffn_gate_exps.weight", "ffn_up_exps.weight"],
        down: ["ffn_down_exps.weight"]
      )
    ]
  )
  /// Where the checkpoint keeps one piece.
  private static let joined = (qkv: ["attn_qkv.weight"], gateUp: ["ffn_up.weight"])

  /// Where a model's weights are in its file, by the names of Hugging Face's checkpoints.
  ///
  /// - Parameter configuration: The model.
  /// - Returns: Names, and what is different there: queries and keys in another order, norms without
  ///   their offset.
  static func places(_ configuration: ModelConfiguration) -> [String: GGUFWeights.Place] {
    let (specs, offset) = (configuration.weightSpecs, configuration.options.normOffset)
    var places: [String: GGUFWeights.Place] = [:]
    func add(_ spec: WeightSpec?, _ names: [String]?, part: Int? = nil, offset: Double = 0) {
      for (piece, name) in zip(spec?.pieces ?? [], names ?? []) {
        places[piece.name] = .init(name: name, part: part, offset: offset)
      }
    }
    add(specs.embedding, [Self.embedding])
    add(specs.finalNorm, [Self.finalNorm], offset: offset)
    add(specs.outputEmbedding, [Self.output])
    for (index, ours) in specs.blocks.enumerated() {
      let theirs = Self.block.map { $0.map { "blk.\(index).\($0)" } }
      func whole(_ spec: WeightSpec?, _ names: [String]?, _ joined: [String]) -> [String]? {
        spec?.pieces.count == 1 ? joined.map { "blk.\(index).\($0)" } : names
      }
      add(ours.inputNorm, theirs.inputNorm, offset: offset)
      add(ours.qkv, whole(ours.qkv, theirs.qkv, Self.joined.qkv))
      add(ours.qkvBias, theirs.qkvBias)
      add(ours.queryNorm, theirs.queryNorm, offset: offset)
      add(ours.keyNorm, theirs.keyNorm, offset: offset)
      add(ours.output, theirs.output)
      add(ours.attentionNorm, theirs.attentionNorm, offset: offset)
      add(ours.middleNorm, theirs.middleNorm, offset: offset)
      let gateUp = ours.feedForward?.gateUp
      add(gateUp, whole(gateUp, theirs.feedForward?.gateUp, Self.joined.gateUp))
      add(ours.feedForward?.down, theirs.feedForward?.down)
      add(ours.feedForwardNorm, theirs.feedForwardNorm, offset: offset)
      add(ours.router, theirs.router)
      for (number, expert) in ours.experts.enumerated() {
        add(expert.gateUp, theirs.experts.first?.gateUp, part: number)
        add(expert.down, theirs.experts.first?.down, part: number)
      }
      guard configuration.architecture.gguf.permutesHeads else { continue }
      for spec in [ours.qkv, ours.qkvBias].compactMap(\.self) where spec.pieces.count > 1 {
        places[spec.pieces[0].name]?.heads = configuration.headCount
        places[spec.pieces[1].name]?.heads = configuration.groupCount
      }
    }
    return places
  }

  /// The weights under the names of Hugging Face's checkpoints.
  ///
  /// - Parameter configuration: What `config()` gives.
  /// - Returns: The weights, and those of a reward head.
  /// - Throws: `ModelError.weight` for a tensor that the architecture does not have.
  func weights(_ configuration: ModelConfiguration) throws -> GGUFWeights {
    let places = Self.places(configuration)
    let read = Set(places.values.map(\.name)).union([Self.factors] + Self.longFactors)
    if let extra = file.names.first(where: { !read.contains($0) }) {
      throw ModelError.weight(
        file: file.url.path,
        name: extra,
        reason: "is not one of \(prefix)'s as it is computed here"
      )
    }
    return GGUFWeights(file: file, places: places, head: try headWeights())
  }

  /// What stands before the names of a reward head's weights in the metadata, which llama.cpp passes
  /// over: it refuses tensors that it does not know.
  static let head = "assay.head."
  /// What stands behind them for their sizes.
  static let sizesSuffix = ".shape"
  /// Where the manifest of a model that Assay wrote stands.
  static let manifest = "assay.manifest"

  /// The reward head's weights, which Assay keeps in the metadata.
  private func headWeights() throws -> [String: Tensor] {
    var weights: [String: Tensor] = [:]
    for key in file.values.keys.sorted()
    where key.hasPrefix(Self.head) && !key.hasSuffix(Self.sizesSuffix) {
      guard let numbers = try file.numbers(key),
        let shape = try file.integers(key + Self.sizesSuffix)
      else { throw wrong(key, "has no \(Self.sizesSuffix)") }
      // Divided, as the product of a damaged file's sizes may overflow.
      var rest = numbers.count
      for size in shape where rest > 0 {
        rest = size > 0 && rest.isMultiple(of: size) ? rest / size : 0
      }
      guard rest == 1 else { throw wrong(key, "has \(numbers.count) numbers for \(shape)") }
      weights[String(key.dropFirst(Self.head.count))] =
        Tensor(numbers.map { Float($0) }).reshaped(shape)
    }
    return weights
  }
}

/// The weights of a GGUF file under other names.
struct GGUFWeights: WeightsSource {
  /// Where a weight is, and what was changed of it on the way there.
  struct Place {
    /// The tensor's name.
    let name: String
    /// Which of the tensor's parts along its first axis it is; `nil` is all.
    let part: Int?
    /// What was added to it.
    let offset: Double
    /// How many heads its rows are of, where both numbers of a rotary pair lie side by side.
    var heads: Int?

    /// The tensor as the checkpoint had it.
    ///
    /// Of a rotary pair llama.cpp may keep both numbers side by side: `[H, K/2, 2]` there,
    /// `[H, 2, K/2]` here.
    func read(_ tensor: Tensor) throws -> Tensor {
      try ordered(offset == 0 ? tensor : withTensorErrors { tensor.to(.float32) - offset }) {
        [$0, $1, 2]
      }
    }

    /// The tensor as a file has it.
    func written(_ tensor: Tensor) throws -> Tensor {
      try ordered(offset == 0 ? tensor : withTensorErrors { tensor.to(.float32) + offset }) {
        [$0, 2, $1]
      }
    }

    private func ordered(
      _ tensor: Tensor,
      _ sizes: (_ heads: Int, _ pairs: Int) -> [Int]
    ) throws -> Tensor {
      let shape = tensor.shape
      guard let heads, let rows = shape.first, heads > 0, rows.isMultiple(of: 2 * heads) else {
        return tensor
      }
      return try withTensorErrors {
        tensor.reshaped(sizes(heads, rows / heads / 2) + shape.dropFirst()).transposed(1, 2)
          .contiguous().reshaped(shape)
      }
    }
  }

  let names: [String]
  var metadata: [String: String] { file.metadata }

  private let file: GGUFFile
  private let places: [String: Place]
  private let head: [String: Tensor]

  /// Renames weights.
  ///
  /// - Parameters:
  ///   - file: Their file.
  ///   - places: Where they are, by the names here.
  ///   - head: A reward head's weights.
  init(file: GGUFFile, places: [String: Place], head: [String: Tensor]) {
    self.file = file
    self.head = head
    self.places = places.filter { file.shape(of: $0.value.name) != nil }
    names = (Array(self.places.keys) + head.keys).sorted()
  }

  func shape(of name: String) -> [Int]? {
    head[name]?.shape
      ?? places[name].flatMap { place in
        file.shape(of: place.name).map { place.part == nil ? $0 : Array($0.dropFirst()) }
      }
  }

  func dtype(of name: String) -> DType? {
    head[name]?.dtype ?? places[name].flatMap { file.dtype(of: $0.name) }
  }

  /// A weight as the checkpoint had it.
  func tensor(named name: String) throws -> Tensor {
    if let weight = head[name] { return weight }
    guard let place = places[name] else { return try file.tensor(named: name) }
    return try place.read(try file.tensor(named: place.name, part: place.part))
  }
}
