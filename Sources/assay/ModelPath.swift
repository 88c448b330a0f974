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
    throw ModelError.notFound(
      path: path,
      hint: "expected a folder with config.json, a GGUF file, or a run folder with a finished model"
    )
  }
}
