import AssayBase
import AssayText
import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import Synchronization

/// Answers HTTP requests: finds the endpoint, checks the key, reads the body, and turns errors into
/// statuses.
final class ServeApplication: Sendable {
  let settings: ServeSettings
  let gate: RequestGate
  private let model: ServedModel
  private let queue: ModelQueue
  private let metrics: ServeMetrics
  private let endpoints: [Endpoint]
  private let number = Atomic(0)

  init(_ model: ServedModel, settings: ServeSettings, queue: ModelQueue, metrics: ServeMetrics) {
    self.model = model
    self.settings = settings
    self.queue = queue
    self.metrics = metrics
    let gate = RequestGate(limit: settings.maximumRequests)
    self.gate = gate
    endpoints =
      [RewardsEndpoint.endpoint, JudgementsEndpoint.endpoint, ChatEndpoint.endpoint]
      + ClassifyEndpoints.endpoints + TrainerEndpoints.endpoints
      + StatusEndpoints.endpoints(gate, metrics, queue)
  }

  /// A life for a request.
  func makeScope() -> RequestScope { RequestScope(queue: queue) }

  /// Answers a request.
  ///
  /// - Parameters:
  ///   - request: The request; its body is read to the end, or refused.
  ///   - scope: Its life.
  /// - Returns: The answer, an error's too.
  func respond(to request: Request, scope: RequestScope) async -> Response {
    let record = RequestRecord(metrics, seconds: settings.timeoutSeconds, scope: scope)
    let path = request.uri.path
    let reply: Reply
    do {
      let endpoint = try endpoint(path, request.method)
      record.endpoint = endpoint.paths[0]
      if !endpoint.isOpen, let key = settings.key {
        guard key.allows(authorization: request.headers[.authorization]) else {
          throw ServeError.unauthorized
        }
      }
      var body = JSONValue.null
      if endpoint.method == .post {
        record.ticket = try gate.enter()
        body = try await self.body(request, scope)
      }
      reply = try await endpoint.handle(
        Exchange(
          port: QueuedPort(model: model, scope: scope),
          settings: settings,
          path: path,
          number: number.add(1, ordering: .relaxed).oldValue,
          created: Int(Date().timeIntervalSince1970),
          body: body
        )
      )
    } catch {
      // What is cut in the middle fails in many ways; why it was cut is what the client is told.
      let cause = ServeError(error)
      let isReason = if case .slowBody = cause { true } else { false }
      return Self.response(error: isReason ? cause : scope.reason ?? cause, record)
    }
    return Self.response(reply, record)
  }

  private func endpoint(_ path: String, _ method: HTTPRequest.Method) throws(ServeError) -> Endpoint
  {
    let there = endpoints.filter { $0.takes(path) }
    guard !there.isEmpty else {
      let known = endpoints.flatMap { endpoint in
        endpoint.paths.map { "\(endpoint.method.rawValue) \($0)" }
      }
      throw .noEndpoint(path: path, known: known)
    }
    guard let endpoint = there.first(where: { $0.method == method }) else {
      throw .wrongMethod(
        path: path,
        method: method.rawValue,
        allowed: there.map(\.method.rawValue)
      )
    }
    return endpoint
  }

  /// Reads a body; one that is too large is read on for a while, so that the client sees the answer.
  private func body(_ request: Request, _ scope: RequestScope) async throws -> JSONValue {
    let reading = Task { try await read(request) }
    scope.onEnd { reading.cancel() }
    let result = await reading.result
    switch scope.reason {
    case .timedOut(let seconds)?: throw ServeError.slowBody(seconds: seconds)
    case let reason?: throw reason
    case nil: return try result.get()
    }
  }

  private func read(_ request: Request) async throws -> JSONValue {
    let maximum = settings.maximumBodyBytes
    var bytes: [UInt8] = []
    var count = 0
    for try await part in request.body {
      count += part.readableBytes
      if count <= maximum { bytes += part.readableBytesView }
      if count > 4 * maximum { break }
    }
    guard count <= maximum else { throw ServeError.bodyTooLarge(maximumBytes: maximum) }
    guard !bytes.isEmpty else { throw ServeError.malformedBody(reason: "it is empty") }
    do throws(JSONError) {
      return try JSONValue(parsing: bytes)
    } catch {
      throw ServeError.malformedBody(reason: error.description)
    }
  }

  // MARK: Answers

  private static func response(_ reply: Reply, _ record: RequestRecord) -> Response {
    var headers = HTTPFields()
    for (name, value) in reply.headers { headers[name] = value }
    switch reply.content {
    case .text(let text, let type):
      record.end(status: reply.status)
      headers[.contentType] = type
      return Response(
        status: .init(code: reply.status),
        headers: headers,
        body: ResponseBody(byteBuffer: ByteBuffer(string: text))
      )
    case .events(let events):
      headers[.contentType] = "text/event-stream"
      headers[.cacheControl] = "no-cache"
      let body = ResponseBody { writer in
        var status = reply.status
        do {
          for try await event in events {
            try await writer.write(ByteBuffer(string: "data: \(event)\n\n"))
          }
        } catch {
          // The head is sent already: the error comes as an event, if anybody reads it.
          let error = record.scope.reason ?? ServeError(error)
          status = error.status
          record.scope.end(error)
          try? await writer.write(ByteBuffer(string: "data: \(error.body.compact)\n\n"))
        }
        record.end(status: status)
        try await writer.finish(nil)
      }
      return Response(status: .init(code: reply.status), headers: headers, body: body)
    }
  }

  private static func response(error: ServeError, _ record: RequestRecord) -> Response {
    var reply = Reply.json(error.body, status: error.status)
    switch error {
    case .queueFull: reply = reply.with("Retry-After", "1")
    case .unauthorized: reply = reply.with("WWW-Authenticate", "Bearer")
    case .wrongMethod(_, _, let allowed):
      reply = reply.with("Allow", allowed.joined(separator: ", "))
    case .bodyTooLarge, .stopping, .slowBody, .timedOut: reply = reply.with("Connection", "close")
    default: break
    }
    return response(reply, record)
  }
}
