// A server of a tiny model in this process, and a client of it.

import AssayBase
import AssayGenerate
import AssayModel
import AssayReward
import AssayServe
import AssayTestSupport
import AssayText
import AsyncHTTPClient
import Foundation
import HummingbirdTLS
import NIOCore
import NIOHTTP1
import Testing

/// An answer.
struct Answer: Sendable {
  let status: Int
  let headers: [String: String]
  let text: String

  /// The body as JSON.
  var json: JSONValue? { try? JSONValue(parsing: Array(text.utf8)) }
  /// The error's code.
  var code: String? { json?["error"]?["code"]?.string }
}

/// A client of a server that runs in this process.
struct TestClient: Sendable {
  let url: String
  let http: HTTPClient

  func request(
    _ method: HTTPMethod,
    _ path: String,
    _ body: String? = nil,
    headers: [String: String] = [:]
  ) async throws -> HTTPClientResponse {
    var request = HTTPClientRequest(url: url + path)
    request.method = method
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    return try await http.execute(request, timeout: .minutes(1))
  }

  func send(
    _ method: HTTPMethod,
    _ path: String,
    _ body: String? = nil,
    headers: [String: String] = [:]
  ) async throws -> Answer {
    let response = try await request(method, path, body, headers: headers)
    let bytes = try await response.body.collect(upTo: 1 << 26)
    return Answer(
      status: Int(response.status.code),
      headers: Dictionary(
        response.headers.map { ($0.name.lowercased(), $0.value) },
        uniquingKeysWith: { $1 }
      ),
      text: String(buffer: bytes)
    )
  }

  func post(
    _ path: String,
    _ body: JSONValue,
    headers: [String: String] = [:]
  ) async throws -> Answer {
    try await send(.POST, path, body.compact, headers: headers)
  }

  func get(_ path: String) async throws -> Answer { try await send(.GET, path) }

  /// A number of `/metrics`.
  func metric(_ name: String) async throws -> Double? {
    try await get("/metrics").text.split(separator: "\n")
      .first { $0.hasPrefix("assay_\(name) ") }
      .flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }
  }

  /// Asks again and again until a number of `/metrics` is as it is to be.
  func wait(for name: String, _ value: Double) async throws {
    while try await metric(name) != value {}
  }
}

/// Runs a server of a tiny model for the length of a body.
func withServer<Result: Sendable>(
  _ kind: ModelKind,
  contextTokens: Int = 96,
  options: GenerationEngine.Options? = nil,
  batchInvariant: Bool = false,
  isEndless: Bool = false,
  name: String = "tiny",
  aliases: [String] = [],
  others: [ServeSource] = [],
  settings change: (inout ServeSettings) -> Void = { _ in },
  _ body: (TestClient, ModelServer) async throws -> Result
) async throws -> Result {
  let source = ServeSource(name: name, aliases: aliases, options: options) {
    let model = try TinyModels.make(kind, contextTokens: contextTokens, isEndless: isEndless)
    model.decoder.execution.isBatchInvariant = batchInvariant
    return model
  }
  return try await withServer(source, others, settings: change, body)
}

/// Runs a server for the length of a body.
func withServer<Result: Sendable>(
  _ source: ServeSource,
  _ others: [ServeSource] = [],
  settings change: (inout ServeSettings) -> Void = { _ in },
  _ body: (TestClient, ModelServer) async throws -> Result
) async throws -> Result {
  var settings = ServeSettings()
  settings.port = 0
  change(&settings)
  let server = try await ModelServer(source, others, settings: settings)
  let (ready, continuation) = AsyncStream<String>.makeStream()
  let running = Task { try await server.run { continuation.yield($0.url) } }
  var iterator = ready.makeAsyncIterator()
  let url = try #require(await iterator.next())
  var configuration = HTTPClient.Configuration()
  configuration.connectionPool.retryConnectionEstablishment = false
  if settings.certificate != nil {
    var tls = TLSConfiguration.makeClientConfiguration()
    // The test's own certificate, which nobody vouches for.
    tls.certificateVerification = .none
    configuration.tlsConfiguration = tls
  }
  let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  do {
    let result = try await body(TestClient(url: url, http: http), server)
    try await http.shutdown()
    running.cancel()
    try await running.value
    return result
  } catch {
    try? await http.shutdown()
    running.cancel()
    throw error
  }
}
