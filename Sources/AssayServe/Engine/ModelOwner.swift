import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// The one owner of a model: it alone reads the weights, on a thread of its own.
///
/// Between two steps it looks for new work: texts that arrive while others are written join them, and
/// texts to read once that wait together are read in one pass. Owners that share a thread take turns,
/// step by step.
actor ModelOwner {
  private struct Writing {
    let job: ModelJob
    let place: Int
  }

  /// Tokens that one forward pass packs.
  private static let passTokens = LocalPort.usualPassTokens

  private nonisolated let thread: ModelThread
  /// Where this actor's code runs.
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let queue = ModelQueue()
  private let source: ServeSource
  private let metrics: ServeMetrics
  private let sharesThread: Bool
  private var model: Model?
  private var session: GenerationSession?
  private var writing: [Int: Writing] = [:]
  private var passes = PassQueue()

  /// Makes an owner of no model yet.
  ///
  /// - Parameters:
  ///   - source: The model.
  ///   - thread: Where it computes.
  ///   - sharesThread: Whether others compute there too.
  ///   - metrics: What is told how busy the model is.
  init(
    _ source: ServeSource,
    on thread: ModelThread,
    sharesThread: Bool,
    metrics: ServeMetrics
  ) {
    self.thread = thread
    self.source = source
    self.sharesThread = sharesThread
    self.metrics = metrics
  }

  /// Loads the model.
  ///
  /// - Returns: What others need to know of it.
  /// - Throws: What loading throws; `TextError` where the template does not fit; `TensorError` where
  ///   memory runs out.
  func load() throws -> ServedModel {
    let model = try source.load()
    self.model = model
    if ServedModel.writes(model) { session = try makeSession(model) }
    return try ServedModel(
      model,
      name: source.name,
      aliases: source.aliases,
      card: source.card,
      cacheTokens: session?.tokenCount ?? 0,
      queue: queue
    )
  }

  private func makeSession(_ model: Model) throws -> GenerationSession {
    try GenerationSession(
      GenerationEngine(
        decoder: model.decoder,
        head: model.head,
        tokenizer: model.tokenizer,
        options: source.options ?? GenerationEngine.Options(cacheBytes: model.cacheBytes)
      )
    )
  }

  /// Serves what the queue brings, until it is closed and nothing is left.
  func run() async {
    guard let model else { return }
    while true {
      let news = queue.take()
      drop(news.dropped)
      for job in news.jobs where !news.dropped.contains(job.id) { begin(job, model) }
      readPack(model)
      advance()
      report()
      guard isIdle else {
        if sharesThread { await Task.yield() }
        continue
      }
      if news.isClosed && news.jobs.isEmpty { return }
      await queue.wait()
    }
  }

  private var isIdle: Bool { session?.isIdle ?? true && passes.count == 0 }

  // MARK: Work

  /// The open run; a new one where the last one ended with an error.
  private func session(of model: Model) throws -> GenerationSession {
    if let session { return session }
    guard ServedModel.writes(model) else { throw GenerationError.notLanguageModel }
    let made = try makeSession(model)
    session = made
    return made
  }

  private func begin(_ job: ModelJob, _ model: Model) {
    metrics.add(read: job.work.promptTokens)
    switch job.work {
    case .passes(let texts, let reading): passes.add(job, texts, reading)
    case .texts(let requests):
      do {
        for (place, index) in try session(of: model).add(requests).enumerated() {
          writing[index] = Writing(job: job, place: place)
        }
      } catch {
        job.fail(error)
      }
    }
  }

  private func drop(_ ids: Set<Int>) {
    guard !ids.isEmpty else { return }
    let indices = writing.filter { ids.contains($0.value.job.id) }.map(\.key)
    session?.cancel(indices)
    for index in indices { writing[index] = nil }
    passes.remove(ids)
  }

  private func readPack(_ model: Model) {
    guard let pack = passes.next(tokens: Self.passTokens) else { return }
    do {
      let reader = PassReader(model.decoder, head: model.head)
      let values = try reader.read(pack.passes, pack.reading)
      for (owner, value) in zip(pack.owners, values) {
        owner.job.tell(.value(place: owner.place, value))
      }
    } catch {
      let ids = Set(pack.owners.map(\.job.id))
      for owner in pack.owners { owner.job.fail(error) }
      passes.remove(ids)
    }
  }

  private func advance() {
    guard let session, !session.isIdle else { return }
    var failed: Set<Int> = []
    do {
      try session.advance { index, token in
        metrics.add(written: 1)
        guard let text = writing[index], text.job.wantsTokens else { return }
        text.job.tell(.token(place: text.place, token))
      } onFailed: { index, _ in
        guard let text = writing[index] else { return }
        text.job.fail(GenerationError.notFinite(request: text.place))
        failed.insert(text.job.id)
      } onFinished: { index, generation in
        guard let text = writing.removeValue(forKey: index) else { return }
        text.job.tell(.text(place: text.place, generation))
      }
      // A text without a result ends its own request, with the other texts of that.
      drop(failed)
    } catch {
      // Nobody knows how far the step came: all that is under way ends, and the next text begins a
      // new run.
      for text in writing.values { text.job.fail(error) }
      writing = [:]
      self.session = nil
    }
  }

  private func report() {
    metrics.set(
      ServeMetrics.Busy(
        waiting: (session?.waitingCount ?? 0) + passes.count,
        running: session?.runningCount ?? 0,
        pages: session?.usedPages ?? 0
      ),
      of: source.name
    )
  }
}
