import AssayTensor

/// Sequences one behind the other, without padding between them.
///
/// The total may be rounded up by one short sequence of no meaning: oneDNN compiles a kernel for
/// every new number of rows, which costs more than computing a few rows for nothing.
package struct PackedBatch {
  /// Rows that a rounded total is a multiple of.
  package static let roundedRows = 64

  /// Tokens of each sequence, that of no meaning last where there is one.
  package let lengths: [Int]
  /// The ids of all tokens, `[N]`, int64.
  package let ids: Tensor
  /// Where each token stands in its sequence, `[N]`, int32: its index, unless others were given.
  package let positions: Tensor
  /// The row at which each sequence begins.
  package let starts: [Int]

  /// How many tokens there are, without those of no meaning.
  package let tokenCount: Int

  /// Packs sequences.
  ///
  /// - Parameters:
  ///   - sequences: Token ids, each at least one.
  ///   - device: Where the tensors go.
  ///   - isRounded: Whether the total is rounded up to a multiple of `roundedRows`.
  ///   - positions: Where the tokens of each sequence stand; `nil` is at their index.
  /// - Precondition: No sequence is empty, and positions are as many as tokens.
  package init(
    _ sequences: [[Int32]],
    device: Device = .cpu,
    isRounded: Bool = false,
    positions: [[Int32]]? = nil
  ) {
    precondition(sequences.allSatisfy { !$0.isEmpty }, "an empty sequence")
    precondition(
      positions.map { $0.map(\.count) == sequences.map(\.count) } ?? true,
      "positions that are not those of the sequences"
    )
    tokenCount = sequences.map(\.count).reduce(0, +)
    let spare = isRounded ? Self.spareRows(tokenCount) : 0
    let sequences = spare > 0 ? sequences + [[Int32](repeating: 0, count: spare)] : sequences
    lengths = sequences.map(\.count)
    var starts: [Int] = []
    var next = 0
    for length in lengths {
      starts.append(next)
      next += length
    }
    self.starts = starts
    ids = Tensor(sequences.flatMap { $0.map(Int64.init) }).to(device)
    let given = positions ?? []
    self.positions = Tensor(
      lengths.enumerated().flatMap { index, length in
        index < given.count ? given[index] : Array(0..<Int32(length))
      }
    ).to(device)
  }

  /// Rows that round a number of rows up.
  package static func spareRows(_ count: Int) -> Int {
    (roundedRows - count % roundedRows) % roundedRows
  }
}
