import AssayBase
import AssayHub
import AssayTestSupport
import Foundation
import Synchronization
import Testing

/// Text that lies at the storage: more than 16 bytes.
let large = String((0..<500).map { Character(Unicode.Scalar(97 + UInt8($0 % 26))) })

/// A cache of one test.
final class TestCache {
  let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("assay-hub-\(UUID().uuidString)")

  deinit { try? FileManager.default.removeItem(at: url) }

  /// All files and links below the cache, but for locks.
  var paths: [String] {
    (FileManager.default.subpaths(atPath: url.path) ?? []).filter { path in
      var isFolder: ObjCBool = false
      let full = url.appendingPathComponent(path).path
      let isThere = FileManager.default.fileExists(atPath: full, isDirectory: &isFolder)
      return isThere && !isFolder.boolValue && !path.hasPrefix(".locks")
    }.sorted()
  }

  /// Fetches `org/name` from a server, without waiting between attempts.
  func pull(
    _ server: HubServer,
    kind: HubName.Kind = .model,
    patterns: [String] = [],
    token: String? = nil,
    environment: [String: String] = [:],
    onEvent: @escaping (HubPull.Event) throws -> Void = { _ in }
  ) async throws -> HubPull.Snapshot {
    let name = try #require(HubName("org/name", kind: kind))
    var settings = try HubSettings(
      environment: server.environment(cache: url, token: token).merging(environment) { $1 }
    )
    settings.pause = { _ in }
    let choice = HubChoice(patterns: patterns)
    return try await HubPull(name, choice: choice, settings: settings, onEvent: onEvent).run()
  }
}

/// Runs a body and returns the hub's error that it throws.
func hubError(_ body: () async throws -> Void) async -> HubError? {
  do {
    try await body()
    return nil
  } catch { return error as? HubError }
}
