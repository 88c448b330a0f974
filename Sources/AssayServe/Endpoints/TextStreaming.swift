import AssayBase
import AssayGenerate
import AssayModel
import AssayText

/// Texts as server-sent events, token by token.
///
/// A text comes in chunks whose contents together are what an answer in one piece has. Chunks of
/// several choices are mixed. Behind the last come the counts, where they were asked for, and `[DONE]`.
struct TextStreaming: Sendable {
  private let exchange: Exchange
  private let request: TextRequest

  init(_ exchange: Exchange, _ request: TextRequest) {
    self.exchange = exchange
    self.request = request
  }

  /// Begins the work.
  func reply() -> Reply {
    let job = exchange.port.stream(request.requests)
    let (events, continuation) = AsyncThrowingStream<String, any Error>.makeStream()
    let task = Task {
      do {
        try await send(job) { continuation.yield($0) }
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    continuation.onTermination = { _ in task.cancel() }
    return Reply(content: .events(events))
  }

  private func send(_ job: ModelJob, _ yield: (String) -> Void) async throws {
    let tokenizer = exchange.model.text.tokenizer
    let (form, count) = (request.form, request.requests.count)
    var streams = (0..<count).map { _ in
      TextStream(tokenizer, stopStrings: request.stopStrings)
    }
    var texts = [Generation?](repeating: nil, count: count)
    // Told with the next piece of text: tokens within a character have none of their own.
    var tokens = [[GenerationSession.Token]](repeating: [], count: count)
    var offsets = [Int](repeating: 0, count: count)
    func send(_ piece: String, _ place: Int) {
      let (own, offset) = (tokens[place], offsets[place])
      yield(chunk([form.piece(piece, at: place, tokens: own, offset: offset, tokenizer)]))
      offsets[place] += piece.count
      tokens[place] = []
    }
    if form == .chat {
      for place in 0..<count {
        yield(chunk([form.piece("", at: place, isFirst: true, tokenizer)]))
      }
    }
    for try await event in job.events {
      switch event {
      case .token(let place, let token):
        if request.wantsLogProbabilities { tokens[place].append(token) }
        let piece = streams[place].add(token.id)
        if !piece.isEmpty { send(piece, place) }
      case .text(let place, let text):
        texts[place] = text
        let piece = streams[place].finish(text.text)
        if !piece.isEmpty || !tokens[place].isEmpty {
          send(piece, place)
        }
        yield(chunk([form.end(of: text, at: place)]))
      case .value: continue
      }
    }
    let all = texts.compactMap(\.self)
    guard all.count == count else {
      throw exchange.port.scope.reason ?? ServeError.disconnected
    }
    if request.streamsUsage {
      yield(chunk([], usage: TextForm.usage(all, choices: request.choices)))
    }
    yield("[DONE]")
  }

  private func chunk(_ choices: [JSONValue], usage: JSONValue? = nil) -> String {
    var members = exchange.head(request.form.idPrefix, request.form.chunkObject)
    members += [JSONMember("choices", .array(choices)), JSONMember("seed", request.seed)]
    if let usage { members.append(JSONMember("usage", usage)) }
    return JSONValue.object(members).compact
  }
}
