// What can go wrong around a run: its folder, its recipe, its metrics.

/// A failure of a run's folder, recipe or metrics, said in one sentence with what to do.
package enum RunError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Another process works in the run folder.
  case folderInUse(path: String, process: Int?)
  /// The folder of a run would be that of a model.
  case isModel(path: String)
  /// The folder holds a stage that was made from other inputs.
  case stageChanged(folder: String, stage: String, changes: [String])
  /// The folder holds another stage at this place of the recipe.
  case stageMoved(folder: String, actual: String, expected: String)
  /// `--restart-from` names a stage that the folder does not hold.
  case unknownStage(folder: String, stage: String, known: [String])
  /// A metric is NaN or infinite, so the run has diverged.
  case nonFiniteMetric(name: String, value: String, step: Int)
  /// A recipe cannot be used; every problem found is listed.
  case invalidRecipe(file: String, problems: [String])

  /// Whether a run folder was refused because another recipe made it.
  package var isRefusal: Bool {
    switch self {
    case .stageChanged, .stageMoved: true
    default: false
    }
  }

  /// One sentence: what happened, where, what was expected, what to do.
  package var description: String {
    switch self {
    case .folderInUse(let path, let process):
      let owner = process.map { "process \($0)" } ?? "another process"
      return "\(path) is in use by \(owner): wait for it to end, or choose another --out."
    case .isModel(let path):
      return "\(path) is a model's folder, expected one for a run: choose another --out."
    case .stageChanged(let folder, let stage, let changes):
      return """
        \(folder) holds stage \(stage) made from other inputs:
        \(changes.map { "  " + $0 }.joined(separator: "\n"))
        Undo the change, redo from this stage with --restart-from \(stage), or choose another --out.
        """
    case .stageMoved(let folder, let actual, let expected):
      return "\(folder) holds \(actual) where this recipe has \(expected): it was made by another "
        + "recipe; choose another --out, or --restart-from \(Self.stageName(actual))."
    case .unknownStage(let folder, let stage, let known):
      let list = known.isEmpty ? "no stages yet" : known.joined(separator: ", ")
      return "--restart-from \(stage): \(folder) has no such stage (it has \(list))."
    case .nonFiniteMetric(let name, let value, let step):
      return "\(name) is \(value) at step \(step): training has diverged; lower the learning rate, "
        + "clip gradients, or use f32, and run again to continue at the last checkpoint."
    case .invalidRecipe(let file, let problems):
      guard problems.count != 1 else { return problems[0] }
      return "\(file) has \(problems.count) problems:\n"
        + problems.map { "  " + $0 }.joined(separator: "\n")
    }
  }

  private static func stageName(_ folder: String) -> String {
    folder.split(separator: "-", maxSplits: 1).last.map(String.init) ?? folder
  }
}
