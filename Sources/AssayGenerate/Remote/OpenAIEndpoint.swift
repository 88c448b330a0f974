// A client of `/chat/completions` as vLLM, SGLang, llama-server, Ollama and OpenAI serve it.
//
// Retried are answers with status 408, 409, 425, 429 and 5xx (after `Retry-After` where there is one),
// errors within an answer of status 200, broken connections, time-outs, and what is no completion; never
// another refusal. Redirects are not followed, so that the key goes nowhere else. A refusal that asks for
// `max_completion_tokens`, or does not take the seed, the temperature or the system's turn, is answered by
// the same request as the endpoint wants it; every further request is made so too.

import AssayBase
import AssayText
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// An OpenAI-compatible endpoint.
package final class OpenAIEndpoint: ChatGenerator {
  /// Where it is.
  package let address: EndpointAddress
  /// The model's name there.
  package let model: String
  let settings: EndpointSettings
  private let key: EndpointKey?
  private let records: RequestRecords?
  private let client: HTTPClient
  // Guards the count; tasks of several requests add to it.
  private let counted = Mutex(State())

  private struct State {
    var spend = Spend()
    /// Whether the endpoint ever answered anything.
    var hasAnswered = false
    /// What it takes, as far as is known.
    var dialect = ChatDialect()
  }

  /// What answers cost so far.
  package var spend: Spend { counted.withLock { $0.spend } }

  /// Makes a client; `close()` ends it.
  ///
  /// - Parameters:
  ///   - address: Where the endpoint is.
  ///   - model: The model's name there.
  ///   - key: What is sent as bearer token; `nil` sends none.
  ///   - settings: How it is asked.
  ///   - records: Where answers are kept and looked up; `nil` keeps none.
  package init(
    _ address: EndpointAddress,
    model: String,
    key: EndpointKey? = nil,
    settings: EndpointSettings = EndpointSettings(),
    records: RequestRecords? = nil
  ) {
    precondition(settings.concurrency > 0, "concurrency is \(settings.concurrency)")
    self.address = address
    self.model = model
    self.key = key
    self.settings = settings
    self.records = records
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(connect: .seconds(10))
    )
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.concurrency
    // Retries are counted here, not hidden in the pool.
    configuration.connectionPool.retryConnectionEstablishment = false
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// Bytes of an answer.
  private static let longestBody = 64 << 20

  /// Ends all connections.
  ///
  /// - Throws: What the client throws.
  package func close() async throws { try await client.shutdown() }

  /// Answers requests of which no answer is recorded, several at once.
  ///
  /// - Parameters:
  ///   - requests: What to answer; equal ones are asked once.
  ///   - onCompletion: Called with the index and answer of each request, in order.
  /// - Returns: One answer a request, in their order.
  /// - Throws: `EndpointError`, `DataError` where an answer cannot be recorded, `CancellationError`, or
  ///   what `onCompletion` and the settings' checkpoint throw.
  package nonisolated(nonsending) func complete(
    _ requests: [ChatRequest],
    onCompletion: (Int, ChatCompletion) throws -> Void
  ) async throws -> [ChatCompletion] {
    let start = ContinuousClock.now
    defer {
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      counted.withLock { $0.spend.seconds += seconds }
    }
    let keys = requests.map { $0.key(model: model) }
    var known: [String: ChatCompletion] = [:]
    var missing: [(key: String, request: ChatRequest)] = []
    var asked: Set<String> = []
    for (key, request) in zip(keys, requests) where known[key] == nil {
      if let completion = records?.completion(key) {
        known[key] = completion
      } else if asked.insert(key).inserted {
        missing.append((key, request))
      }
    }
    counted.withLock { $0.spend.recorded += requests.count - missing.count }
    var completions: [ChatCompletion] = []
    func advance() throws {
      while completions.count < requests.count, let next = known[keys[completions.count]] {
        completions.append(next)
        try onCompletion(completions.count - 1, next)
      }
    }
    try advance()
    guard !missing.isEmpty else { return completions }
    try await answer(missing) { key, completion in
      known[key] = completion
      try advance()
    }
    return completions
  }

  /// Sends requests, several at once, and hands over each answer as it comes.
  private nonisolated(nonsending) func answer(
    _ missing: [(key: String, request: ChatRequest)],
    onAnswer: (String, ChatCompletion) throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: (String, ChatCompletion)?.self) { group in
      let checkpoint = settings.checkpoint
      group.addTask {
        while true {
          try checkpoint()
          try await Task.sleep(for: .milliseconds(100))
        }
      }
      var next = 0
      func send() {
        guard next < missing.count else { return }
        let (key, request) = missing[next]
        next += 1
        group.addTask {
          let completion = try await self.answer(request)
          // At once, so that it stays where another request fails.
          try self.records?.append(key, completion)
          return (key, completion)
        }
      }
      for _ in 0..<settings.concurrency { send() }
      for _ in missing.indices {
        guard case let (key, completion)?? = try await group.next() else { continue }
        send()
        try onAnswer(key, completion)
      }
      group.cancelAll()
    }
  }

  // MARK: One request

  /// Why a request is sent again.
  private struct Failure: Error {
    var reason: String
    /// Seconds that the endpoint asks for.
    var afterSeconds: Double?
    /// What to throw where retries are used up; `nil` is `unavailable`.
    var lastError: EndpointError?
  }

  private func answer(_ request: ChatRequest) async throws -> ChatCompletion {
    let structure = try self.structure(of: request)
    var dialect = counted.withLock { $0.dialect }
    var retry = 0
    while true {
      do {
        let body = request.body(model: model, dialect: dialect, structure: structure).compact
        let completion = try await attempt(ByteBuffer(string: body))
        counted.withLock {
          $0.spend.add(completion, dialect)
          // Once it has answered: a refusal may only repeat what a prompt says.
          $0.dialect.learn(dialect)
        }
        return completion
      } catch let refusal as Refusal {
        guard let other = dialect.adapted(to: refusal.text, of: request.messages) else {
          throw refusal.error
        }
        dialect = other
        counted.withLock { $0.spend.retries += 1 }
      } catch let failure as Failure {
        // A mistyped address is told within seconds.
        let hasAnswered = counted.withLock { $0.hasAnswered }
        let isHopeless = !hasAnswered || failure.lastError != nil
        let wait = failure.afterSeconds ?? settings.backoff(retry)
        guard retry < (isHopeless ? min(2, settings.retries) : settings.retries) else {
          throw failure.lastError
            ?? .unavailable(
              endpoint: address.base,
              attempts: retry + 1,
              reason: failure.reason
            )
        }
        guard wait <= settings.longestWaitSeconds else {
          throw EndpointError.unavailable(
            endpoint: address.base,
            attempts: retry + 1,
            reason: "\(failure.reason); it asks to wait \(wait) s"
          )
        }
        try await settings.pause(wait)
        try Task.checkCancellation()
        retry += 1
        counted.withLock { $0.spend.retries += 1 }
      }
    }
  }

  /// What asks for the grammar of an answer; `nil` where it has none.
  private func structure(of request: ChatRequest) throws(EndpointError) -> JSONMember? {
    guard let grammar = request.settings.grammar else { return nil }
    guard let field = settings.structuredOutput else {
      throw .structure(
        field: "none",
        reason: "say with --structured-output in which field the endpoint takes a grammar"
      )
    }
    return try field.member(grammar.source)
  }

  /// A refusal of a request, which may be of how it is made.
  private struct Refusal: Error {
    let text: String
    let error: EndpointError
  }

  private func attempt(_ body: ByteBuffer) async throws -> ChatCompletion {
    let (head, bytes): (Head, [UInt8])
    do {
      (head, bytes) = try await exchange(body)
    } catch {
      try Task.checkCancellation()
      throw Failure(reason: reason(error))
    }
    counted.withLock { $0.hasAnswered = true }
    // What some routers answer where the server behind them fails.
    let status = head.status == 200 ? ChatCompletion.failure(body: bytes) ?? 200 : head.status
    switch status {
    case 200:
      guard let completion = ChatCompletion(body: bytes) else {
        throw Failure(
          reason: "no chat completion",
          lastError: .garbage(endpoint: address.base, status: 200, excerpt: excerpt(bytes))
        )
      }
      return completion
    case 408, 409, 425, 429, 500...599:
      throw Failure(
        reason: "status \(status): \(excerpt(bytes))",
        afterSeconds: head.retryAfter.flatMap { RetryAfter.seconds($0) }
      )
    default:
      let isRequestAtFault = [400, 413, 422].contains(status)
      if isRequestAtFault, let filtered = ChatCompletion(filtered: bytes) { return filtered }
      let error = EndpointError.refused(
        endpoint: address.base,
        status: status,
        excerpt: excerpt(bytes),
        isRequestAtFault: isRequestAtFault
      )
      guard isRequestAtFault else { throw error }
      throw Refusal(text: String(decoding: bytes, as: UTF8.self), error: error)
    }
  }

  private struct Head: Sendable {
    let status: Int
    let retryAfter: String?
  }

  private struct TimedOut: Error {}

  /// Sends a request and reads the whole answer, within the time-out.
  private func exchange(_ body: ByteBuffer) async throws -> (Head, [UInt8]) {
    var request = HTTPClientRequest(url: address.requestURL)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/json")
    request.headers.add(name: "Accept", value: "application/json")
    request.headers.add(name: "User-Agent", value: "assay")
    if let key { request.headers.add(name: "Authorization", value: "Bearer \(key.secret)") }
    request.body = .bytes(body)
    // The client's own deadline ends with the answer's head, so it would not see a body that stalls.
    return try await withThrowingTaskGroup(of: (Head, [UInt8]).self) { [request] group in
      defer { group.cancelAll() }
      group.addTask { try await self.fetch(request) }
      group.addTask {
        try await Task.sleep(for: .seconds(self.settings.timeoutSeconds))
        throw TimedOut()
      }
      guard let result = try await group.next() else { throw CancellationError() }
      return result
    }
  }

  private func fetch(_ request: HTTPClientRequest) async throws -> (Head, [UInt8]) {
    let response = try await client.execute(request, deadline: .distantFuture)
    let body = try await response.body.collect(upTo: Self.longestBody)
    // A body that is cancelled ends early and without an error.
    try Task.checkCancellation()
    return (
      Head(
        status: Int(response.status.code),
        retryAfter: response.headers.first(name: "Retry-After")
      ),
      Array(body.readableBytesView)
    )
  }

  // MARK: Texts

  private func reason(_ error: any Error) -> String {
    if error is TimedOut { return "none within \(settings.timeoutSeconds) s" }
    if error as? HTTPClientError == .remoteConnectionClosed {
      return "the connection was closed before the end of the answer"
    }
    let text = String(describing: error)
    return text.contains("Connection refused") ? "connection refused" : excerpt(Array(text.utf8))
  }

  /// The start of a body on one line, without the key.
  private func excerpt(_ bytes: [UInt8]) -> String {
    guard !bytes.isEmpty else { return "an empty body" }
    // The key is hidden before the cut, which could leave half of it.
    let whole = String(decoding: bytes, as: UTF8.self)
    let hidden = key?.hidden(in: whole) ?? whole
    let words = hidden.split(whereSeparator: { $0.isWhitespace || $0.isNewline })
    let line = words.joined(separator: " ")
    return line.count > 200 ? "\(line.prefix(200))..." : line
  }
}
