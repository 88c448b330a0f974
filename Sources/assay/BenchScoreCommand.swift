import ArgumentParser
import AssayGenerate
import AssayReward
import AssayTensor
import AssayTrain

struct BenchScoreCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Speed of scoring in one forward pass.",
    discussion: """
      Texts of 96 random tokens, scored at once with a one-label head. The shapes are the models of \
      `bench generate`: s in f32, q (0.63 B) and r in bf16. Prints one JSON line; flops_per_s is twice \
      the multiply-adds that the scores need over the median time.
      """
  )

  @Option(help: "s, q or r. Default: q.")
  var shape = GenerationBenchmark.Shape.q

  @Option(help: "Texts that are scored at once.")
  var batch = 16

  @Option(help: "Timed repeats behind a warm-up; the median counts.")
  var repeats = 5

  @OptionGroup var kernels: KernelOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try Limit.check("--batch", batch, in: Limit.count)
    try Limit.check("--repeats", repeats, in: Limit.count)
  }

  func execute() async throws {
    var benchmark = ScoringBenchmark(
      shape: shape,
      batch: batch,
      dtype: common.computeType?.dtype,
      device: try kernels.device(common),
      repeats: repeats,
      seed: common.seed
    )
    benchmark.weightFormat = kernels.weights
    benchmark.isBatchInvariant = kernels.batchInvariant
    try Output.json(try benchmark.run())
  }
}
