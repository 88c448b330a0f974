import AssayBase
import AssayModel
import AssayTensor
import AssayText

/// Generates many texts at once with a decoder on this machine, and scores them in the same pass.
///
/// - Requests with the same prompt read it once and share its keys and values; prompts that begin
///   alike share the pages of what they have in common.
/// - Prompts are read packed, without padding, long ones in pieces between steps; a sequence that
///   ends makes room for the next at once.
/// - A request's `closing` token is read right behind its text, and the reward head reads the hidden
///   state there: the text is not read a second time.
/// - What a request gives does not depend on the requests beside it, except for rounding; with the
///   execution's `isBatchInvariant` it is the same bit for bit.
///
/// Not `Sendable`: one task owns the model's tensors. The weights must not change during a run.
package final class GenerationEngine {
  /// How much is computed and kept at once.
  package struct Options: Sendable, Equatable {
    /// Bytes that keys and values may take; less is taken where less is needed.
    ///
    /// Default: 1 GiB.
    package var cacheBytes: Int
    /// Sequences that get a new token in one step; more are faster up to some hundreds.
    package var batchSequences: Int
    /// Prompt tokens that are read between two steps.
    package var prefillTokens: Int

    /// Makes options.
    package init(cacheBytes: Int = 1 << 30, batchSequences: Int = 256, prefillTokens: Int = 4096) {
      self.cacheBytes = cacheBytes
      self.batchSequences = batchSequences
      self.prefillTokens = prefillTokens
    }
  }

  let decoder: Decoder
  let head: RewardHead?
  let tokenizer: any Tokenizer
  /// How much is computed and kept at once.
  package let options: Options
  private var cache: DecoderCache?
  private var cacheType: DType?

  /// Makes an engine.
  ///
  /// - Parameters:
  ///   - decoder: A language model.
  ///   - head: What reads rewards; `nil` gives none.
  ///   - tokenizer: Its tokenizer.
  ///   - options: How much is computed and kept at once.
  package init(
    decoder: Decoder,
    head: RewardHead?,
    tokenizer: any Tokenizer,
    options: Options = Options()
  ) {
    self.decoder = decoder
    self.head = head
    self.tokenizer = tokenizer
    self.options = options
  }

  /// Makes an engine of a model, within the memory that it may take.
  ///
  /// - Parameter model: A language model; its reward head, where it has one, reads closing tokens.
  package convenience init(_ model: Model) {
    self.init(
      decoder: model.decoder,
      head: model.head,
      tokenizer: model.tokenizer,
      options: Options(cacheBytes: model.cacheBytes)
    )
  }

  /// Generates a text for each request, on the calling thread.
  ///
  /// - Parameters:
  ///   - requests: What to generate.
  ///   - onFinished: Called with a request's index and its text as soon as that is there, in any
  ///     order; an error that it throws ends the work.
  ///   - onTokens: Called behind every step with the number of tokens that it wrote.
  /// - Returns: The texts, in the order of the requests.
  /// - Throws: `GenerationError` for a request that cannot be served, before any is begun;
  ///   `TensorError` where memory runs out; `CancellationError` when the task is cancelled, and
  ///   `Interrupted` where a signal asks to stop, between two steps.
  package func run(
    _ requests: [GenerationRequest],
    onFinished: (Int, Generation) throws -> Void = { _, _ in },
    onTokens: (Int) throws -> Void = { _ in }
  ) throws -> [Generation] {
    try Task.checkCancellation()
    guard decoder.isLanguageModel else { throw GenerationError.notLanguageModel }
    try check(requests)
    let plan = GenerationPlan(requests, readsReward: head != nil)
    let budget = options.cacheBytes / DecoderCache.pageBytes(decoder)
    let most = min(max(1, options.batchSequences), requests.count)
    let pages = try plan.pages(budget: budget, batch: most, error: exceedsMemory)
    let batch = GenerationBatch(self, cache: try cache(pages: pages))
    batch.add(plan, firstIndex: 0)
    var results = [Generation?](repeating: nil, count: requests.count)
    while !batch.isIdle {
      try Task.checkCancellation()
      try Interruption.check()
      let before = batch.writtenCount
      try batch.advance { index, generation in
        results[index] = generation
        try onFinished(index, generation)
      }
      try onTokens(batch.writtenCount - before)
    }
    return results.compactMap(\.self)
  }

  /// Bytes of keys and values that texts have at most.
  ///
  /// - Parameters:
  ///   - requests: What is generated.
  ///   - pageBytes: Bytes of a page of all blocks.
  ///   - options: How much is kept at once.
  /// - Returns: Bytes.
  /// - Throws: `GenerationError.exceedsMemory` for a request that needs more than is kept.
  package static func cacheBytes(
    of requests: [GenerationRequest],
    pageBytes: Int,
    options: Options = Options()
  ) throws -> Int {
    let pages = try GenerationPlan(requests, readsReward: false).pages(
      budget: options.cacheBytes / pageBytes,
      batch: min(max(1, options.batchSequences), requests.count)
    ) { request, pages in
      .exceedsMemory(
        request: request,
        neededBytes: pages * pageBytes,
        budgetBytes: options.cacheBytes
      )
    }
    return pages * pageBytes
  }

  /// The error of a request that needs more pages than the budget has.
  func exceedsMemory(_ request: Int, pages: Int) -> GenerationError {
    .exceedsMemory(
      request: request,
      neededBytes: pages * DecoderCache.pageBytes(decoder),
      budgetBytes: options.cacheBytes
    )
  }

  private func cache(pages: Int) throws -> DecoderCache {
    if let cache, cache.pageCount >= pages, cacheType == decoder.execution.dtype { return cache }
    cache = nil
    let made = try withTensorErrors { DecoderCache(decoder, pages: pages) }
    (cache, cacheType) = (made, decoder.execution.dtype)
    return made
  }

  /// Checks that each request makes sense and fits the context.
  func check(_ requests: [GenerationRequest]) throws {
    for (index, request) in requests.enumerated() { try check(request, index) }
  }

  private func check(_ request: GenerationRequest, _ index: Int) throws {
    guard !request.promptTokens.isEmpty else { throw GenerationError.emptyPrompt(request: index) }
    let size = decoder.configuration.vocabularySize
    let tokens = request.promptTokens + (request.closing.map { [$0] } ?? [])
    if let unknown = tokens.first(where: { $0 < 0 || $0 >= size }) {
      throw GenerationError.unknownToken(request: index, token: unknown, vocabularySize: size)
    }
    if let wrong = request.wrongSetting {
      throw GenerationError.setting(
        request: index,
        name: wrong.name,
        value: wrong.value,
        expected: wrong.expected
      )
    }
    let needed = GenerationPlan.positions(of: request, readsReward: head != nil)
    guard needed <= decoder.configuration.contextTokens else {
      throw GenerationError.exceedsContext(
        request: index,
        needed: needed,
        context: decoder.configuration.contextTokens
      )
    }
  }
}

extension GenerationRequest {
  /// The first setting that makes no sense, and what it should be.
  fileprivate var wrongSetting: (name: String, value: String, expected: String)? {
    let (temperature, penalty) = (settings.temperature, settings.repetitionPenalty)
    let (topK, topP) = (settings.topK, settings.topP)
    let checks: [(holds: Bool, name: String, value: String, expected: String)] = [
      (temperature >= 0 && temperature.isFinite, "temperature", "\(temperature)", "0 or more"),
      (topK >= 0, "top-k", "\(topK)", "0 (off) or more"),
      (topP > 0 && topP <= 1, "top-p", "\(topP)", "above 0, at most 1"),
      (penalty > 0 && penalty.isFinite, "repetition penalty", "\(penalty)", "above 0"),
      (maximumTokens >= 0, "maximum of new tokens", "\(maximumTokens)", "0 or more"),
      (
        topLogProbabilities >= 0, "number of likeliest tokens", "\(topLogProbabilities)",
        "0 or more"
      ),
      (
        grammar.map { isEnded(by: $0.ends) } ?? true, "set of tokens that end the text",
        "\(stopTokens.sorted())", "those of its grammar, at least one"
      ),
    ]
    return checks.first { !$0.holds }.map { ($0.name, $0.value, $0.expected) }
  }

  /// Whether texts end with just these tokens.
  private func isEnded(by ends: Set<Int32>) -> Bool {
    !ends.isEmpty && ends == stopTokens.union(closing.map { [$0] } ?? [])
  }
}
