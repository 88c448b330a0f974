import AssayModel
import AssayTensor

extension GenerationBatch {
  /// Takes waiting sequences in while there is room.
  func admit() throws {
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
  func seat(_ group: PromptGroup) throws {
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
  func makeRoom(for pages: Int) throws {
    guard pool.freeCount < pages, pool.pageCount < pageLimit else { return }
    let wanted = max(2 * pool.pageCount, pool.pageCount + pages - pool.freeCount)
    let count = min(pageLimit, wanted)
    try withTensorErrors { cache.grow(to: count) }
    pool.grow(to: count)
  }

  /// Copies the page that the prompt's end lies in to the sequences that write behind it.
  func copyEnd(of group: PromptGroup) {
    guard !group.copies.isEmpty else { return }
    let end = group.promptTable[group.sharedPages]
    let from = [Int32](repeating: end, count: group.copies.count)
    cache.copyInPlace(from: from, to: group.copies)
    group.copies.removeAll()
  }

  /// How many pages are in use.
  var usedPages: Int { pool.pageCount - pool.freeCount }

  /// How many requests wait for a place.
  var waitingCount: Int {
    queue[nextGroup...].map(\.members.count).reduce(0, +) + (open?.waiting.count ?? 0)
  }
}
