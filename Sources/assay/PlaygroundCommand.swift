import ArgumentParser
import AssayData
import Foundation

struct PlaygroundCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "playground",
    abstract: "Writes the Playground's preference pairs, with exact critiques, and its corpus."
  )

  @Option(help: "The folder for train.jsonl, test.jsonl, ood.jsonl and corpus.jsonl.")
  var out: String

  @Option(help: "Training pairs.")
  var train = 8000

  @Option(help: "Test pairs.")
  var test = 2000

  @Option(help: "Out-of-distribution pairs.")
  var ood = 1000

  @Option(help: "Worked solutions to pretrain on.")
  var corpus = 60000

  @OptionGroup var common: CommonOptions

  private struct Counts: Encodable {
    let out: String
    let seed: UInt64
    let train, test, ood, corpus: Int
  }

  func validate() throws {
    guard [train, test, ood, corpus].allSatisfy({ $0 >= 0 }) else {
      throw ValidationError("counts are at least 0")
    }
  }

  func execute() async throws {
    try PlaygroundWriter.write(
      PlaygroundConfiguration(seed: common.seed),
      PlaygroundCounts(train: train, test: test, ood: ood, corpus: corpus),
      to: URL(fileURLWithPath: out)
    )
    if common.isJSON {
      try Output.json(
        Counts(
          out: out,
          seed: common.seed,
          train: train,
          test: test,
          ood: ood,
          corpus: corpus
        )
      )
    } else {
      Output.result(
        "\(out): \(train) train, \(test) test, \(ood) out-of-distribution pairs, \(corpus) worked "
          + "solutions, seed \(common.seed)"
      )
    }
  }
}
