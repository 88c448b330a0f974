import ArgumentParser
import AssayTensor
import AssayTrain
import Foundation

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures speed on fixed shapes with random weights.",
    subcommands: [
      BenchTrainCommand.self, BenchGenerateCommand.self, BenchScoreCommand.self,
    ]
  )
}

extension TrainingBenchmark.Shape: ExpressibleByArgument {}

struct BenchTrainCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Speed of Bradley-Terry training steps.",
    discussion: """
      Shape s: Llama, hidden 128, 4 layers, 4 heads, feed-forward 512, vocabulary 512; a step is 32 \
      pairs of 128 tokens. Shape m: 384, 6, 6, 1024, 4096; 8 pairs of 256 tokens. Fused AdamW, \
      clipping 1.0. Prints one JSON line.
      """
  )

  @Option(help: "s or m. Default: s.")
  var shape = TrainingBenchmark.Shape.s

  @Option(
    help:
      "Real pairs instead of random tokens: one epoch, tokens counted without padding. Default: none."
  )
  var data: String?

  @Option(help: "Where to write the token ids of --data, for other tools. Default: none.")
  var writeIds: String?

  @Option(help: "Timed repeats behind a warm-up; the median counts.")
  var repeats = 5

  @OptionGroup var common: CommonOptions

  func validate() throws {
    try Limit.check("--repeats", repeats, in: Limit.count)
    guard writeIds == nil || data != nil else {
      throw ValidationError("--write-ids needs --data")
    }
  }

  func execute() async throws {
    let benchmark = TrainingBenchmark(
      shape: shape,
      compute: common.computeType ?? .f32,
      device: try common.device(),
      repeats: repeats
    )
    try Output.json(
      try data.map { try benchmark.run(data: $0, writingIDs: writeIds) } ?? benchmark.run()
    )
  }
}
