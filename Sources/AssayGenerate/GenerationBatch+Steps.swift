import AssayModel
import AssayTensor
import AssayText

extension GenerationBatch {
  /// Reads one token of every sequence and picks the next where one is wanted.
  func step() throws {
    let width = active.map { $0.position / DecoderCache.pageTokens + 1 }.max() ?? 1
    var tables: [Int32] = []
    tables.reserveCapacity(active.count * width)
    for sequence in active {
      let known = min(width, sequence.table.count)
      tables += sequence.table[..<known]
      tables += repeatElement(sequence.table[0], count: width - known)
    }
    let rows = active.map { $0.state == .writing ? $0.samplingRow : nil }
    let read = try withTensorErrors {
      engine.decoder.step(
        active.map(\.next),
        cache,
        tables: tables,
        positions: active.map { Int32($0.position) },
        rows: rows
      )
    }
    let closing = active.indices.filter { active[$0].state == .closing }
    for (row, sequence) in active.enumerated() {
      sequence.position += 1
      switch sequence.state {
      case .writing: take(sequence, read.picked, row: row)
      case .ending: sequence.close()
      case .closing, .done: break
      }
    }
    if !closing.isEmpty, let head = engine.head {
      let rewards = try withTensorErrors {
        withoutGradients {
          let rows = Tensor(closing.map(Int64.init)).to(read.hidden.device)
          return engine.decoder.readings(read.hidden.selected(axis: 0, rows)) { hidden, _ in
            head(hidden)
          }
        }
      }
      for (index, reward) in zip(closing, rewards) { finish(active[index], reward: reward) }
    }
    dropFinished()
  }

  /// Takes a picked token in and decides what comes next; a text whose logits are no numbers fails.
  func take(_ sequence: GeneratedSequence, _ picked: SampledTokens, row: Int) {
    let token = picked.tokens[row]
    guard !picked.logProbabilities[row].isNaN else {
      return fail(sequence, .notFinite(request: sequence.index))
    }
    if token == sequence.request.closing || sequence.request.stopTokens.contains(token) {
      end(sequence, .stop)
      return
    }
    writtenCount += 1
    sequence.decide(picked.read[row])
    sequence.add(token, picked.logProbabilities[row], top: picked.top[row])
    if let found = sequence.scanner?.scan(sequence.tokens, engine.tokenizer) {
      sequence.cut(to: found.kept, text: found.text)
      end(sequence, .stopString)
      return
    }
    if reportsTokens {
      newTokens.append(
        NewToken(
          index: sequence.index,
          token: token,
          logProbability: picked.logProbabilities[row],
          top: picked.top[row]
        )
      )
    }
    if let reason = sequence.grammarEnd { return end(sequence, reason) }
    if sequence.tokens.count == sequence.request.maximumTokens { end(sequence, .length) }
  }
}
