import AssayModel
import AssayRun
import Foundation

/// Finds the folder of a model that a command is given.
enum ModelPath {
  /// - Parameter path: A model folder, a GGUF file, or a run folder, whose last finished checkpoint is
  ///   meant.
  /// - Returns: The model folder or the file.
  /// - Throws: `ModelError.notFound`.
  static func folder(_ path: String) throws -> URL {
    let url = URL(fileURLWithPath: path)
    if ModelFiles.exist(at: url) { return url }
    if let checkpoint = RunFolder.lastCheckpoint(in: url), ModelFiles.exist(at: checkpoint) {
      return checkpoint
    }
    throw ModelError.notFound(
      path: path,
      hint: "expected a folder with config.json, a GGUF file, or a run folder with a finished model"
    )
  }
}
