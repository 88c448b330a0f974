import AssayData
import Foundation

/// A folder for one test's files, removed with the value.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  func write(_ bytes: some Sequence<UInt8>, _ name: String = "data.jsonl") throws -> String {
    try Data(Array(bytes)).write(to: url.appendingPathComponent(name))
    return path(name)
  }

  func write(_ lines: [String], _ name: String = "data.jsonl") throws -> String {
    try write((lines.joined(separator: "\n") + "\n").utf8, name)
  }
}

/// gzip of "{\"chosen\": \"a\", \"rejected\": \"b\"}\n", by Python's gzip.compress with mtime 0.
enum Packed {
  static let pair: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xAB, 0x56,
    0x4A, 0xCE, 0xC8, 0x2F, 0x4E, 0xCD, 0x53, 0xB2, 0x52, 0x50, 0x4A, 0x54,
    0xD2, 0x51, 0x50, 0x2A, 0x4A, 0xCD, 0x4A, 0x4D, 0x2E, 0x49, 0x4D, 0x01,
    0x09, 0x24, 0x29, 0xD5, 0x72, 0x01, 0x00, 0xAB, 0xAA, 0xD1, 0xA0, 0x21,
    0x00, 0x00, 0x00,
  ]
}

/// Returns the pairs and report of lines.
func readPairs(
  _ lines: [String],
  policy: ReadPolicy = .strict,
  limit: TokenLimit<PreferencePair>? = nil
) throws -> (pairs: [PreferencePair], report: ReadReport) {
  let folder = try TemporaryFolder()
  return try PairReader(policy: policy, limit: limit).read(folder.write(lines))
}
