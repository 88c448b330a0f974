import ArgumentParser
import AssayReward
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayText

struct GenerateCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Samples text.",
    discussion: """
      Reads lines {"id", "prompt"} (a string or messages), {"id", "messages"} or {"id", "text"} (taken \
      as it is) and writes one line a sample: {"id", "sample", "text", "finish_reason", "tokens"}. With \
      --out, run again behind an interruption, it writes only texts that were not finished.
      """
  )

  @OptionGroup var source: ModelOptions

  @Option(help: "Prompts, JSON Lines; - is standard input.")
  var data: String

  @Option(
    help: """
      Where samples go, a file that is written anew; texts are kept beside it until all are there. \
      Default: -, standard output, beside which nothing is kept.
      """
  )
  var out = "-"

  @Option(help: "Samples of each prompt.")
  var samples = 1

  @Option(help: "Temperature; 0 is greedy.")
  var temperature: Float = 0

  @Option(help: "Only this many most likely tokens are drawn from; 0 is all.")
  var topK = 0

  @Option(help: "The most likely tokens that together have this probability are drawn from.")
  var topP: Float = 1

  @Option(
    help: """
      Adds "logprobs": each token's log probability at this temperature, and those of this many \
      likeliest tokens. Default: none.
      """
  )
  var logprobs: Int?

  @Option(help: "Makes tokens that occurred less likely; 1 is off.")
  var repetitionPenalty: Float = 1

  @Option(help: "Most new tokens of a sample.")
  var maxTokens = 256

  @Option(help: "Ends a sample before this text; may be given several times.")
  var stop: [String] = []

  @OptionGroup var grammar: GrammarOptions
  @OptionGroup var rows: RowOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try Limit.check("--samples", samples, in: Limit.count)
    try Limit.check("--max-tokens", maxTokens, in: Limit.tokens)
    try Limit.check("--temperature", temperature, in: Limit.temperature)
    try Limit.check("--top-k", topK, in: 0...Limit.tokens.upperBound)
    try Limit.check(share: "--top-p", topP)
    try Limit.check("--repetition-penalty", repetitionPenalty, in: 0.01...100)
    try Limit.check("--logprobs", logprobs, in: 0...Limit.count.upperBound)
    try source.validate(common)
    guard rows.tooLong != .cut else {
      throw ValidationError("--too-long is refuse or skip: a prompt is not cut")
    }
    try rows.validate(canCut: false, isRemote: source.isRemote)
    guard !source.isRemote || topK == 0 && repetitionPenalty == 1 && logprobs == nil else {
      throw ValidationError("--top-k, --repetition-penalty and --logprobs belong to --model")
    }
  }

  func execute() async throws {
    try await source.open(out: out, common) { model in
      try model.requireWriter()
      let grammar = try grammar.grammar()
      // An endpoint does not continue a text.
      let reader = PromptReader(
        model.text == nil ? .conversations : .conversationsOrTexts,
        policy: rows.policy,
        limit: model.text.map { TextLength.prompts($0, maximumTokens: maxTokens) }
      )
      let (prompts, report) = try reader.read(data)
      try rows.tell(report, of: data)
      let writer = out == "-" ? nil : try RecordWriter(path: out)
      let progress = Progress("generate", total: prompts.count, common)
        .following(model, itemTokens: samples * maxTokens)
      try progress.update(0, 0)
      let tokenizer = logprobs == nil ? nil : model.text?.tokenizer
      // All else that a text depends on is in what is asked for it.
      let settings = model.settings(source.inference, common)
      try await model.keeping(beside: out, settings) {
        _ = try await model.writer.write(prompts.map { request($0, grammar) }) { index, texts in
          for (sample, text) in texts.enumerated() {
            let record = SampleRecord(
              id: prompts[index].id,
              sample: sample,
              text,
              tokenizer: tokenizer
            )
            if let writer { try writer.append(encoding: record) } else { try Output.json(record) }
          }
          let tokens = texts.map { $0.usage?.completion ?? 0 }.reduce(0, +)
          try progress.update(index + 1, tokens)
        }
      }
    }
  }
}
