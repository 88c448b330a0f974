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

/// What a filter and a refinement did to all candidates: `summary.json` of the refining stage.
package struct FilterSummary: Codable, Equatable, Sendable {
  /// Critiques of a stage of the work, and how many of them are true.
  package struct Share: Codable, Equatable, Sendable {
    /// Critiques.
    package var count = 0
    /// Of which something is known.
    package var checked = 0
    /// Whose every claim is true, the conclusion aside.
    package var isTrue = 0

    /// Makes a share of nothing.
    package init() {}

    mutating func add(_ truth: Bool?) {
      count += 1
      guard let truth else { return }
      checked += 1
      if truth { isTrue += 1 }
    }

    enum CodingKeys: String, CodingKey {
      case count, checked
      case isTrue = "true"
    }
  }

  /// Pairs.
  package var pairs = 0
  /// Pairs that stay.
  package var keptPairs = 0
  /// Pairs dropped, by reason.
  package var droppedPairs: [String: Int] = [:]
  /// Critiques dropped, by reason.
  package var droppedCritiques: [String: Int] = [:]
  /// All candidates that are not cut.
  package var unfiltered = Share()
  /// What the filter leaves.
  package var filtered = Share()
  /// What the refinement leaves.
  package var refined = Share()
  /// What the filter leaves against what it drops, response by response.
  package var within = Within()

  /// Makes a summary of nothing.
  package init() {}

  enum CodingKeys: String, CodingKey {
    case pairs, unfiltered, filtered, refined, within
    case keptPairs = "kept_pairs"
    case droppedPairs = "dropped_pairs"
    case droppedCritiques = "dropped_critiques"
  }
}

/// What an iteration had to learn from: `summary.json` of a judgements stage.
package struct JudgementSummary: Codable, Equatable, Sendable {
  /// Items.
  package var items = 0
  /// Items all of whose judgements are right.
  package var allRight = 0
  /// Items none of whose judgements is right.
  package var allWrong = 0
  /// The others: all that right against wrong can be learnt from.
  package var mixed = 0
  /// Judgements.
  package var judgements = 0
  /// Judgements whose verdict is right.
  package var right = 0
  /// Judgements without a readable verdict.
  package var unparseable = 0
  /// Right judgements whose claims can be checked.
  package var rightChecked = 0
  /// Of these, those whose every claim is true.
  package var rightAndTrue = 0
  /// Wrong judgements whose claims can be checked.
  package var wrongChecked = 0
  /// Of these, those whose every claim is true, the verdict aside.
  package var wrongButTrue = 0

  /// Makes a summary of nothing.
  package init() {}

  enum CodingKeys: String, CodingKey {
    case items, mixed, judgements, right, unparseable
    case allRight = "all_right"
    case allWrong = "all_wrong"
    case rightChecked = "right_checked"
    case rightAndTrue = "right_and_true"
    case wrongChecked = "wrong_checked"
    case wrongButTrue = "wrong_but_true"
  }
}
