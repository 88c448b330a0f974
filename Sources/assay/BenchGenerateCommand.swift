import ArgumentParser
import AssayGenerate
import AssayReward
import AssayTensor
import AssayText
import AssayTrain
import Foundation

extension GenerationBenchmark.Shape: ExpressibleByArgument {}

struct BenchGenerateCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Speed of text generation.",
    discussion: """
      Prompts of 96 random tokens, temperature 1, no stop. Shape s: the model of `bench train`'s s, \
      96 new tokens, f32. Shape q: Llama, hidden 896, 24 layers, 14 heads, 2 key/value heads, \
      feed-forward 4864, vocabulary 151936 (0.63 B), 24 new tokens, bf16. Shape r: the sizes of \
      SmolLM2-135M, hidden 576, 30 layers, 9 heads, 3 key/value heads, feed-forward 1536, vocabulary \
      49152, 48 new tokens, bf16. Prints one JSON line; prefill is in the time.
      """
  )

  @Option(help: "s, q or r. Default: s.")
  var shape = GenerationBenchmark.Shape.s

  @Option(help: "Different prompts.")
  var prompts = 16

  @Option(help: "Samples of each prompt.")
  var samples = 16

  @Option(help: "Tokens of each prompt. Default: 96.")
  var promptTokens: Int?

  @Option(help: "New tokens of each sample. Default: 96 (s), 24 (q), 48 (r).")
  var newTokens: Int?

  @Option(help: "Timed repeats behind a warm-up; the median counts.")
  var repeats = 5

  @Option(
    help: """
      What a text may be: free, or enforced (reasons and a verdict, as `judge --verdicts` has them). \
      Default: free.
      """
  )
  var verdicts = VerdictForm.free

  @OptionGroup var kernels: KernelOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try Limit.check("--prompts", prompts, in: Limit.count)
    try Limit.check("--samples", samples, in: Limit.count)
    try Limit.check("--repeats", repeats, in: Limit.count)
    try Limit.check("--prompt-tokens", promptTokens, in: Limit.tokens)
    try Limit.check("--new-tokens", newTokens, in: Limit.tokens)
  }

  func execute() async throws {
    var benchmark = GenerationBenchmark(
      shape: shape,
      prompts: prompts,
      samples: samples,
      promptTokens: promptTokens,
      newTokens: newTokens,
      dtype: common.computeType?.dtype,
      device: try kernels.device(common),
      repeats: repeats,
      seed: common.seed
    )
    benchmark.weightFormat = kernels.weights
    benchmark.isBatchInvariant = kernels.batchInvariant
    benchmark.grammar = verdicts == .enforced ? try .verdict() : nil
    try Output.json(try benchmark.run())
  }
}
