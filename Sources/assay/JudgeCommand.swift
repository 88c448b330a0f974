import ArgumentParser
import AssayData
import AssayEvaluate
import AssayReward
import Foundation

struct JudgeCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "judge",
    abstract: "Compares the two responses of each pair, in both orders.",
    discussion: """
      Reads preference pairs, or rows with "responses": [a, b] or "response_a" and "response_b", and \
      writes lines {"id", "probability", "votes", "flipped", "judgements", "tokens"}. The \
      probability is that of the response called chosen, or of the first; it is missing where no \
      judgement has a verdict. The model is a judge, a pair model, or a language model, which judges \
      untrained. With --out, run again, it goes on where it stopped.
      """
  )

  @OptionGroup var source: ModelOptions

  @Option(help: "Pairs, JSON Lines; - is standard input.")
  var data: String

  @Option(help: "The file of records. Default: standard output, which cannot be continued.")
  var out: String?

  @OptionGroup var rows: RowOptions
  @OptionGroup var judging: JudgeOptions
  @OptionGroup var draws: DrawOptions
  @OptionGroup var records: RecordOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try source.validate(common)
    try rows.validate(canCut: false, isRemote: source.isRemote)
    if source.isRemote { try judging.validateRemote() }
  }

  func execute() async throws {
    try await source.open(out: out, common) { model in
      let settings = judging.settings(draws, seed: common.seed)
      let judge = try model.judge(settings)
      let (pairs, isLabelled, report) = try PairReader(
        policy: rows.policy,
        limit: try model.length(judging: settings)?.pairs
      ).readUnlabelled(data)
      try rows.tell(report, of: data)
      var written = model.settings(source.inference, common)
      written.set(judge)
      try records.claim(out, written, common)
      let file = out == "-" ? nil : out
      let progress = Progress("judge", total: pairs.count, common)
        .following(model, itemTokens: judge.itemTokens)
      // Letters are read again as whole stretches.
      let kept = judge.readsPasses ? nil : file
      let verdicts = try await model.keeping(beside: kept, written, anew: records.force) {
        try await Judging(pairs, of: data, by: judge).run(
          to: file.map { URL(fileURLWithPath: $0) },
          onVerdict: { if file == nil { try Output.json($0) } },
          onProgress: progress.update
        )
      }
      guard !common.isQuiet else { return }
      let labelled = isLabelled ? pairs.filter { $0.decided != nil } : []
      let told = zip(verdicts, pairs).compactMap { labelled.isEmpty ? $0 : $0.decided(as: $1) }
      let clusters = labelled.isEmpty ? nil : labelled.promptNumbers
      let tally = try VerdictTally(told, clusters: clusters)
      Output.error(tally.text(isLabelled: !labelled.isEmpty))
    }
  }
}
