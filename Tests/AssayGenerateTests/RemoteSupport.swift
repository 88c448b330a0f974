import AssayGenerate
import AssayTestSupport
import AssayText
import Foundation
import Synchronization

/// What a client did besides asking.
final class Waits: Sendable {
  private let seconds = Mutex<[Double]>([])
  var all: [Double] { seconds.withLock { $0 } }
  func add(_ value: Double) { seconds.withLock { $0.append(value) } }
}

/// Settings that never wait: pauses are noted, and jitter is its most.
func quickSettings(_ waits: Waits = Waits()) -> EndpointSettings {
  var settings = EndpointSettings()
  settings.pause = { waits.add($0) }
  settings.jitter = { 1 }
  return settings
}

/// Requests whose last messages are some texts.
func questions(_ texts: String...) -> [ChatRequest] {
  texts.map { ChatRequest(messages: [.user($0)]) }
}

/// Calls `body` with a client of a server, and closes it.
func withEndpoint<Result: Sendable>(
  _ server: ChatServer,
  key: String? = nil,
  settings: EndpointSettings = quickSettings(),
  records: RequestRecords? = nil,
  _ body: @Sendable (OpenAIEndpoint) async throws -> Result
) async throws -> Result {
  try await withEndpoint(
    server.base,
    key: key,
    settings: settings,
    records: records,
    body
  )
}

/// Calls `body` with a client of an address, and closes it.
func withEndpoint<Result: Sendable>(
  _ address: String,
  key: String? = nil,
  settings: EndpointSettings = quickSettings(),
  records: RequestRecords? = nil,
  _ body: @Sendable (OpenAIEndpoint) async throws -> Result
) async throws -> Result {
  let endpoint = OpenAIEndpoint(
    try EndpointAddress(address),
    model: "m",
    key: try EndpointKey(key),
    settings: settings,
    records: records
  )
  do {
    let result = try await body(endpoint)
    try await endpoint.close()
    return result
  } catch {
    try await endpoint.close()
    throw error
  }
}

/// The error that `body` throws, as a text; empty where it throws none.
func failure(_ body: () async throws -> Void) async -> (error: EndpointError?, text: String) {
  do {
    try await body()
    return (nil, "")
  } catch {
    return (error as? EndpointError, String(describing: error))
  }
}

/// The path of a file that goes away with this value.
final class ScratchFile: Sendable {
  let path = FileManager.default.temporaryDirectory
    .appendingPathComponent("assay-requests-\(UUID().uuidString).jsonl").path

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

  func write(_ text: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }
}
