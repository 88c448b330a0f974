import AssayModel
import AssayTensor
import AssayText

// D hidden, V vocabulary.

extension GenerationBatch {
  /// Reads some of the prompts that wait, long ones in pieces.
  func readPrompts() throws {
    guard !reading.isEmpty else { return }
    var budget = max(1, engine.options.prefillTokens)
    var whole: [PromptGroup] = []
    var pieces: [(group: PromptGroup, positions: Range<Int>)] = []
    for group in reading {
      guard budget > 0 else { break }
      let count = min(budget, group.unreadCount)
      budget -= count
      let positions = group.readCount..<group.readCount + count
      group.readCount += count
      if count == group.prompt.count, !engine.decoder.execution.isBatchInvariant {
        whole.append(group)
      } else {
        pieces.append((group, positions))
      }
    }
    reading.removeAll { $0.isRead }
    // Pieces may go on behind pages of whole prompts, so they come second.
    if !whole.isEmpty { try begin(whole, try readWhole(whole)) }
    if !pieces.isEmpty {
      let hidden = try readPieces(pieces)
      let ended = pieces.map(\.group).filter(\.isRead)
      if let hidden { try begin(ended, hidden) }
    }
  }

  /// Hidden states of the last tokens of whole prompts, packed.
  func readWhole(_ groups: [PromptGroup]) throws -> Tensor {
    let decoder = engine.decoder
    return try withTensorErrors {
      let batch = PackedBatch(
        groups.map(\.prompt),
        device: decoder.device,
        isRounded: decoder.roundsRows
      )
      return decoder.prefill(batch, into: cache, tables: groups.map(\.promptTable))
    }  // [groups, D]
  }

  /// Reads pieces of prompts behind what is in the cache; hidden states of the last tokens of the
  /// prompts that end with theirs, `nil` where none does.
  func readPieces(
    _ pieces: [(group: PromptGroup, positions: Range<Int>)]
  ) throws -> Tensor? {
    let width = pieces.map { $0.group.promptTable.count }.max() ?? 1
    var tokens: [Int32] = []
    var positions: [Int32] = []
    var tables: [Int32] = []
    var ends: [Int64] = []
    for (group, range) in pieces {
      let table =
        group.promptTable
        + [Int32](repeating: group.promptTable[0], count: width - group.promptTable.count)
      for position in range {
        tokens.append(group.prompt[position])
        positions.append(Int32(position))
        tables += table
      }
      if group.isRead { ends.append(Int64(tokens.count - 1)) }
    }
    return try withTensorErrors {
      let hidden = engine.decoder.step(tokens, cache, tables: tables, positions: positions)
      guard !ends.isEmpty else { return nil }
      return withoutGradients {
        hidden.selected(axis: 0, Tensor(ends).to(engine.decoder.device))
      }
    }
  }

  /// Picks the first token of all sequences of prompts that have been read.
  func begin(_ groups: [PromptGroup], _ hidden: Tensor) throws {
    let decoder = engine.decoder
    for group in groups {
      copyEnd(of: group)
      active += group.seated
      group.seated = []
    }
    var members: [(row: Int, sequence: GeneratedSequence)] = []
    for (row, group) in groups.enumerated() {
      for sequence in group.all.reversed() where sequence.state != .done {
        if sequence.request.maximumTokens == 0 {
          end(sequence, .length)
        } else {
          members.append((row, sequence))
        }
      }
      group.all = []
    }
    let chunk = max(1, engine.options.batchSequences)
    for start in stride(from: 0, to: members.count, by: chunk) {
      let part = members[start..<min(start + chunk, members.count)]
      guard let low = part.first?.row, let high = part.last?.row else { break }
      let logits = try withTensorErrors {
        withoutGradients {
          let rows = hidden.narrowed(axis: 0, start: low, count: high - low + 1)
          let distinct = decoder.logits(rows, training: false)  // [high - low + 1, V]
          let indices = part.map { Int64($0.row - low) }
          guard indices != Array(0...Int64(high - low)) else { return distinct }
          return distinct.selected(axis: 0, Tensor(indices).to(decoder.device))
        }
      }
      let picked = try withTensorErrors {
        sampleTokens(logits, rows: part.map(\.sequence.samplingRow))
      }
      for (offset, member) in part.enumerated() {
        take(member.sequence, picked, row: offset)
      }
    }
    if let open {
      let before = open.waiting.count
      open.waiting.removeAll { $0.state == .done }
      release(open, before - open.waiting.count)
    }
    dropFinished()
  }
}
