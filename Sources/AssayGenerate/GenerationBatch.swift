import AssayModel
import AssayTensor
import AssayText

// S sequences in the batch, D hidden, V vocabulary.

/// One run of the engine: admits, steps and finishes sequences until none is left.
final class GenerationBatch {
  private let engine: GenerationEngine
  private let cache: DecoderCache
  private let plan: GenerationPlan
  private var pool: PagePool
  /// Groups whose prompt is not read yet: those from here on.
  private var nextGroup = 0
  /// The group that has requests which wait for room.
  private var open: PromptGroup?
  /// Sequences that get a token in the next step; those of one group are neighbours.
  private var active: [GeneratedSequence] = []
  private var results: [Generation?]
  private var finished: [(Int, Generation)] = []

  init(
    _ engine: GenerationEngine,
    cache: DecoderCache,
    plan: GenerationPlan,
    requestCount: Int
  ) throws {
    self.engine = engine
    self.cache = cache
    self.plan = plan
    pool = PagePool(pageCount: cache.pageCount)
    results = Array(repeating: nil, count: requestCount)
  }

  func run(_ onFinished: (Int, Generation) throws -> Void) throws -> [Generation] {
    finishEmpty()
    while true {
      try Task.checkCancellation()
      try admit()
      for (index, generation) in finished { try onFinished(index, generation) }
      finished.removeAll(keepingCapacity: true)
      if active.isEmpty {
        if open == nil && nextGroup == plan.groups.count { break }
        continue
      }
      try step()
    }
    return results.compactMap(\.self)
  }

  // MARK: Admission

  /// Takes waiting sequences in while there is room, then reads their prompts.
  private func admit() throws {
    if let group = open {
      seat(group)
      guard group.waiting.isEmpty else { return }
      open = nil
    }
    var fresh: [PromptGroup] = []
    var tokens = 0
    while nextGroup < plan.groups.count, open == nil, active.count < engine.options.batchSequences {
      let planned = plan.groups[nextGroup]
      if !fresh.isEmpty, tokens + planned.prompt.count > engine.options.prefillTokens { break }
      let sequences = planned.requests.reversed().compactMap { index in
        results[index] != nil
          ? nil
          : GeneratedSequence(
            index: index,
            request: plan.requests[index],
            ownPages: plan.ownPages(index, in: planned)
          )
      }
      guard let first = sequences.last else {
        nextGroup += 1
        continue
      }
      // A single sequence takes over the page that the prompt's end lies in.
      let saved = sequences.count == 1 ? planned.promptPages - planned.sharedPages : 0
      guard pool.freeCount >= planned.promptPages + first.ownPages - saved,
        let pages = pool.take(planned.promptPages)
      else { break }
      nextGroup += 1
      tokens += planned.prompt.count
      let group = PromptGroup(prompt: planned.prompt, sequences: sequences, pages: pages)
      fresh.append(group)
      seat(group)
      if !group.waiting.isEmpty { open = group }
    }
    if !fresh.isEmpty { try read(fresh) }
  }

  /// Gives waiting sequences of a group pages and places in the batch while there are some.
  private func seat(_ group: PromptGroup) {
    while let sequence = group.waiting.last, active.count < engine.options.batchSequences {
      // The last one takes over the page that the prompt's end lies in.
      let takesOver =
        group.waiting.count == 1 && group.partialPages == 1
        && group.pages.count > group.sharedPages
      guard let own = pool.take(sequence.ownPages - (takesOver ? 1 : 0)) else { break }
      group.waiting.removeLast()
      let shared = group.pages.prefix(group.sharedPages)
      if takesOver {
        sequence.pages = [group.pages[group.sharedPages]] + own
        group.pages.removeLast()
      } else {
        sequence.pages = own
        if group.partialPages == 1 { group.copies.append(own[0]) }
      }
      sequence.table = shared + sequence.pages
      sequence.group = group
      active.append(sequence)
    }
    if group.isRead { copyEnd(of: group) }
  }

  /// Copies the page that the prompt's end lies in to the sequences that write behind it.
  private func copyEnd(of group: PromptGroup) {
    guard !group.copies.isEmpty else { return }
    let end = group.promptTable[group.sharedPages]
    let from = [Int32](repeating: end, count: group.copies.count)
    cache.copyInPlace(from: from, to: group.copies)
    group.copies.removeAll()
  }

  /// Reads prompts and picks the first token of all their sequences.
  private func read(_ groups: [PromptGroup]) throws {
    let decoder = engine.decoder
    let hidden = try withTensorErrors {
      let batch = PackedBatch(groups.map(\.prompt), device: decoder.device)
      return decoder.prefill(batch, into: cache, tables: groups.map(\.promptTable))
    }  // [groups, D]
    for group in groups {
      group.isRead = true
      copyEnd(of: group)
    }
    var members: [(row: Int, sequence: GeneratedSequence)] = []
    for (row, group) in groups.enumerated() {
      for sequence in group.all.reversed() {
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
      take(part.map(\.sequence), logits)
    }
    if let open {
      let before = open.waiting.count
      open.waiting.removeAll { $0.state == .done }
      release(open, before - open.waiting.count)
    }
    dropFinished()
  }

  // MARK: Steps

  /// Reads one token of every sequence and picks the next where one is wanted.
  private func step() throws {
    let width = active.map { $0.position / DecoderCache.pageTokens + 1 }.max() ?? 1
    var tables: [Int32] = []
    tables.reserveCapacity(active.count * width)
    for sequence in active {
      let known = min(width, sequence.table.count)
      tables += sequence.table[..<known]
      tables += repeatElement(sequence.table[0], count: width - known)
    }
    let hidden = try withTensorErrors {
      engine.decoder.step(
        active.map(\.next),
        cache,
        tables: tables,
        positions: active.map { Int32($0.position) }
      )
    }  // [S, D]
    let writing = active.indices.filter { active[$0].state == .writing }
    let closing = active.indices.filter { active[$0].state == .closing }
    func rows(_ indices: [Int]) -> Tensor {
      guard indices.count < active.count else { return hidden }
      return hidden.selected(axis: 0, Tensor(indices.map(Int64.init)).to(hidden.device))
    }
    for sequence in active { sequence.position += 1 }
    for sequence in active where sequence.state == .ending { sequence.close() }
    if !closing.isEmpty, let head = engine.head {
      let rewards = try withTensorErrors { withoutGradients { head(rows(closing)).floats } }
      for (index, reward) in zip(closing, rewards) { finish(active[index], reward: reward) }
    }
    if !writing.isEmpty {
      let logits = try withTensorErrors {
        withoutGradients { engine.decoder.logits(rows(writing), training: false) }
      }
      take(writing.map { active[$0] }, logits)
    }
    dropFinished()
  }

  /// Picks a token for each sequence and decides what comes next.
  private func take(_ sequences: [GeneratedSequence], _ logits: Tensor) {
    let picked = sampleTokens(logits, rows: sequences.map(\.samplingRow))
    for (row, sequence) in sequences.enumerated() {
      let token = picked.tokens[row]
      if token == sequence.request.closing || sequence.request.stopTokens.contains(token) {
        end(sequence, .stop)
        continue
      }
      sequence.add(token, picked.logProbabilities[row])
      if let found = sequence.scanner?.scan(sequence.tokens, engine.tokenizer) {
        sequence.cut(to: found.kept, text: found.text)
        end(sequence, .stopString)
      } else if sequence.tokens.count == sequence.request.maximumTokens {
        end(sequence, .length)
      }
    }
  }

  // MARK: Ends

  /// Finishes the requests that ask for nothing.
  private func finishEmpty() {
    for (index, request) in plan.requests.enumerated() where request.maximumTokens == 0 {
      guard engine.head == nil || request.closing == nil else { continue }
      let generation = Generation(
        tokens: [],
        text: "",
        finishReason: .length,
        promptTokenCount: request.promptTokens.count
      )
      results[index] = generation
      finished.append((index, generation))
    }
  }

  /// The text is complete: reads the closing token where a reward is wanted.
  private func end(_ sequence: GeneratedSequence, _ reason: FinishReason) {
    sequence.finishReason = reason
    guard engine.head != nil, sequence.request.closing != nil else {
      finish(sequence, reward: nil)
      return
    }
    sequence.prepareToClose()
  }

  private func finish(_ sequence: GeneratedSequence, reward: Float?) {
    sequence.state = .done
    let text =
      sequence.text ?? engine.tokenizer.decode(sequence.tokens, skipSpecialTokens: true)
    let generation = Generation(
      tokens: sequence.tokens,
      text: text,
      finishReason: sequence.finishReason,
      logProbabilities: sequence.logProbabilities,
      reward: reward,
      scoredToken: reward == nil
        ? nil : sequence.request.closing.map { .init(id: $0, index: sequence.position - 1) },
      promptTokenCount: sequence.request.promptTokens.count
    )
    results[sequence.index] = generation
    finished.append((sequence.index, generation))
  }

  /// Gives the pages and places of finished sequences back.
  private func dropFinished() {
    guard active.contains(where: { $0.state == .done }) else { return }
    for sequence in active where sequence.state == .done {
      pool.give(sequence.pages)
      sequence.pages = []
      if let group = sequence.group { release(group, 1) }
    }
    active.removeAll { $0.state == .done }
  }

  /// Counts finished sequences of a group and gives its pages back behind the last.
  private func release(_ group: PromptGroup, _ count: Int) {
    group.remaining -= count
    guard group.remaining == 0 else { return }
    pool.give(group.pages)
    group.pages = []
  }
}
