import AssayModel
import AssayTensor
import AssayText

extension GenerationBatch {
  /// Whether a request asks for nothing.
  func isEmpty(_ request: GenerationRequest) -> Bool {
    request.maximumTokens == 0 && (engine.head == nil || request.closing == nil)
  }

  /// Finishes the requests that ask for nothing.
  func finishEmpty(_ requests: [GenerationRequest], firstIndex: Int) {
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
  func end(_ sequence: GeneratedSequence, _ reason: FinishReason) {
    sequence.finishReason = reason
    guard engine.head != nil, sequence.request.closing != nil else {
      finish(sequence, reward: nil)
      return
    }
    sequence.prepareToClose()
  }

  func finish(_ sequence: GeneratedSequence, reward: Float?) {
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
      promptTokenCount: sequence.request.promptTokens.count,
      decision: sequence.decision
    )
    finished.append((sequence.index, generation))
  }

  /// Ends a text that has no result; others go on.
  func fail(_ sequence: GeneratedSequence, _ error: GenerationError) {
    sequence.state = .done
    spoilt.formUnion(sequence.table + (sequence.group?.promptTable ?? []))
    failed.append((sequence.index, error))
  }

  /// Empties free pages of texts that failed.
  ///
  /// Attention may read a page behind a text's end, with a weight of 0: only a number becomes 0 by it.
  func clearSpoilt() throws {
    let free = spoilt.filter(pool.isFree)
    guard !free.isEmpty else { return }
    try withTensorErrors { cache.clearInPlace(free.sorted()) }
    spoilt.subtract(free)
  }

  /// Gives the pages and places of finished sequences back.
  func dropFinished() {
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
  func release(_ group: PromptGroup, _ count: Int) {
    group.remaining -= count
    guard group.remaining == 0 else { return }
    pool.give(group.pages)
    group.pages = []
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
    failed.removeAll { indices.contains($0.0) }
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
  func dropUnread() {
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
