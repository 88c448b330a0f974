import ArgumentParser
import AssayBase
import AssayData
import AssayGenerate
import AssayEvaluate
import AssayModel
import AssayReward
import AssayRun
import AssayText
import AssayTrain
import Foundation

struct JudgeCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "judge",
    abstract: "Compares the two responses of each pair, in both orders.",
    discussion: """
      Reads preference pairs, or rows with "responses": [a, b] or "response_a" and "response_b", and \
      writes lines {"id", "probability", "votes", "flipped", "judgements", "tokens"}. The \
      probability is that of the response called chosen, or of the first; it is missing where no \
      judgement has a verdict. A language model judges untrained. With --out, run again, it goes on \
      where it stopped.
      """
  )

  @Option(
    help: """
      A judge, a pair model or a language model: a model folder or a run folder. Default: none; \
      --generator stands in for it.
      """
  )
  var model: String?

  @Option(help: "Pairs, JSON Lines; - is standard input.")
  var data: String

  @Option(help: "The file of records. Default: standard output, which cannot be continued.")
  var out: String?

  @OptionGroup var rows: RowOptions
  @OptionGroup var judging: JudgeOptions
  @OptionGroup var draws: DrawOptions
  @OptionGroup var records: RecordOptions
  @OptionGroup var remote: GeneratorOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try remote.validate(model: model, common: common, inference: inference)
    try rows.validate(canCut: false, isRemote: model == nil)
    if remote.generator != nil { try judging.validateRemote() }
  }

  func execute() async throws {
    let settings = judging.settings(
      temperature: draws.temperature,
      topP: draws.topP,
      tokens: draws.maxTokens,
      seed: common.seed
    )
    var written = try RecordSettings(
      model: model,
      remote: remote,
      inference: inference,
      common: common
    )
    guard let model else {
      let data = try read(nil)
      try await remote.withEndpoint(out: out, common: common) { endpoint in
        let judge = try JudgeRater(RemoteWriter(endpoint), settings: settings)
        written.set(judge)
        try records.claim(out, written, common)
        try await run(data.pairs, data.isLabelled, judge, judge.task, settings.votes)
      }
      return
    }
    let loaded = try inference.load(model, common)
    let judge = try JudgeRater(loaded, settings: settings)
    let data = try read(try TextLength(loaded, judging: settings).pairs)
    written.set(judge)
    try records.claim(out, written, common)
    try await run(data.pairs, data.isLabelled, judge, judge.task, settings.votes)
  }

  private func read(
    _ limit: TokenLimit<PreferencePair>?
  ) throws -> (pairs: [PreferencePair], isLabelled: Bool) {
    let (pairs, isLabelled, report) = try PairReader(policy: rows.policy, limit: limit)
      .readUnlabelled(data)
    try rows.tell(report, of: data)
    return (pairs, isLabelled)
  }

  private func run(
    _ pairs: [PreferencePair],
    _ isLabelled: Bool,
    _ judge: some Judge,
    _ task: RolePrompts.JudgeTask,
    _ draws: Int
  ) async throws {
    let log = try out.flatMap {
      $0 == "-" ? nil : try RecordLog<PairVerdict>(URL(fileURLWithPath: $0))
    }
    let votes = task == .chain ? 2 * ((draws + 1) / 2) : 2
    var verdicts = try recorded(log, pairs, votes: votes)
    let progress = common.progress
    progress.handle(
      .stageStarted(name: "judge", number: 1, total: pairs.count, resumedAt: verdicts.count)
    )
    let stretch = max(1, (remote.generator == nil ? 256 : remote.stretch) / votes)
    while verdicts.count < pairs.count {
      try Interruption.check()
      let done = verdicts.count
      let part = Array(pairs[done..<min(done + stretch, pairs.count)])
      _ = try await RewardError.inStretch(from: done) {
        try await judge.judge(part) { _, verdict in
          if let log { try log.append(verdict) } else { try Output.json(verdict) }
          verdicts.append(verdict)
          progress.handle(
            .step(
              done: verdicts.count,
              total: pairs.count,
              metrics: [],
              tokens: verdict.tokens.prompt + verdict.tokens.completion
            )
          )
        }
      }
    }
    try log?.synchronize()
    if !common.isQuiet, !verdicts.isEmpty {
      Output.error(try Self.summary(VerdictTally(verdicts), isLabelled: isLabelled))
    }
  }

  /// The verdicts that are recorded already; they must be those of the first pairs.
  private func recorded(
    _ log: RecordLog<PairVerdict>?,
    _ pairs: [PreferencePair],
    votes: Int
  ) throws -> [PairVerdict] {
    let verdicts = try log?.records() ?? []
    for (index, verdict) in verdicts.enumerated() {
      guard index < pairs.count, pairs[index].id == verdict.id, verdict.judgements.count == votes
      else {
        throw ForeignRecord(
          path: out ?? "-",
          line: index + 1,
          expected: "\(data) with \(votes) judgements of each pair"
        )
      }
    }
    return verdicts
  }

  private static func summary(_ tally: VerdictTally, isLabelled: Bool) -> String {
    func percent(_ share: Double) -> String { String(format: "%.1f", 100 * share) }
    var parts: [String] = []
    if isLabelled, let accuracy = tally.accuracy {
      parts.append(
        "accuracy \(percent(accuracy.value)) % [\(percent(accuracy.lower)), "
          + "\(percent(accuracy.upper))] of \(accuracy.count) pairs"
      )
    }
    if let flips = tally.flipRate { parts.append("flipped with the order \(percent(flips)) %") }
    parts.append("unparseable \(percent(tally.unparseableRate)) % of judgements")
    if let first = tally.firstShare { parts.append("first shown preferred \(percent(first)) %") }
    if let missing = tally.outcomes[.missing] { parts.append("\(missing) pairs without verdict") }
    return parts.joined(separator: ", ")
  }
}
