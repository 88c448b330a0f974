import AssayBase
import AssayGenerate
import AssayModel
import AssayText

/// Chat completions as server-sent events, token by token.
///
/// A text comes in chunks whose contents together are what an answer in one piece has. Chunks of
/// several choices are mixed. Behind the last come the counts, where they were asked for, and `[DONE]`.
struct ChatStream: Sendable {
  private let exchange: Exchange
  private let request: ChatCompletionRequest

  init(_ exchange: Exchange, _ request: ChatCompletionRequest) {
    self.exchange = exchange
    self.request = request
  }

  /// Begins the work.
  func reply() -> Reply {
    let job = exchange.port.scope.submit(.texts(request.requests), wantsTokens: true)
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
    let count = request.requests.count
    var streams = (0..<count).map { _ in
      TextStream(tokenizer, stopStrings: request.stopStrings)
    }
    var texts = [Generation?](repeating: nil, count: count)
    // Told with the next piece of text: tokens within a character have none of their own.
    var entries = [[JSONValue]](repeating: [], count: count)
    for place in 0..<count {
      yield(chunk([choice(place, ["role": "assistant", "content": ""])]))
    }
    for try await event in job.events {
      switch event {
      case .token(let place, let token):
        if request.wantsLogProbabilities {
          entries[place].append(
            ChatTokens.json(token.id, token.logProbability, token.top, tokenizer)
          )
        }
        let piece = streams[place].add(token.id)
        guard !piece.isEmpty else { continue }
        yield(chunk([choice(place, ["content": .string(piece)], entries[place])]))
        entries[place] = []
      case .text(let place, let text):
        texts[place] = text
        let piece = streams[place].finish(text.text)
        if !piece.isEmpty || !entries[place].isEmpty {
          yield(chunk([choice(place, ["content": .string(piece)], entries[place])]))
        }
        yield(chunk([choice(place, [:], finished: text)]))
      case .value: continue
      }
    }
    let all = texts.compactMap(\.self)
    guard all.count == count else {
      throw exchange.port.scope.reason ?? ServeError.disconnected
    }
    if request.streamsUsage { yield(chunk([], usage: ChatEndpoint.usage(all))) }
    yield("[DONE]")
  }

  private func choice(
    _ index: Int,
    _ delta: JSONValue,
    _ entries: [JSONValue] = [],
    finished: Generation? = nil
  ) -> JSONValue {
    var members = [
      JSONMember("index", .number("\(index)")), JSONMember("delta", delta),
      JSONMember("logprobs", entries.isEmpty ? nil : ["content": .array(entries)]),
      JSONMember("finish_reason", finished.map { .string($0.chatFinishReason) } ?? nil),
    ]
    if let reward = finished?.reward {
      members.append(JSONMember("reward", .number("\(Double(reward))")))
    }
    return .object(members)
  }

  private func chunk(_ choices: [JSONValue], usage: JSONValue? = nil) -> String {
    var members = [
      JSONMember("id", .string(exchange.id("chatcmpl"))),
      JSONMember("object", "chat.completion.chunk"),
      JSONMember("created", .number("\(exchange.created)")),
      JSONMember("model", .string(exchange.settings.modelName)),
      JSONMember("choices", .array(choices)),
      JSONMember("seed", request.seed),
    ]
    if let usage { members.append(JSONMember("usage", usage)) }
    return JSONValue.object(members).compact
  }
}
