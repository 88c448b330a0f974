import AssayModel
import AssayTensor
import AssayText

// S sequences in the batch, D hidden, V vocabulary.

/// One run of the engine: admits, steps and finishes sequences, which may join and leave it.
final class GenerationBatch {
  /// A token that a sequence came to have.
  struct NewToken {
    /// The request's index.
    let index: Int
    let token: Int32
    let logProbability: Float
    let top: [TokenLogProbability]
  }

  private let engine: GenerationEngine
  private var cache: DecoderCache
  /// Pages that the cache may come to have.
  private let pageLimit: Int
  private var pool: PagePool
  /// Groups whose prompt is not read yet: those from `nextGroup` on.
  private var queue: [GenerationPlan.Queued] = []
  private var nextGroup = 0
  /// The group that has requests which wait for room.
  private var open: PromptGroup?
  /// Groups whose prompts are being read, in this order.
  private var reading: [PromptGroup] = []
  /// Sequences with pages of their own, those of unread prompts included.
  private(set) var seatCount = 0
  /// Sequences that get a token in the next step; those of one group are neighbours.
  private var active: [GeneratedSequence] = []
  private var finished: [(Int, Generation)] = []
  /// Tokens since they were last taken, where somebody wants them as they come.
  private var newTokens: [NewToken] = []
  private let reportsTokens: Bool

  /// Makes a batch without requests.
  ///
  /// - Parameters:
  ///   - engine: What computes.
  ///   - cache: Keys and values.
  ///   - pageLimit: Pages that the cache may come to have; `nil` leaves it as it is.
  ///   - reportsTokens: Whether tokens are told as they come.
  init(
    _ engine: GenerationEngine,
    cache: DecoderCache,
    pageLimit: Int? = nil,
    reportsTokens: Bool = false
  ) {
    self.engine = engine
    self.cache = cache
    self.pageLimit = pageLimit ?? cache.pageCount
    self.reportsTokens = reportsTokens
    pool = PagePool(pageCount: cache.pageCount)
  }

  /// Puts requests behind those that wait; each fits the cache alone.
  func add(_ plan: GenerationPlan, firstIndex: Int) {
    queue.removeFirst(nextGroup)
    nextGroup = 0
    finishEmpty(plan.requests, firstIndex: firstIndex)
    queue += plan.queued(firstIndex: firstIndex) { !isEmpty($0) }
  }

  /// Whether nothing is left to do.
  var isIdle: Bool {
    active.isEmpty && reading.isEmpty && open == nil && nextGroup == queue.count
      && finished.isEmpty
  }

  /// Admits, reads prompts and steps once.
  ///
  /// - Parameters:
  ///   - onTokens: Called with the tokens of a step, where they are reported.
  ///   - onFinished: Called with a request's index and its text as soon as that is there.
  /// - Throws: What the decoder or a receiver throws.
  func advance(
    onTokens: ([NewToken]) throws -> Void = { _ in },
    onFinished: (Int, Generation) throws -> Void
  ) throws {
    func handOut() throws {
      if !newTokens.isEmpty {
        try onTokens(newTokens)
        newTokens.removeAll(keepingCapacity: true)
      }
      for (index, generation) in finished { try onFinished(index, generation) }
      finished.removeAll(keepingCapacity: true)
    }
    try admit()
    try readPrompts()
    try handOut()
    guard !active.isEmpty else { return }
    try step()
    try handOut()
  }

  // MARK: Admission

  /// Takes waiting sequences in while there is room.
  private func admit() throws {
    if let group = open {
      try seat(group)
      guard group.waiting.isEmpty else { return }
      open = nil
    }
    let P = DecoderCache.pageTokens
    var tokens = reading.map(\.unreadCount).reduce(0, +)
    while nextGroup < queue.count, open == nil, seatCount < engine.options.batchSequences {
      // Enough is waiting to be read.
      if tokens >= engine.options.prefillTokens { break }
      let planned = queue[nextGroup]
      let sequences = planned.members.reversed().map {
        GeneratedSequence(index: $0.index, request: $0.request, ownPages: $0.ownPages)
      }
      guard let first = sequences.last else { break }
      // A single sequence takes over the page that the prompt's end lies in.
      let saved = sequences.count == 1 ? planned.promptPages - planned.sharedPages : 0
      let known = pool.known(planned.prompt, pageTokens: P)
      let fresh = planned.promptPages - known.count
      try makeRoom(for: fresh + first.ownPages - saved)
      guard pool.freeCount >= fresh + first.ownPages - saved, let taken = pool.take(fresh)
      else { break }
      pool.share(known)
      nextGroup += 1
      let group = PromptGroup(
        prompt: planned.prompt,
        sequences: sequences,
        pages: known + taken,
        readCount: known.count * P
      )
      pool.remember(planned.prompt, pages: group.pages, pageTokens: P)
      tokens += group.unreadCount
      reading.append(group)
      try seat(group)
      if !group.waiting.isEmpty { open = group }
    }
  }

  /// Gives waiting sequences of a group pages and places in the batch while there are some.
  private func seat(_ group: PromptGroup) throws {
    while let sequence = group.waiting.last, seatCount < engine.options.batchSequences {
      // The last one takes over the page that the prompt's end lies in.
      let takesOver =
        group.waiting.count == 1 && group.partialPages == 1
        && group.pages.count > group.sharedPages
      let needed = sequence.ownPages - (takesOver ? 1 : 0)
      try makeRoom(for: needed)
      guard let own = pool.take(needed) else { break }
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
      seatCount += 1
      if group.isRead { active.append(sequence) } else { group.seated.append(sequence) }
    }
    if group.isRead { copyEnd(of: group) }
  }

  /// Adds pages to the cache where too few are free and it may have more.
  private func makeRoom(for pages: Int) throws {
    guard pool.freeCount < pages, pool.pageCount < pageLimit else { return }
    let wanted = max(2 * pool.pageCount, pool.pageCount + pages - pool.freeCount)
    let count = min(pageLimit, wanted)
    try withTensorErrors { cache.grow(to: count) }
    pool.grow(to: count)
  }

  /// Copies the page that the prompt's end lies in to the sequences that write behind it.
  private func copyEnd(of group: PromptGroup) {
    guard !group.copies.isEmpty else { return }
    let end = group.promptTable[group.sharedPages]
    let from = [Int32](repeating: end, count: group.copies.count)
    cache.copyInPlace(from: from, to: group.copies)
    group.copies.removeAll()
  }

  // MARK: Prompts

  /// Reads some of the prompts that wait, long ones in pieces.
  private func readPrompts() throws {
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
  private func readWhole(_ groups: [PromptGroup]) throws -> Tensor {
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
  private func readPieces(
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
  private func begin(_ groups: [PromptGroup], _ hidden: Tensor) throws {
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

  /// Takes a picked token in and decides what comes next.
  private func take(_ sequence: GeneratedSequence, _ picked: SampledTokens, row: Int) {
    let token = picked.tokens[row]
    if token == sequence.request.closing || sequence.request.stopTokens.contains(token) {
      end(sequence, .stop)
      return
    }
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
    if sequence.tokens.count == sequence.request.maximumTokens { end(sequence, .length) }
  }

  // MARK: Ends

  /// Whether a request asks for nothing.
  private func isEmpty(_ request: GenerationRequest) -> Bool {
    request.maximumTokens == 0 && (engine.head == nil || request.closing == nil)
  }

  /// Finishes the requests that ask for nothing.
  private func finishEmpty(_ requests: [GenerationRequest], firstIndex: Int) {
    for (index, request) in requests.enumerated() where isEmpty(request) {
      let generation = Generation(
        tokens: [],
        text: "",
        finishReason: .length,
        promptTokenCount: request.promptTokens.count
      )
      finished.append((firstIndex + index, generation))
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
      topLogProbabilities: sequence.topLogProbabilities,
      reward: reward,
      scoredToken: reward == nil
        ? nil : sequence.request.closing.map { .init(id: $0, index: sequence.position - 1) },
      promptTokenCount: sequence.request.promptTokens.count
    )
    finished.append((sequence.index, generation))
  }

  /// Gives the pages and places of finished sequences back.
  private func dropFinished() {
    guard active.contains(where: { $0.state == .done }) else { return }
    for sequence in active where sequence.state == .done {
      pool.give(sequence.pages)
      sequence.pages = []
      seatCount -= 1
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

extension GenerationBatch {
  /// How many pages are in use.
  var usedPages: Int { pool.pageCount - pool.freeCount }

  /// How many requests wait for a place.
  var waitingCount: Int {
    queue[nextGroup...].map(\.members.count).reduce(0, +) + (open?.waiting.count ?? 0)
  }

  /// Drops requests: those that wait at once, others give their pages back as soon as no other
  /// sequence reads a prompt from these.
  func cancel(_ indices: Set<Int>) {
    for index in queue.indices[nextGroup...] {
      queue[index].members.removeAll { indices.contains($0.index) }
    }
    queue = queue[nextGroup...].filter { !$0.members.isEmpty }
    nextGroup = 0
    finished.removeAll { indices.contains($0.0) }
    newTokens.removeAll { indices.contains($0.index) }
    for sequence in active where indices.contains(sequence.index) { sequence.state = .done }
    for group in reading {
      for sequence in group.all where indices.contains(sequence.index) { sequence.state = .done }
    }
    if let group = open {
      let before = group.waiting.count
      group.waiting.removeAll { indices.contains($0.index) }
      if group.waiting.isEmpty { open = nil }
      release(group, before - group.waiting.count)
    }
    dropUnread()
    dropFinished()
  }

  /// Drops groups whose prompt nobody waits for; a page that others share is read on for them.
  private func dropUnread() {
    let dropped = reading.filter { group in
      let unread = group.promptTable[(group.readCount / DecoderCache.pageTokens)...]
      return group.all.allSatisfy { $0.state == .done } && unread.allSatisfy(pool.isUsedOnce)
    }
    for group in dropped {
      for sequence in group.seated {
        pool.give(sequence.pages)
        seatCount -= 1
      }
      release(group, group.seated.count)
      group.seated = []
    }
    reading.removeAll { group in dropped.contains { $0 === group } }
  }
}
