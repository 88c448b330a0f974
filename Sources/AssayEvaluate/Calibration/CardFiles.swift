// The files of a judge card.
import AssayBase
import AssayReward
import Foundation

/// Where a card and its records are.
package struct CardFiles {
  /// The folder.
  package let folder: URL

  /// Names the files of a folder, which is made.
  ///
  /// - Throws: `FileError`.
  package init(_ folder: URL) throws {
    try DurableFile.makeFolder(folder)
    self.folder = folder
  }

  /// The ratings.
  package var records: URL { folder.appendingPathComponent("card.records.jsonl") }

  /// Writes `card.json` and `card.html`.
  ///
  /// - Throws: `FileError` or `EncodingError`.
  package func write(_ card: JudgeCard) throws {
    let json = folder.appendingPathComponent(KeptCard.fileName)
    try DurableFile.write(try card.json(), to: json)
    let html = json.deletingPathExtension().appendingPathExtension("html")
    try DurableFile.write(Data(card.html.utf8), to: html)
  }

  /// What the notes beside records say that they were written with; empty where there are none.
  ///
  /// - Parameter records: The file of records.
  /// - Returns: The values by option.
  package static func settings(of records: URL) -> [String: String] {
    let notes = FileManager.default.contents(atPath: records.path + ".settings.json")
    return notes.flatMap { try? JSONDecoder().decode([String: String].self, from: $0) } ?? [:]
  }
}

extension JudgeCard {
  /// Makes the card of recorded ratings.
  ///
  /// - Parameters:
  ///   - run: The gold labels and all ratings.
  ///   - outcomes: The outcome of each rating of the run.
  ///   - records: Their file; the notes beside it name the model.
  ///   - questions: What is asked.
  /// - Throws: `StatisticsError`.
  package init(
    _ run: CardRun,
    outcomes: [PairOutcome],
    of records: URL,
    _ questions: CardQuestions
  ) throws {
    let settings = CardFiles.settings(of: records)
    try self.init(
      model: settings["--model"] ?? settings["--generator-model"]
        ?? records.deletingPathExtension().lastPathComponent,
      // Digests of files hold dates.
      settings: settings.filter { !$0.key.contains(" of ") },
      run,
      outcomes: outcomes,
      questions
    )
  }
}
