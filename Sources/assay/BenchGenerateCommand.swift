import ArgumentParser
import AssayGenerate
import AssayTensor
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
      feed-forward 4864, vocabulary 151936 (0.63 B), 24 new tokens, bf16. Prints one JSON line; \
      prefill is in the time.
      """
  )

  @Option(help: "s or q. Default: s.")
  var shape = GenerationBenchmark.Shape.s

  @Option(help: "Different prompts.")
  var prompts = 16

  @Option(help: "Samples of each prompt.")
  var samples = 16

  @Option(help: "Timed repeats behind a warm-up; the median counts.")
  var repeats = 5

  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard prompts > 0, samples > 0, repeats > 0 else {
      throw ValidationError("--prompts, --samples and --repeats must be at least 1")
    }
  }

  func execute() async throws {
    let benchmark = GenerationBenchmark(
      shape: shape,
      prompts: prompts,
      samples: samples,
      dtype: common.computeType?.dtype,
      device: try common.device(),
      repeats: repeats
    )
    try Output.json(try benchmark.run())
  }
}
