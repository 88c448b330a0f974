import AssayModel
import AssayTensor
import AssayText

/// What writes texts: a model here, or one at an endpoint.
///
/// Which of them it is, is decided where it is made; who asks for critiques, judgements or answers
/// does not know.
package protocol Writer {
  /// Whether this process computes the texts, so that others may share the work.
  var isHere: Bool { get }

  /// Most tokens of a text.
  ///
  /// - Parameters:
  ///   - asked: What the settings say; `nil` is what the model was trained for, else what is usual.
  ///   - role: What is written.
  /// - Returns: At most what the model has room for, where that is known.
  func limit(_ asked: Int?, _ role: WritingRole) -> Int

  /// Writes texts.
  ///
  /// - Parameters:
  ///   - requests: What to write.
  ///   - onWritten: Called with the index of each request and its texts, one a draw, in the order of
  ///     the requests and as soon as they and all before them are there; an error that it throws ends
  ///     the work.
  /// - Returns: The texts of each request, in their order.
  /// - Throws: `WritingError` for an opening that cannot be continued, or what the model or endpoint
  ///   throws.
  nonisolated(nonsending) func write(
    _ requests: [WritingRequest],
    onWritten: (Int, [Written]) throws -> Void
  ) async throws -> [[Written]]

  /// Forgets texts that were kept, as all that were asked for are in records.
  ///
  /// - Throws: `FileError` where their file cannot be cut.
  func forgetKept() throws
}

extension Writer {
  /// Forgets nothing: an endpoint's answers stay.
  package func forgetKept() throws {}

  /// Writes texts, all at the end.
  nonisolated(nonsending) package func write(
    _ requests: [WritingRequest]
  ) async throws -> [[Written]] {
    try await write(requests) { _, _ in }
  }
}

extension WritingRole {
  /// Most tokens of a text of a model here; critiques and judgements take at most half of the context.
  ///
  /// - Parameters:
  ///   - asked: What the settings say; `nil` is what the model was trained for, else what is usual.
  ///   - text: The model's texts.
  /// - Returns: A number of tokens.
  package func limit(_ asked: Int?, of text: ModelText) -> Int {
    switch self {
    case .answer: asked ?? usualTokens
    case .critique:
      min(asked ?? text.manifest.critiqueTokens ?? usualTokens, text.contextTokens / 2)
    case .judgement:
      min(asked ?? text.manifest.judge?.tokens ?? usualTokens, text.contextTokens / 2)
    }
  }
}

/// Writes with a model here.
package struct ModelWriter: Writer {
  /// It is here.
  package var isHere: Bool { true }

  let port: any ModelPort
  /// Texts that are begun together, before the next ones are.
  let stretch: Int

  /// Makes a writer.
  ///
  /// - Parameters:
  ///   - port: The way to a model that writes.
  ///   - stretch: Texts that are begun together.
  package init(_ port: any ModelPort, stretch: Int = 2048) {
    self.port = port
    self.stretch = stretch
  }

  /// Makes a writer of a model that the caller owns.
  ///
  /// - Throws: `TextError` where the template does not fit the vocabulary.
  package init(_ model: Model, stretch: Int = 2048) throws {
    self.init(try LocalPort(model), stretch: stretch)
  }

  private var text: ModelText { port.text }

  /// Most tokens of a text; critiques and judgements take at most half of the context.
  package func limit(_ asked: Int?, _ role: WritingRole) -> Int {
    role.limit(asked, of: text)
  }

  /// Forgets texts that were kept; see `Writer`.
  package func forgetKept() throws { try port.forgetKept() }

  /// Writes texts; see `Writer`.
  ///
  /// - Throws: `WritingError`, `TextError`, `GenerationError`, or what the port throws.
  package nonisolated(nonsending) func write(
    _ requests: [WritingRequest],
    onWritten: (Int, [Written]) throws -> Void
  ) async throws -> [[Written]] {
    var written: [[Written]] = []
    while written.count < requests.count {
      let start = written.count
      var (end, draws) = (start, 0)
      while end < requests.count, end == start || draws + requests[end].draws <= stretch {
        draws += requests[end].draws
        end += 1
      }
      let texts = try (start..<end).map { try self.requests(requests[$0], index: $0) }
      let alternatives = requests[start..<end].flatMap { request in
        [Bool](repeating: request.settings.alternatives != nil, count: request.draws)
      }
      var known = [Written?](repeating: nil, count: alternatives.count)
      var first = 0
      // What is there is handed on in order, while later texts are written still.
      func handOn() throws {
        while written.count < end {
          let count = requests[written.count].draws
          let own = known[first..<first + count].compactMap(\.self)
          guard own.count == count else { return }
          first += count
          written.append(own)
          try onWritten(written.count - 1, own)
        }
      }
      _ = try await port.texts(texts.flatMap(\.self)) { index, generation in
        known[index] = self.written(generation, wantsAlternatives: alternatives[index])
        try handOn()
      }
      try handOn()
    }
    return written
  }

  private func written(_ generation: Generation, wantsAlternatives: Bool) -> Written {
    var written = Written(
      text: generation.text,
      answer: generation.text.withoutThoughts,
      finishReason: generation.finishReason,
      usage: .init(
        prompt: generation.promptTokenCount,
        completion: generation.tokens.count + 1
      ),
      generation: generation
    )
    guard wantsAlternatives, let first = generation.topLogProbabilities.first else {
      return written
    }
    for token in first {
      let spelling = text.tokenizer.decode([token.id], skipSpecialTokens: false)
      written.firstAlternatives[spelling] = Double(token.logProbability)
    }
    return written
  }

  /// What the port is asked for: neighbours that share the prompt.
  ///
  /// - Parameters:
  ///   - request: What is written.
  ///   - index: Its index, for the error.
  /// - Returns: A request a draw.
  /// - Throws: `WritingError`, `GrammarError` where the vocabulary cannot spell the grammar, or
  ///   `TextError` where the template does not fit.
  package func requests(_ request: WritingRequest, index: Int) throws -> [GenerationRequest] {
    let settings = request.settings
    let prompt = try prefix(request, index: index)
    let end = text.renderer.endOfTurnID
    let grammar = try settings.grammar.map { try text.grammars.bind($0, ends: [end]) }
    return (request.firstDraw..<request.firstDraw + request.draws).map { draw in
      GenerationRequest(
        promptTokens: prompt,
        settings: SamplingSettings(
          temperature: settings.temperature,
          topK: settings.topK,
          topP: settings.topP,
          repetitionPenalty: settings.repetitionPenalty
        ),
        maximumTokens: settings.maximumTokens,
        stopTokens: [end],
        stopStrings: settings.stop,
        seed: request.seed,
        draw: draw,
        wantsLogProbabilities: settings.alternatives != nil,
        topLogProbabilities: settings.alternatives ?? 0,
        closing: request.readsReward ? end : nil,
        grammar: grammar
      )
    }
  }

  /// The tokens that are continued, with room for the text and its end.
  private func prefix(_ request: WritingRequest, index: Int) throws -> [Int32] {
    let reserved = request.settings.maximumTokens + 1
    let maximum = text.contextTokens - reserved
    let tokens: [Int32]
    switch request.opening {
    case .critique(let prompt, let response, let leadIn):
      return try text.renderer.critiquePrefix(
        prompt: prompt,
        response: response,
        leadIn: leadIn ?? text.manifest.leadIn ?? "",
        reservedTokens: reserved
      )
    case .conversation(let messages):
      tokens = try text.renderer.generationPrefix(prompt: messages)
    case .rendered(let rendered): tokens = text.tokenizer.encode(rendered)
    case .answered(let given):
      let leadIn = text.manifest.leadIn ?? ""
      tokens = try text.renderer.critiquePrefix(behind: given, leadIn: leadIn) ?? given
    }
    guard let first = tokens.first else { throw WritingError.empty(request: index) }
    if tokens.count <= maximum { return tokens }
    guard request.cutsFront, maximum > 1 else {
      throw WritingError.tooLong(request: index, tokens: tokens.count, maximum: maximum)
    }
    return [first] + tokens.suffix(maximum - 1)
  }
}
