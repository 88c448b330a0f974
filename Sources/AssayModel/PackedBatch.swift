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
  /// The ids of all rows, `[N]`, int64.
  package let ids: Tensor
  /// Where each token of each sequence stands in it, int32: its index, unless others were given.
  package let positions: Tensor
  /// The row at which each sequence begins, where none is shared.
  package let starts: [Int]
  /// Which rows sequences share; `nil` where each has rows of its own.
  let shared: SharedRows?

  /// How many tokens there are, without those of no meaning.
  package let tokenCount: Int

  /// Packs sequences.
  ///
  /// - Parameters:
  ///   - sequences: Token ids, each at least one.
  ///   - device: Where the tensors go.
  ///   - isRounded: Whether the total is rounded up to a multiple of `roundedRows`.
  ///   - positions: Where the tokens of each sequence stand; `nil` is at their index.
  ///   - sharesPrefixes: Whether sequences share the rows of what they begin with alike; where positions are
  ///     given they do not.
  /// - Precondition: No sequence is empty, and positions are as many as tokens.
  package init(
    _ sequences: [[Int32]],
    device: Device = .cpu,
    isRounded: Bool = false,
    positions: [[Int32]]? = nil,
    sharesPrefixes: Bool = false
  ) {
    precondition(sequences.allSatisfy { !$0.isEmpty }, "an empty sequence")
    precondition(
      positions.map { $0.map(\.count) == sequences.map(\.count) } ?? true,
      "positions that are not those of the sequences"
    )
    tokenCount = sequences.map(\.count).reduce(0, +)
    let rows = sharesPrefixes && positions == nil ? SharedRows.rows(of: sequences) : nil
    let spare = isRounded ? Self.spareRows(rows?.count ?? tokenCount) : 0
    let sequences = spare > 0 ? sequences + [[Int32](repeating: 0, count: spare)] : sequences
    lengths = sequences.map(\.count)
    var starts: [Int] = []
    var next = 0
    for length in lengths {
      starts.append(next)
      next += length
    }
    self.starts = starts
    shared = rows.map { SharedRows($0, spare: spare, device: device) }
    let own = shared.map { shared in [shared.ids + repeatElement(0, count: spare)] } ?? sequences
    ids = Tensor(own.flatMap { $0.map(Int64.init) }).to(device)
    let given = positions ?? []
    self.positions = Tensor(
      lengths.enumerated().flatMap { index, length in
        index < given.count ? given[index] : Array(0..<Int32(length))
      }
    ).to(device)
  }

  /// The row of a token of a sequence.
  package func row(_ index: Int, of sequence: Int) -> Int {
    shared?.rows[sequence][index] ?? starts[sequence] + index
  }

  /// How many rows there are.
  package var rowCount: Int { ids.count }

  /// Rows that round a number of rows up.
  package static func spareRows(_ count: Int) -> Int {
    (roundedRows - count % roundedRows) % roundedRows
  }
}
