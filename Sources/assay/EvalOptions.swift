import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import AssayReward
import Foundation

extension BenchmarkQuirk: ExpressibleByArgument {}
extension JudgingForm: ExpressibleByArgument {}
extension UnparseableRule: ExpressibleByArgument {}
extension VerdictRule: ExpressibleByArgument {}

/// What `eval` evaluates, and how verdicts count.
struct EvalOptions: ParsableArguments {
  @Option(
    help: "Recorded scores or verdicts, JSON Lines, in place of a model; - is stdin. Default: none."
  )
  var scores: String?

  @Option(
    name: .customLong("benchmark"),
    help: "A benchmark and where it is, as NAME=PATH; repeatable."
  )
  var benchmarks: [BenchmarkArgument] = []

  @Option(
    help: """
      The folder for results.json, report-NAME.html and, without --scores, scores-NAME.jsonl. Default: \
      none.
      """
  )
  var out: String?

  @Option(help: "Critiques that a score is the mean of, for models that write them. Default: 1.")
  var samples: Int?

  @Option(
    help: """
      What a judge's unparseable verdict counts: missing, half or wrong. Default: as --verdict-rule, or \
      the benchmark's own rule: wrong for llmbar, pandalm, judgebench and auto-j, else half.
      """
  )
  var unparseable: UnparseableRule?

  @Option(
    help: """
      How judgements are read: strict, or as RewardBench's scripts read them ([[A]] wins over [[B]], and \
      unparseable is half; of ratings the last number, so that 9/10 is 10). Default: strict.
      """
  )
  var verdictRule: VerdictRule?

  @Option(
    help: """
      How a judge judges: pairs (which of two responses is better, in both orders), ratings (each response \
      from 1 to 10) or choice (the best of four; rewardbench2). The published ways for rewardbench2 are \
      ratings and choice; processbench is always asked for the first wrong step. Default: pairs.
      """
  )
  var judgeBy: JudgingForm?

  @Option(
    name: .customLong("quirk"),
    help: """
      A habit of a benchmark's published script to follow, to compare with its tables; repeatable: \
      absent-sections (rewardbench: an absent section counts as 0), hashed-ties (hhh: of equal scores a \
      hash of them says which wins). The results and the page say which. Default: none.
      """
  )
  var quirks: [BenchmarkQuirk] = []

  @Option(
    help: """
      Training pairs, whose prompts are looked for among the benchmark's, exactly and nearly; repeatable. \
      Default: none.
      """
  )
  var train: [String] = []

  @Flag(
    help: """
      As a baseline, asks again with the weights of the model's head in another order (scores stand in \
      scores-NAME.shuffled-head.jsonl): takes as long once more.
      """
  )
  var shuffledHead = false

  @Flag(
    help: """
      Also writes what the benchmark's own script would have written, as official-NAME.json or .jsonl in \
      --out, for its tables: rewardbench, rewardbench2, rm-bench, judgebench, llmbar, processbench.
      """
  )
  var official = false

  @OptionGroup var price: PriceOptions
  @OptionGroup var form: FormatOptions
  @OptionGroup var draws: DrawOptions

  /// What an unparseable verdict counts; `nil` is the benchmark's own rule.
  var unparseableRule: UnparseableRule? {
    unparseable ?? (verdictRule == .rewardBench ? .half : nil)
  }

  /// Checks all that can be checked without a model.
  ///
  /// - Throws: `ValidationError`.
  func validate(
    _ source: ModelOptions,
    _ judging: JudgeOptions,
    _ rows: RowOptions,
    _ common: CommonOptions
  ) throws {
    guard [source.model != nil, scores != nil, source.isRemote].count(where: \.self) == 1 else {
      throw ValidationError("give one of --model, --generator and --scores")
    }
    try validateBenchmarks()
    try form.validate(common, benchmarks: benchmarks.count)
    try Limit.check("--samples", samples, in: Limit.count)
    if (samples ?? 1) > 1, draws.temperature == 0 {
      throw ValidationError("several samples at temperature 0 are all alike; give a --temperature")
    }
    if scores == nil { try source.validate(common) } else { try validateScores(judging) }
    try rows.validate(canCut: true, isRemote: source.model == nil)
    if judgeBy ?? .pairs != .pairs { try validateForm(judging) }
    if source.isRemote {
      try judging.validateRemote()
      try judging.validate(samples: samples, scores: false)
    }
  }

  private func validateBenchmarks() throws {
    guard !benchmarks.isEmpty else { throw ValidationError("give at least one --benchmark") }
    let known = BenchmarkCatalogue.all.map { $0.name }
    if let other = benchmarks.first(where: { !known.contains($0.name) }) {
      throw ValidationError(
        "there is no benchmark '\(other.name)'; known are \(known.joined(separator: ", "))"
      )
    }
    guard !official || out != nil else {
      throw ValidationError("--official writes into --out; give one")
    }
    if official, !benchmarks.contains(where: { OfficialOutput.names.contains($0.name) }) {
      throw ValidationError(
        "--official is of benchmarks whose scripts write something: "
          + OfficialOutput.names.joined(separator: ", ")
      )
    }
    if let other = quirks.first(where: { quirk in
      !benchmarks.contains { $0.name == quirk.benchmark }
    }) {
      throw ValidationError("--quirk \(other.rawValue) is of --benchmark \(other.benchmark)")
    }
    guard Set(benchmarks.map(\.name)).count == benchmarks.count else {
      throw ValidationError("each benchmark can be given once; evaluate the other file on its own")
    }
  }

  /// Refuses what judges of pairs alone are asked.
  private func validateForm(_ judging: JudgeOptions) throws {
    guard judging.isOfVotesAlone, unparseable == nil else {
      throw ValidationError(
        "--judge-by ratings and choice have the published rules: of the options of judges they take "
          + "--votes, --verdict-rule and those of sampling"
      )
    }
    let choices = [RewardBench2.name, ProcessBench.name]
    guard judgeBy == .ratings || benchmarks.allSatisfy({ choices.contains($0.name) }) else {
      throw ValidationError(
        "--judge-by choice is of --benchmark rewardbench2; give ratings or pairs"
      )
    }
  }

  private func validateScores(_ judging: JudgeOptions) throws {
    guard benchmarks.count == 1 else {
      throw ValidationError("--scores are of one benchmark; give one --benchmark")
    }
    guard samples == nil, draws.temperature == nil, draws.topP == nil, draws.maxTokens == nil else {
      throw ValidationError("--samples, --temperature, --top-p and --max-tokens belong to --model")
    }
    guard judging.isEmpty, verdictRule == nil, judgeBy == nil else {
      throw ValidationError(
        "--votes, --task, --prompts, --judge-by and --verdict-rule belong to --model"
      )
    }
    guard !shuffledHead else {
      throw ValidationError("--shuffled-head belongs to --model; what it recorded beside is read")
    }
  }

  /// Refuses what does not go with the model.
  ///
  /// - Throws: `ValidationError`.
  func validate(_ model: ModelSource) throws {
    guard !model.scores || verdictRule == nil && unparseable == nil && judgeBy == nil else {
      throw ValidationError("--verdict-rule, --judge-by and --unparseable belong to judges")
    }
    guard !shuffledHead || model.canShuffleHead else {
      throw ValidationError("--shuffled-head needs a model that scores by a head of its own")
    }
  }
}
