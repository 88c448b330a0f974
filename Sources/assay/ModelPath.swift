import AssayBase
import AssayModel
import AssayRun
import Foundation

/// Finds the folder of a model that a command is given.
enum ModelPath {
  /// - Parameter path: A model folder, a GGUF file, a run folder, whose last finished checkpoint is
  ///   meant, or `owner/name[@revision]` in the hub's cache.
  /// - Returns: The model folder or the file.
  /// - Throws: `ModelError.notFound`.
  static func folder(_ path: String) throws -> URL {
    if let found = ModelFiles.find(path) { return found }
    let checkpoint = RunFolder.lastCheckpoint(in: URL(fileURLWithPath: path))
    if let checkpoint, ModelFiles.exist(at: checkpoint) { return checkpoint }
    if HubName(path) != nil, !FileManager.default.fileExists(atPath: path) {
      throw ModelError.notFound(
        path: path,
        hint: "there is no such folder, and no such model in the hub's cache "
          + "(\(HubCache().folder.path)); fetch it with `assay pull \(path)`"
      )
    }
    throw ModelError.notFound(path: path, hint: hint(path))
  }

  /// What is there instead of a model, and what was expected.
  private static func hint(_ path: String) -> String {
    let expected = "a folder with config.json, a GGUF file, or a run folder with a finished model"
    let url = URL(fileURLWithPath: path)
    guard FileManager.default.fileExists(atPath: path) else { return "expected \(expected)" }
    guard url.isFolder else { return "the file is no GGUF file; expected \(expected)" }
    let models = ["", "models"].flatMap { below in
      let folder = url.appendingPathComponent(below)
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
      return names.sorted().map { below.isEmpty ? $0 : "\(below)/\($0)" }
    }.filter { ModelFiles.exist(at: url.appendingPathComponent($0)) }
    return models.isEmpty
      ? "the folder has no config.json; expected \(expected)"
      : "the folder has no config.json; models below it: \(models.prefix(8).joined(separator: ", "))"
  }
}
