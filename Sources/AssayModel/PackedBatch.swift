import AssayTensor

/// Sequences one behind the other, without padding.
public struct PackedBatch {
  /// Tokens of each sequence.
  public let lengths: [Int]
  /// The ids of all tokens, `[N]`, int64.
  public let ids: Tensor
  /// The index of each token in its sequence, `[N]`, int32.
  public let positions: Tensor
  /// The row at which each sequence begins.
  public let starts: [Int]

  /// How many tokens there are.
  public var tokenCount: Int { lengths.reduce(0, +) }

  /// Packs sequences.
  ///
  /// - Parameters:
  ///   - sequences: Token ids, each at least one.
  ///   - device: Where the tensors go.
  /// - Precondition: No sequence is empty.
  public init(_ sequences: [[Int32]], device: Device = .cpu) {
    precondition(sequences.allSatisfy { !$0.isEmpty }, "an empty sequence")
    lengths = sequences.map(\.count)
    var starts: [Int] = []
    var next = 0
    for length in lengths {
      starts.append(next)
      next += length
    }
    self.starts = starts
    ids = Tensor(sequences.flatMap { $0.map(Int64.init) }).to(device)
    positions = Tensor(lengths.flatMap { (0..<Int32($0)) }).to(device)
  }
}
