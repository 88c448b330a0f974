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

  let engine: GenerationEngine
  var cache: DecoderCache
  /// Pages that the cache may come to have.
  let pageLimit: Int
  var pool: PagePool
  /// Groups whose prompt is not read yet: those from `nextGroup` on.
  var queue: [GenerationPlan.Queued] = []
  var nextGroup = 0
  /// The group that has requests which wait for room.
  var open: PromptGroup?
  /// Groups whose prompts are being read, in this order.
  var reading: [PromptGroup] = []
  /// Sequences with pages of their own, those of unread prompts included.
  var seatCount = 0
  /// Sequences that get a token in the next step; those of one group are neighbours.
  var active: [GeneratedSequence] = []
  var finished: [(Int, Generation)] = []
  /// Texts that ended without a result, and why.
  var failed: [(Int, GenerationError)] = []
  /// Pages of such texts, until they are emptied: what is in them may be no numbers.
  var spoilt: Set<Int32> = []
  /// Tokens since they were last taken, where somebody wants them as they come.
  var newTokens: [NewToken] = []
  let reportsTokens: Bool
  /// How many tokens were written.
  var writtenCount = 0

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
      && finished.isEmpty && failed.isEmpty
  }

  /// Admits, reads prompts and steps once.
  ///
  /// - Parameters:
  ///   - onTokens: Called with the tokens of a step, where they are reported.
  ///   - onFailed: Called with a request's index and why it has no text; the others go on. The default
  ///     throws the error.
  ///   - onFinished: Called with a request's index and its text as soon as that is there.
  /// - Throws: What the decoder or a receiver throws.
  func advance(
    onTokens: ([NewToken]) throws -> Void = { _ in },
    onFailed: (Int, GenerationError) throws -> Void = { _, error in throw error },
    onFinished: (Int, Generation) throws -> Void
  ) throws {
    func handOut() throws {
      if !newTokens.isEmpty {
        try onTokens(newTokens)
        newTokens.removeAll(keepingCapacity: true)
      }
      for (index, error) in failed { try onFailed(index, error) }
      failed.removeAll()
      for (index, generation) in finished { try onFinished(index, generation) }
      finished.removeAll(keepingCapacity: true)
    }
    try clearSpoilt()
    try admit()
    try readPrompts()
    try handOut()
    guard !active.isEmpty else { return }
    try step()
    try handOut()
  }
}
