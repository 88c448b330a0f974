// D hidden, H query heads, G key/value heads, K head width, F feed-forward width, V vocabulary.

import AssayTensor

/// What is to be known of one weight: names, shapes, and what it starts as.
///
/// A checkpoint may keep it in pieces, which lie one below the other here: fewer and larger products.
package struct WeightSpec: Sendable {
  /// One tensor of a checkpoint.
  package struct Piece: Sendable {
    /// Its name there.
    package let name: String
    /// Its shape.
    package let shape: [Int]
  }

  /// What the numbers of a new weight are.
  enum Start: Sendable {
    /// Normal, with the configuration's deviation times a factor.
    case normal(factor: Double)
    case ones
    case zeros
  }

  /// A name that is unique in the model.
  package let name: String
  /// The tensors of a checkpoint that it is joined from.
  package let pieces: [Piece]
  let start: Start
  /// Of each row, which one of the pieces below each other it is; `nil` is their order.
  var order: [Int]?

  /// The shape of the joined weight.
  package var shape: [Int] {
    [pieces.map { $0.shape[0] }.reduce(0, +)] + (pieces.first?.shape.dropFirst() ?? [])
  }

  /// Joins the tensors of a checkpoint.
  ///
  /// - Parameter tensors: One for each piece.
  /// - Returns: The weight.
  func joined(_ tensors: [Tensor]) -> Tensor {
    let whole = tensors.count == 1 ? tensors[0] : Tensor.concatenated(tensors)
    guard let order else { return whole }
    let rows = Tensor(order.map(Int64.init)).to(whole.device)
    return whole.selected(axis: 0, rows)
  }

  /// Cuts a tensor of the joined shape into those of a checkpoint.
  ///
  /// - Parameter whole: The weight, or its gradient.
  /// - Returns: Its pieces with their names.
  func cut(_ whole: Tensor) -> [(name: String, tensor: Tensor)] {
    var whole = whole
    if let order {
      var rows = [Int64](repeating: 0, count: order.count)
      for (row, source) in order.enumerated() { rows[source] = Int64(row) }
      whole = whole.selected(axis: 0, Tensor(rows).to(whole.device))
    }
    guard pieces.count > 1 else { return pieces.map { ($0.name, whole) } }
    var first = 0
    return pieces.map { piece in
      defer { first += piece.shape[0] }
      return (piece.name, whole.narrowed(axis: 0, start: first, count: piece.shape[0]))
    }
  }
}

/// An architecture's names of its weights in checkpoints; what it does not name, it does not have.
package struct WeightMap: Sendable {
  /// Of the input embedding.
  var embedding = "model.embed_tokens.weight"
  /// What stands before the index of a block.
  var layers = "model.layers."
  /// Below a block, as many names as the checkpoint keeps pieces; of experts one, `#` for its number.
  var block = BlockParts<[String]>(
    inputNorm: ["input_layernorm.weight"],
    qkv: ["self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"],
    output: ["self_attn.o_proj.weight"],
    middleNorm: ["post_attention_layernorm.weight"],
    feedForward: GatedParts(
      gateUp: ["mlp.gate_proj.weight", "mlp.up_proj.weight"],
      down: ["mlp.down_proj.weight"]
    )
  )
  /// Of the norm behind the last block.
  var finalNorm = "model.norm.weight"
  /// Of an output embedding of its own.
  var outputEmbedding = "lm_head.weight"
  /// Whether queries, and keys, of all heads are normed together.
  var normsHeadsTogether = false
  /// Whether one piece of queries, keys and values has those of each key/value head together.
  var interleavesHeads = false

  /// Llama's names, which most architectures share, with changes.
  ///
  /// - Parameter change: What is named otherwise, or more.
  /// - Returns: The map.
  static func standard(_ change: (inout BlockParts<[String]>) -> Void = { _ in }) -> WeightMap {
    var map = WeightMap()
    change(&map.block)
    return map
  }
}

extension ModelConfiguration {
  /// All weights of the decoder, in the order of the layers, with the output embedding of a language
  /// model.
  package var weightSpecs: DecoderParts<WeightSpec> {
    let map = architecture.weights
    func embedding(_ name: String, _ path: String) -> WeightSpec {
      WeightSpec(
        name: name,
        pieces: [.init(name: path, shape: [vocabularySize, hiddenSize])],
        start: .normal(factor: 1)
      )
    }
    return DecoderParts(
      embedding: embedding("embed_tokens", map.embedding),
      blocks: (0..<layerCount).map { blockSpecs($0, map) },
      finalNorm: WeightSpec(
        name: "norm",
        pieces: [.init(name: map.finalNorm, shape: [hiddenSize])],
        start: .ones
      ),
      outputEmbedding: tiesEmbeddings ? nil : embedding("lm_head", map.outputEmbedding)
    )
  }

  /// The two products that write into the residual stream start scaled by `1 / sqrt(2 layers)`.
  ///
  /// Source: Radford et al. 2019, "Language models are unsupervised multitask learners" section 2.3.
  private func blockSpecs(_ index: Int, _ map: WeightMap) -> BlockParts<WeightSpec> {
    let (D, F) = (hiddenSize, feedForwardSize)
    let (HK, GK) = (headCount * headWidth, groupCount * headWidth)
    let residual = WeightSpec.Start.normal(factor: 1 / (2 * Double(layerCount)).squareRoot())
    /// A checkpoint that keeps one piece keeps all rows in it.
    func spec(
      _ name: String,
      _ paths: [String],
      rows: [Int],
      columns: [Int] = [],
      _ start: WeightSpec.Start
    ) -> WeightSpec {
      let rows = paths.count == 1 ? [rows.reduce(0, +)] : rows
      return WeightSpec(
        name: "\(index).\(name)",
        pieces: zip(paths, rows).map { path, rows in
          .init(name: "\(map.layers)\(index).\(path)", shape: [rows] + columns)
        },
        start: start
      )
    }
    let names = map.block
    let plain = WeightSpec.Start.normal(factor: 1)
    let unit: WeightSpec.Start = options.normOffset == 0 ? .ones : .zeros
    func norm(_ name: String, _ paths: [String], _ width: Int) -> WeightSpec {
      spec(name, paths, rows: [width], unit)
    }
    func projection(_ name: String, _ paths: [String], _ columns: [Int], _ start: WeightSpec.Start)
      -> WeightSpec
    {
      var made = spec(name, paths, rows: [HK, GK, GK], columns: columns, start)
      made.order = headOrder(isInterleaved: map.interleavesHeads && paths.count == 1)
      return made
    }
    let (queries, keys) = map.normsHeadsTogether ? (HK, GK) : (headWidth, headWidth)
    func gated(_ prefix: String, _ paths: GatedParts<[String]>, _ width: Int, of expert: Int? = nil)
      -> GatedParts<WeightSpec>
    {
      func numbered(_ paths: [String]) -> [String] {
        expert.map { number in paths.map { $0.replacing("#", with: "\(number)") } } ?? paths
      }
      let (wide, narrow) = (numbered(paths.gateUp), numbered(paths.down))
      return GatedParts(
        gateUp: spec(prefix + "gate_up", wide, rows: [width, width], columns: [D], plain),
        down: spec(prefix + "down", narrow, rows: [D], columns: [width], residual)
      )
    }
    let experts = experts.flatMap { $0.denseLayers.contains(index) ? nil : $0 }
    return BlockParts(
      inputNorm: names.inputNorm.map { norm("input_norm", $0, D) },
      qkv: projection("qkv", names.qkv, [D], plain),
      qkvBias: names.qkvBias.map { projection("qkv_bias", $0, [], .zeros) },
      queryNorm: names.queryNorm.map { norm("query_norm", $0, queries) },
      keyNorm: names.keyNorm.map { norm("key_norm", $0, keys) },
      output: spec("output", names.output, rows: [D], columns: [HK], residual),
      attentionNorm: names.attentionNorm.map { norm("attention_norm", $0, D) },
      middleNorm: names.middleNorm.map { norm("middle_norm", $0, D) },
      feedForward: experts == nil ? names.feedForward.map { gated("", $0, F) } : nil,
      feedForwardNorm: names.feedForwardNorm.map { norm("feed_forward_norm", $0, D) },
      router: experts.flatMap { experts in
        names.router.map { spec("router", $0, rows: [experts.count], columns: [D], plain) }
      },
      experts: experts.map { experts in
        (0..<experts.count).flatMap { number in
          names.experts.map { gated("experts.\(number).", $0, experts.width, of: number) }
        }
      } ?? []
    )
  }

  /// Where the rows of queries, keys and values lie in a checkpoint; `nil` where they lie as here.
  ///
  /// Here each half of a head is rotated with the other; a checkpoint that rotates only the first part
  /// of a head has the halves of that part first.
  private func headOrder(isInterleaved: Bool) -> [Int]? {
    let (H, G, K, R) = (headCount, groupCount, headWidth, rotary.rotatedWidth(of: headWidth))
    guard isInterleaved || R < K else { return nil }
    let plain = Array(0..<K)
    // The first half of what is rotated and of what is not, then the second halves.
    let rest = (K - R) / 2
    let turned =
      Array(0..<R / 2) + Array(R..<R + rest) + Array(R / 2..<R) + Array(R + rest..<K)
    return (0..<H + 2 * G).flatMap { head -> [Int] in
      let rows = head < H + G ? turned : plain
      guard isInterleaved else { return rows.map { head * K + $0 } }
      // [G][H / G queries, a key, a value]
      let (repeats, group) = (H / G, head < H ? head / (H / G) : (head - H) % G)
      let place = head < H ? head % repeats : head < H + G ? repeats : repeats + 1
      return rows.map { (group * (repeats + 2) + place) * K + $0 }
    }
  }
}
