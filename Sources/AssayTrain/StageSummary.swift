import AssayBase
import AssayRun
import Foundation

/// What a stage had to learn from: its `summary.json`, which says what it is a summary of.
package enum StageSummary: Codable, Equatable, Sendable {
  /// Of a filter and a refinement of critiques.
  case filter(summary: FilterSummary)
  /// Of the judgements of an iteration, counted from 1.
  case judgements(iteration: Int, summary: JudgementSummary)

  private static let file = "summary.json"

  /// Reads the summary of a stage.
  ///
  /// - Parameter stage: A finished stage.
  /// - Returns: The summary, `nil` where the stage has none.
  /// - Throws: `FileError.fileSystem` where there is something else.
  package static func read(_ stage: Stage) throws -> StageSummary? {
    guard let data = try? Data(contentsOf: stage.file(file)) else { return nil }
    do {
      return try JSONDecoder().decode(StageSummary.self, from: data)
    } catch {
      throw FileError.fileSystem(
        action: "read",
        path: stage.file(file).path,
        reason: "this is no summary that this version writes; remove the folder of its stage, and "
          + "the same command makes it again"
      )
    }
  }

  /// Writes the summary into a stage's folder.
  ///
  /// - Throws: `FileError.fileSystem`.
  func write(to stage: Stage) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try DurableFile.write(try encoder.encode(self), to: stage.file(Self.file))
  }
}
