import AssayBase
import AssayData
import AssayRun
import AssayText
import Foundation

/// The files of a comparison's data stage.
struct WorldFiles {
  let world: World
  let playground: PlaygroundSection
  let gsm8k: GSM8KSection
  let seed: Int
  let events: RunEventHandler

  /// Where the data of a finished stage are.
  struct Location {
    let corpus: URL
    let train: URL
    let suites: [(name: String, url: URL)]
  }

  private struct Index: Codable {
    let suites: [String]
  }

  func write(to folder: URL) throws {
    let suites: [String]
    switch world {
    case .playground:
      try PlaygroundWriter.write(
        PlaygroundConfiguration(seed: UInt64(seed)),
        PlaygroundCounts(
          train: playground.train,
          test: playground.test,
          ood: playground.ood,
          corpus: playground.corpus
        ),
        to: folder
      )
      suites = ["test", "ood"]
    case .gsm8k: suites = try writeGSM8K(to: folder)
    }
    try DurableFile.write(
      try JSONEncoder().encode(Index(suites: suites)),
      to: folder.appendingPathComponent("index.json")
    )
  }

  private func writeGSM8K(to folder: URL) throws -> [String] {
    let world = try GSM8KWorld(
      folder: URL(fileURLWithPath: gsm8k.folder),
      seed: UInt64(seed),
      breaksPerQuestion: gsm8k.breaksPerQuestion,
      pairsPerTestQuestion: gsm8k.pairsPerTestQuestion
    )
    events(.message(world.summary))
    try CorpusFile.write(world.corpus, to: folder.appendingPathComponent("corpus.jsonl"))
    for (name, pairs) in [
      ("train", world.train), ("heldout", world.heldout), ("solutions", world.solutions),
    ] {
      let url = folder.appendingPathComponent("\(name).jsonl")
      try? FileManager.default.removeItem(at: url)
      let writer = try RecordWriter(path: url.path)
      for pair in pairs { try writer.append(pair) }
    }
    return ["heldout", "solutions"]
  }

  static func read(_ folder: URL) throws -> Location {
    let url = folder.appendingPathComponent("index.json")
    guard let data = try? Data(contentsOf: url),
      let index = try? JSONDecoder().decode(Index.self, from: data)
    else {
      throw FileError.malformedRecord(
        file: url.path,
        line: 1,
        reason: "the data stage lost its index"
      )
    }
    return Location(
      corpus: folder.appendingPathComponent("corpus.jsonl"),
      train: folder.appendingPathComponent("train.jsonl"),
      suites: index.suites.map { ($0, folder.appendingPathComponent("\($0).jsonl")) }
    )
  }
}
