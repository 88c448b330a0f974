import AssayBase
import AssayText
import Foundation

/// How many items to write of each split.
package struct PlaygroundCounts: Codable, Hashable, Sendable {
  /// Pairs to train on.
  package var train: Int
  /// Pairs to test on.
  package var test: Int
  /// Pairs to test on, out of distribution.
  package var ood: Int
  /// Worked solutions.
  package var corpus: Int

  /// Makes counts.
  ///
  /// - Precondition: None is negative.
  package init(train: Int, test: Int, ood: Int, corpus: Int) {
    precondition(min(train, test, ood, corpus) >= 0, "counts below 0")
    self.train = train
    self.test = test
    self.ood = ood
    self.corpus = corpus
  }
}

/// Writes the Playground as files.
package enum PlaygroundWriter {
  /// Writes `train.jsonl`, `test.jsonl`, `ood.jsonl` (pairs) and `corpus.jsonl` (conversations).
  ///
  /// Each file is written beside its place and then moved there, so none is ever half there.
  ///
  /// - Parameters:
  ///   - configuration: What the items are drawn from.
  ///   - counts: How many items to write of each split.
  ///   - folder: Where; made where it does not exist.
  /// - Throws: `DataError.unwritable` where the folder or a file cannot be written.
  package static func write(
    _ configuration: PlaygroundConfiguration,
    _ counts: PlaygroundCounts,
    to folder: URL
  ) throws {
    try make(folder)
    let playground = Playground(configuration)
    let splits: [(PlaygroundSplit, Int)] = [
      (.train, counts.train), (.test, counts.test), (.ood, counts.ood), (.corpus, counts.corpus),
    ]
    for (split, count) in splits {
      let rows = (0..<count).lazy.map { fileLine(playground, split, $0) }
      try write(rows, to: folder.appendingPathComponent("\(split.rawValue).jsonl"))
    }
  }

  /// Writes `validation.jsonl`: pairs drawn like training's, with no prompt of those trained on.
  ///
  /// - Parameters:
  ///   - configuration: What the items are drawn from.
  ///   - count: How many pairs to write.
  ///   - trainCount: How many training pairs there are.
  ///   - folder: Where; made where it does not exist.
  /// - Throws: `DataError.unwritable` where the folder or the file cannot be written.
  /// - Precondition: Neither count is negative.
  package static func writeValidation(
    _ configuration: PlaygroundConfiguration,
    count: Int,
    behind trainCount: Int,
    to folder: URL
  ) throws {
    try make(folder)
    let items = Playground(configuration).validation(count: count, behind: trainCount)
    try write(items.lazy.map(\.record), to: folder.appendingPathComponent("validation.jsonl"))
  }

  /// Writes pairs of the kinds, contents and wordings that are held out of training.
  ///
  /// - Parameters:
  ///   - configuration: What the items are drawn from; it holds them out.
  ///   - count: How many pairs to write.
  ///   - file: Where.
  /// - Throws: `DataError.unwritable` where the file cannot be written.
  /// - Precondition: The configuration holds kinds out.
  package static func writeUnseen(
    _ configuration: PlaygroundConfiguration,
    count: Int,
    to file: URL
  ) throws {
    precondition(configuration.holdsOut, "nothing is held out")
    let playground = Playground(configuration)
    try write((0..<count).lazy.map { playground.item(.unseen, $0).record }, to: file)
  }

  /// Writes `instruct.jsonl`: demonstrations of every role.
  ///
  /// - Parameters:
  ///   - tutor: Who demonstrates.
  ///   - count: How many demonstrations to write, from the first one.
  ///   - folder: Where; made where it does not exist.
  /// - Throws: `DataError.unwritable` where the folder or the file cannot be written.
  /// - Precondition: `count >= 0`.
  package static func writeDemonstrations(
    _ tutor: PlaygroundTutor,
    count: Int,
    to folder: URL
  ) throws {
    precondition(count >= 0, "\(count) demonstrations")
    try make(folder)
    let rows = (0..<count).lazy.map { tutor.demonstration($0).json }
    try write(rows, to: folder.appendingPathComponent("instruct.jsonl"))
  }

  private static func make(_ folder: URL) throws {
    do { try DurableFile.makeFolder(folder) } catch FileError.fileSystem(_, _, let reason) {
      throw DataError.unwritable(path: folder.path, reason: reason)
    }
  }

  /// Writes rows beside the file's place, then moves the file there.
  private static func write(_ rows: some Sequence<JSONValue>, to path: URL) throws {
    var bytes: [UInt8] = []
    for row in rows {
      try Interruption.check()
      bytes += row.compact.utf8
      bytes.append(0x0A)
    }
    do { try DurableFile.write(Data(bytes), to: path) } catch FileError.fileSystem(_, _, let reason)
    {
      throw DataError.unwritable(path: path.path, reason: reason)
    }
  }

  /// A line of a split's file; of the corpus, every second is an exercise.
  private static func fileLine(
    _ playground: Playground,
    _ split: PlaygroundSplit,
    _ index: Int
  ) -> JSONValue {
    guard split == .corpus else { return playground.item(split, index).record }
    guard index.isMultiple(of: 2) else {
      let turns = PlaygroundPractice.conversation(
        seed: playground.configuration.seed,
        index: index
      )
      return ["messages": .array(turns.map(\.json))]
    }
    return playground.item(split, index / 2).conversation
  }
}

extension PlaygroundItem {
  /// The pair as a record, with the kind of task.
  package var record: JSONValue {
    let members = pair.json.members ?? []
    return .object(members + [JSONMember("kind", .string(kind.rawValue))])
  }

  /// The prompt and its worked solution as a conversation.
  package var conversation: JSONValue {
    ["messages": [Message.user(prompt).json, Message.assistant(solution).json]]
  }
}
