import AssayBase
import AssayData
import AssayEvaluate
import AssayRun
import Foundation

/// The data stage of a world that makes its files itself.
struct WorldFiles {
  private struct Index: Codable {
    let suites: [String]
  }

  /// The training pairs and the suites, and where the corpus is.
  let data: WorldData

  /// Runs the stage, or passes over it, and reads what it has made.
  ///
  /// - Parameters:
  ///   - stages: Where it runs.
  ///   - settings: What the data are made by.
  ///   - inputs: What they are made from.
  ///   - limit: Pairs to read of each suite; `nil` reads all.
  ///   - write: Writes `train.jsonl`, `corpus.jsonl` and a file for each suite into a folder, and
  ///     returns the names of the suites.
  /// - Throws: What writing or reading throws.
  init(
    _ stages: StageRunner,
    from settings: Fingerprint.Settings,
    inputs: [String: String],
    limit: Int?,
    write: (URL) throws -> [String]
  ) async throws {
    let stage = try await stages.run("data", from: settings, inputs: inputs) { stage in
      let index = Index(suites: try write(stage.url))
      try DurableFile.write(try JSONEncoder().encode(index), to: stage.file("index.json"))
    }
    let url = stage.file("index.json")
    guard let bytes = try? Data(contentsOf: url),
      let index = try? JSONDecoder().decode(Index.self, from: bytes)
    else {
      throw FileError.malformedRecord(
        file: url.path,
        line: 1,
        reason: "the data stage lost its index"
      )
    }
    data = WorldData(
      digest: stage.digest,
      train: try PairReader().read(stage.file("train.jsonl").path).pairs,
      validation: [],
      suites: try index.suites.map { name in
        let read = try PairReader().read(stage.file("\(name).jsonl").path).pairs
        return Suite(name: name, pairs: Array(read.prefix(limit ?? read.count)))
      },
      corpus: stage.file("corpus.jsonl")
    )
  }
}
