import AssayModel
import AssayTensor
import AssayText

/// An open run of an engine: requests join it and leave it between steps.
///
/// A request that arrives while others are generated gets a place at the next step; what it gives is
/// what it gives alone, as in `GenerationEngine.run`. Requests wait in the order of their arrival, so
/// that a large one is never overtaken for ever.
///
/// Not `Sendable`, as its engine; that runs nothing else meanwhile.
package final class GenerationSession {
  /// A token as it is generated.
  package struct Token: Sendable, Equatable {
    /// Its id.
    package var id: Int32
    /// Its log probability, as in `Generation`.
    package var logProbability: Float
    /// The likeliest tokens at its place, as many as the request wants.
    package var top: [TokenLogProbability]

    /// Makes a token.
    package init(id: Int32, logProbability: Float, top: [TokenLogProbability]) {
      self.id = id
      self.logProbability = logProbability
      self.top = top
    }
  }

  private let engine: GenerationEngine
  private let batch: GenerationBatch
  /// Pages that the cache may come to have.
  private let pageLimit: Int
  private var count = 0

  /// Pages that the cache begins with; it doubles where more are needed.
  private static let firstPages = 64

  /// Starts a run without requests; its cache grows as far as the engine's options allow.
  ///
  /// - Parameter engine: What generates.
  /// - Throws: `GenerationError.notLanguageModel`, or `TensorError` where memory runs out.
  package init(_ engine: GenerationEngine) throws {
    guard engine.decoder.isLanguageModel else { throw GenerationError.notLanguageModel }
    self.engine = engine
    let budget = engine.options.cacheBytes / DecoderCache.pageBytes(engine.decoder)
    let longest = GenerationPlan.pages(engine.decoder.configuration.contextTokens)
    let most = longest.multipliedReportingOverflow(by: max(1, engine.options.batchSequences))
    let limit = max(1, most.overflow ? budget : min(budget, most.partialValue))
    pageLimit = limit
    let cache = try withTensorErrors {
      DecoderCache(engine.decoder, pages: min(limit, Self.firstPages))
    }
    batch = GenerationBatch(engine, cache: cache, pageLimit: limit, reportsTokens: true)
  }

  /// Adds requests behind those that wait.
  ///
  /// - Parameter requests: What to generate.
  /// - Returns: The indices by which the run knows them, in their order.
  /// - Throws: `GenerationError`, which names a request by its place in `requests`; none of them is
  ///   added then, and no other is disturbed.
  package func add(_ requests: [GenerationRequest]) throws -> Range<Int> {
    try engine.check(requests)
    let plan = GenerationPlan(requests, readsReward: engine.head != nil)
    for group in plan.groups {
      for request in group.requests {
        let needed = plan.pagesAlone(request, in: group)
        guard needed <= pageLimit else { throw engine.exceedsMemory(request, pages: needed) }
      }
    }
    let indices = count..<count + requests.count
    batch.add(plan, firstIndex: count)
    count = indices.upperBound
    return indices
  }

  /// Drops requests, whatever has become of them; no token and no text of them is told any more.
  ///
  /// - Parameter indices: As `add` returned them.
  package func cancel(_ indices: some Sequence<Int>) { batch.cancel(Set(indices)) }

  /// Takes waiting requests in, reads some of their prompts, and generates one token of each text.
  ///
  /// - Parameters:
  ///   - onToken: Called with a request's index and a new token of its text, in order. A token that
  ///     completes a stop string is not told; those before it may be part of that string.
  ///   - onFailed: Called with the index of a request that has no text, and why; the others go on. It must
  ///     not change the run. The default throws the error.
  ///   - onFinished: Called with a request's index and its text as soon as that is there.
  /// - Throws: `TensorError` where memory runs out, or what a receiver throws; the run is over then.
  package func advance(
    onToken: (Int, Token) throws -> Void,
    onFailed: (Int, GenerationError) throws -> Void = { _, error in throw error },
    onFinished: (Int, Generation) throws -> Void
  ) throws {
    try batch.advance(
      onTokens: { tokens in
        for new in tokens {
          try onToken(
            new.index,
            Token(id: new.token, logProbability: new.logProbability, top: new.top)
          )
        }
      },
      onFailed: onFailed,
      onFinished: onFinished
    )
  }

  /// Whether there is nothing to do.
  package var isIdle: Bool { batch.isIdle }
  /// How many requests wait for a place.
  package var waitingCount: Int { batch.waitingCount }
  /// How many requests have a place.
  package var runningCount: Int { batch.seatCount }
  /// How many tokens the cache may come to have room for.
  package var tokenCount: Int { pageLimit * DecoderCache.pageTokens }
  /// How many pages of the cache are in use.
  package var usedPages: Int { batch.usedPages }
}
