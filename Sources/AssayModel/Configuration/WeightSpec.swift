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
  var finalNorm: String? = "model.norm.weight"
  /// Of what an encoder has outside of its blocks.
  var encoder: EncoderParts<String>?
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
