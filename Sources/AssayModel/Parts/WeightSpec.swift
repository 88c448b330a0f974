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

  /// The shape of the joined weight.
  package var shape: [Int] {
    [pieces.map { $0.shape[0] }.reduce(0, +)] + (pieces.first?.shape.dropFirst() ?? [])
  }

  /// Cuts a tensor of the joined shape into those of a checkpoint.
  ///
  /// - Parameter whole: The weight, or its gradient.
  /// - Returns: Its pieces with their names.
  func cut(_ whole: Tensor) -> [(name: String, tensor: Tensor)] {
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
  /// Below a block, as many names as the checkpoint keeps pieces.
  var block = BlockParts<[String]>(
    inputNorm: ["input_layernorm.weight"],
    qkv: ["self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"],
    output: ["self_attn.o_proj.weight"],
    middleNorm: ["post_attention_layernorm.weight"],
    gateUp: ["mlp.gate_proj.weight", "mlp.up_proj.weight"],
    down: ["mlp.down_proj.weight"]
  )
  /// Of the norm behind the last block.
  var finalNorm = "model.norm.weight"
  /// Of an output embedding of its own.
  var outputEmbedding = "lm_head.weight"

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
    return BlockParts(
      inputNorm: names.inputNorm.map { spec("input_norm", $0, rows: [D], .ones) },
      qkv: spec("qkv", names.qkv, rows: [HK, GK, GK], columns: [D], plain),
      qkvBias: names.qkvBias.map { spec("qkv_bias", $0, rows: [HK, GK, GK], .zeros) },
      queryNorm: names.queryNorm.map { spec("query_norm", $0, rows: [headWidth], .ones) },
      keyNorm: names.keyNorm.map { spec("key_norm", $0, rows: [headWidth], .ones) },
      output: spec("output", names.output, rows: [D], columns: [HK], residual),
      attentionNorm: names.attentionNorm.map { spec("attention_norm", $0, rows: [D], .ones) },
      middleNorm: names.middleNorm.map { spec("middle_norm", $0, rows: [D], .ones) },
      gateUp: spec("gate_up", names.gateUp, rows: [F, F], columns: [D], plain),
      down: spec("down", names.down, rows: [D], columns: [F], residual),
      feedForwardNorm: names.feedForwardNorm.map {
        spec("feed_forward_norm", $0, rows: [D], .ones)
      }
    )
  }
}
