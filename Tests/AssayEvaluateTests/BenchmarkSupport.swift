import AssayEvaluate
import Foundation
import Testing

/// Files of a test, in a folder of its own that goes with it.
final class TestFolder {
  let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("benchmark-\(UUID().uuidString)")

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Writes a file and returns its path.
  func file(_ text: String, _ name: String = "data.jsonl") throws -> String {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(),
      withIntermediateDirectories: true
    )
    try Data(text.utf8).write(to: file)
    return file.path
  }
}

/// Pairs of responses "good" and "bad", one line each, to prompts of their own or to one.
func pairLines(_ rows: [(id: String, subset: String)], prompt: String? = nil) -> String {
  rows.map {
    #"{"id": "\#($0.id)", "prompt": "\#(prompt ?? "q \($0.id)")", "chosen": "good", "rejected": "bad", "subset": "\#($0.subset)"}"#
  }.joined(separator: "\n")
}

/// The sentence of the error that a call throws.
func sentence(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch {
    return "\(error)"
  }
}

func isClose(_ value: Double?, _ expected: Double) -> Bool {
  guard let value else { return false }
  return abs(value - expected) < 1e-9
}

/// What the records of a model would depend on.
func recordSettings() -> RecordSettings {
  var settings = RecordSettings()
  settings.set("--dtype", "f32")
  settings.set("--samples", 1)
  return settings
}
