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

  /// The weights under the names of Hugging Face's checkpoints.
  ///
  /// - Parameter configuration: What `config()` gives.
  /// - Returns: The weights; queries and keys in the order that the checkpoint had, norms with the
  ///   offset that it had.
  /// - Throws: `ModelError.weight` for a tensor that the architecture does not have.
  func weights(_ configuration: ModelConfiguration) throws -> GGUFWeights {
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
    let read = Set(places.values.map(\.name)).union([Self.factors] + Self.longFactors)
    if let extra = file.names.first(where: { !read.contains($0) }) {
      throw ModelError.weight(
        file: file.url.path,
        name: extra,
        reason: "is not one of \(prefix)'s as it is computed here"
      )
    }
    return GGUFWeights(file: file, places: places)
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
  }

  let names: [String]
  var metadata: [String: String] { file.metadata }

  private let file: GGUFFile
  private let places: [String: Place]

  /// Renames weights.
  ///
  /// - Parameters:
  ///   - file: Their file.
  ///   - places: Where they are, by the names here.
  init(file: GGUFFile, places: [String: Place]) {
    self.file = file
    self.places = places.filter { file.shape(of: $0.value.name) != nil }
    names = self.places.keys.sorted()
  }

  func shape(of name: String) -> [Int]? {
    places[name].flatMap { place in
      file.shape(of: place.name).map { place.part == nil ? $0 : Array($0.dropFirst()) }
    }
  }

  func dtype(of name: String) -> DType? { places[name].flatMap { file.dtype(of: $0.name) } }

  /// A weight as the checkpoint had it.
  ///
  /// Of a rotary pair llama.cpp may keep both numbers side by side: `[H, K/2, 2]` there, `[H, 2, K/2]` here.
  func tensor(named name: String) throws -> Tensor {
    guard let place = places[name] else { return try file.tensor(named: name) }
    var tensor = try file.tensor(named: place.name, part: place.part)
    if place.offset != 0 {
      tensor = try withTensorErrors { tensor.to(.float32) - place.offset }
    }
    let shape = tensor.shape
    guard let heads = place.heads, let rows = shape.first, heads > 0,
      rows.isMultiple(of: 2 * heads)
    else { return tensor }
    let pairs = [heads, rows / heads / 2, 2] + shape.dropFirst()
    return try withTensorErrors {
      tensor.reshaped(pairs).transposed(1, 2).contiguous().reshaped(shape)
    }
  }
}
