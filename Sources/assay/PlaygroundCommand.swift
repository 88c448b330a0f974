import ArgumentParser
import AssayData
import Foundation

struct PlaygroundCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "playground",
    abstract: "Writes the Playground's preference pairs, with exact critiques, and its corpus.",
    discussion: """
      Besides train.jsonl, test.jsonl, ood.jsonl and corpus.jsonl it writes validation.jsonl, pairs \
      drawn like training's with no prompt of those, and instruct.jsonl, imperfect demonstrations of \
      every role (critic, judge, meta-judge, ...) that an instruction-tuned model is made of.
      """
  )

  @Option(help: "The folder for the files.")
  var out: String

  @Option(help: "Training pairs.")
  var train = 8000

  @Option(help: "Test pairs.")
  var test = 2000

  @Option(help: "Out-of-distribution pairs.")
  var ood = 1000

  @Option(help: "Worked solutions to pretrain on.")
  var corpus = 60000

  @Option(help: "Validation pairs.")
  var validation = 400

  @Option(help: "Demonstrations.")
  var instruct = 20000

  @OptionGroup var common: CommonOptions

  private struct Counts: Encodable {
    let out: String
    let seed: UInt64
    let train, test, ood, corpus, validation, instruct: Int
  }

  func validate() throws {
    for (option, count) in [
      ("--train", train), ("--test", test), ("--ood", ood), ("--corpus", corpus),
      ("--validation", validation), ("--instruct", instruct),
    ] { try Limit.check(option, count, in: Limit.items) }
  }

  func execute() async throws {
    let configuration = PlaygroundConfiguration(seed: common.seed)
    let folder = URL(fileURLWithPath: out)
    try PlaygroundWriter.write(
      configuration,
      PlaygroundCounts(train: train, test: test, ood: ood, corpus: corpus),
      to: folder
    )
    try PlaygroundWriter.writeValidation(
      configuration,
      count: validation,
      behind: train,
      to: folder
    )
    try PlaygroundWriter.writeDemonstrations(
      PlaygroundTutor(Playground(configuration)),
      count: instruct,
      to: folder
    )
    if common.isJSON {
      try Output.json(
        Counts(
          out: out,
          seed: common.seed,
          train: train,
          test: test,
          ood: ood,
          corpus: corpus,
          validation: validation,
          instruct: instruct
        )
      )
    } else {
      try Output.result(
        "\(out): \(train) train, \(test) test, \(ood) out-of-distribution, \(validation) validation "
          + "pairs, \(corpus) worked solutions, \(instruct) demonstrations, seed \(common.seed)"
      )
    }
  }
}
