import AssayBase
import AssayText
import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import Synchronization

/// Answers HTTP requests: finds the endpoint and the model, checks who asks, reads the body, and turns
/// errors into statuses.
final class ServeApplication: Sendable {
  let settings: ServeSettings
  let gate: RequestGate
  private let models: ServedModels
  private let metrics: ServeMetrics
  private let routes: Routes
  private let reader: BodyReader
  private let number = Atomic(0)

  /// - Parameters:
  ///   - models: What is served.
  ///   - settings: What is refused.
  ///   - gate: Bounds how many requests are unfinished.
  ///   - metrics: What counts them.
  ///   - endpoints: What is done where.
  init(
    _ models: ServedModels,
    settings: ServeSettings,
    gate: RequestGate,
    metrics: ServeMetrics,
    endpoints: [Endpoint]
  ) {
    (self.models, self.settings, self.gate, self.metrics) = (models, settings, gate, metrics)
    routes = Routes(endpoints)
    reader = BodyReader(settings)
  }

  /// Answers a request.
  ///
  /// - Parameters:
  ///   - request: The request; its body is read to the end, or refused.
  ///   - scope: Its life.
  ///   - onReading: Called before a body is read that a client holds back until it is wanted.
  /// - Returns: The answer, an error's too.
  func respond(
    to request: Request,
    scope: RequestScope,
    onReading: @Sendable () -> Void
  ) async -> Response {
    let record = RequestRecord(metrics, seconds: settings.timeoutSeconds, scope: scope)
    let source = RequestSource(request.head, settings)
    // A body that is never asked for may come or not: what follows cannot be told from it.
    var holdsBack = request.headers[.expect]?.lowercased() == "100-continue"
    var reply: Reply
    do {
      try source.check()
      reply = try await self.reply(to: request, record) {
        if holdsBack { onReading() }
        holdsBack = false
      }
    } catch {
      // What is cut in the middle fails in many ways; why it was cut is what the client is told.
      let cause = ServeError(error)
      let isReason = if case .slowBody = cause { true } else { false }
      reply = .failure(isReason ? cause : scope.reason ?? cause)
    }
    if holdsBack { reply = reply.with("Connection", "close") }
    var response = reply.response(record)
    response.headers.append(contentsOf: source.headers(asked: request.headers))
    return request.method == .head ? response.createHeadResponse() : response
  }

  private func reply(
    to request: Request,
    _ record: RequestRecord,
    onReading: () -> Void
  ) async throws -> Reply {
    let path = Routes.path(request.uri.path)
    if request.method == .options {
      return Reply.nothing.with("Allow", try routes.methods(path).joined(separator: ", "))
    }
    let endpoint = try routes.endpoint(path, request.method)
    record.endpoint = endpoint.paths[0]
    if !endpoint.isOpen, let key = settings.key {
      guard key.allows(authorization: request.headers[.authorization]) else {
        throw ServeError.unauthorized
      }
    }
    var body = JSONValue.null
    if endpoint.method == .post {
      if gate.isStopping { throw ServeError.stopping }
      onReading()
      let read = try await reader.read(request.body, record.scope) { [gate] in
        record.ticket = try gate.enter()
      }
      (body, record.room) = (read.json, read.room)
    }
    let exchange = Exchange(
      port: QueuedPort(model: try model(of: body, endpoint), scope: record.scope),
      settings: settings,
      path: path,
      number: number.add(1, ordering: .relaxed).oldValue,
      created: Int(Date().timeIntervalSince1970),
      body: body
    )
    guard endpoint.method == .post else { return try await endpoint.handle(exchange) }
    return try await withTaskExecutorPreference(WorkExecutor.shared) {
      try await endpoint.handle(exchange)
    }
  }

  /// The model that a body names.
  private func model(of body: JSONValue, _ endpoint: Endpoint) throws(ServeError) -> ServedModel {
    guard let name = body["model"], !name.isNull else { return models.first }
    guard let text = name.string else { throw RequestFields.wrong("model", name, "a string") }
    do throws(ServeError) {
      return try models.named(text)
    } catch {
      if endpoint.takesAnyName { return models.first }
      throw error
    }
  }
}

extension Reply {
  /// The reply as HTTP; the request ends once it is written.
  fileprivate func response(_ record: RequestRecord) -> Response {
    var fields = HTTPFields()
    for (name, value) in headers { fields[name] = value }
    switch content {
    case .text(let text, let type):
      record.end(status: status)
      if !text.isEmpty { fields[.contentType] = type }
      return Response(
        status: .init(code: status),
        headers: fields,
        body: ResponseBody(byteBuffer: ByteBuffer(string: text))
      )
    case .events(let events):
      fields[.contentType] = "text/event-stream"
      fields[.cacheControl] = "no-cache"
      let usual = status
      let body = ResponseBody { writer in
        var status = usual
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
      return Response(status: .init(code: usual), headers: fields, body: body)
    }
  }
}
