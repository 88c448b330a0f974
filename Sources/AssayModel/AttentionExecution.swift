import AssayTensor

/// How tokens see each other: within packed sequences, or through pages of what came before.
protocol AttentionExecution {
  /// Attends in one block.
  ///
  /// - Parameters:
  ///   - qkv: Queries, keys and values, not yet rotated, `[N, (H + 2G) K]`.
  ///   - block: The block's index.
  ///   - options: What its attention computes.
  /// - Returns: `[N, H K]`.
  func attend(_ qkv: Tensor, block: Int, _ options: AttentionOptions) -> Tensor
}

/// Attention within packed sequences: training, and reading whole prompts.
struct PackedAttention: AttentionExecution {
  let batch: PackedBatch
  /// The row of each token in the tables of angles, `[N]`, int32.
  let positions: Tensor
  let angles: [RotaryTable]
  /// Is handed each block's rotated queries, keys and values, where they are kept.
  var store: ((_ block: Int, _ rotated: Tensor) -> Void)?

  func attend(_ qkv: Tensor, block: Int, _ options: AttentionOptions) -> Tensor {
    let (output, rotated) = rotaryAttention(
      batch.shared.map { qkv.selected(axis: 0, $0.expanded) } ?? qkv,
      positions: positions,
      table: angles[block],
      lengths: batch.lengths,
      options: options,
      wantsRotated: store != nil
    )
    if let rotated { store?(block, rotated) }
    return batch.shared.map { output.selected(axis: 0, $0.first) } ?? output
  }
}

/// Attention of new tokens to what lies in a cache.
struct PagedAttention: AttentionExecution {
  let layers: [KeyValueCache]
  let tables: Tensor
  let positions: Tensor
  let angles: [RotaryTable]

  func attend(_ qkv: Tensor, block: Int, _ options: AttentionOptions) -> Tensor {
    layers[block].attend(
      qkv,
      tables: tables,
      positions: positions,
      table: angles[block],
      options: options
    )
  }
}
