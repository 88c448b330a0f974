import ArgumentParser
import AssayData
import AssayEvaluate
import AssayReward

struct LabelCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "label",
    abstract: "Labels pairs of responses with a reward model or a judge.",
    discussion: """
      Reads preference pairs, or rows with "responses": [a, b] or "response_a" and "response_b", and \
      writes preference pairs whose chosen response is the preferred one, with its "probability" \
      (the logistic function of the scores' difference, or a judge's; missing where it is 1) and the \
      "confidence", from 0 for a tie to 1. Ties keep the given order. Pairs without a verdict are \
      left out and counted. Run again, it goes on where it stopped.
      """
  )

  @OptionGroup var source: ModelOptions

  @Option(help: "Pairs, JSON Lines; - is standard input.")
  var data: String

  @Option(help: "The file of labelled pairs.")
  var out: String

  @Flag(help: "The data's order is true: chosen and rejected; report how often the label agrees.")
  var labelled = false

  @Option(help: "Pairs of less confidence are left out.")
  var minimumConfidence = 0.0

  @Option(help: "Critiques of each response, for models that write them. Default: 1.")
  var samples: Int?

  @OptionGroup var rows: RowOptions
  @OptionGroup var judging: JudgeOptions
  @OptionGroup var draws: DrawOptions
  @OptionGroup var records: RecordOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try Limit.check("--minimum-confidence", minimumConfidence, in: 0...1)
    try Limit.check("--samples", samples, in: Limit.count)
    try source.validate(common)
    try rows.validate(canCut: true, isRemote: source.isRemote)
    if source.isRemote {
      try judging.validateRemote()
      try judging.validate(samples: samples, scores: false)
    }
  }

  func execute() async throws {
    try await source.open(out: out, common) { model in
      try judging.validate(samples: samples, scores: model.scores)
      try rows.validate(canCut: model.scores || model.text == nil)
      let critiques = draws.critiques(samples: samples, seed: common.seed)
      let settings = judging.settings(draws, seed: common.seed)
      let limit = try model.length(critiques: critiques, judging: settings)?.pairs
      let pairs = try read(rows.limit(limit))
      let rater = try model.rater(critiques: critiques, judging: settings)
      var written = model.settings(source.inference, common)
      written.set("--minimum-confidence", minimumConfidence)
      written.set("--too-long", rows.tooLong == .cut ? "cut" : "whole")
      if let judge = rater as? JudgeRater {
        written.set(judge)
      } else {
        written.set(critiques, tokens: critiques.tokens)
      }
      try records.claim(out, written, common)
      let marker = rows.marker(limit)
      rows.tellCut(try pairs.count { try marker?($0) ?? false }, of: pairs.count)
      let progress = Progress("label", total: pairs.count, common)
        .following(model, itemTokens: model.pairTokens(rater, critiques))
      let work = Labelling(
        pairs,
        of: data,
        by: rater,
        minimumConfidence: minimumConfidence,
        isCut: marker
      )
      let kept = model.place(out, of: rater)
      let tally = try await model.keeping(beside: kept, written, anew: records.force) {
        try await work.run(to: out, onProgress: progress.update)
      }
      if !common.isQuiet { Output.error(tally.text(isLabelled: labelled)) }
    }
  }

  private func read(_ limit: TokenLimit<PreferencePair>?) throws -> [PreferencePair] {
    let reader = PairReader(policy: rows.policy, limit: limit)
    var (pairs, report) = ([PreferencePair](), ReadReport())
    if labelled {
      (pairs, report) = try reader.read(data)
    } else {
      (pairs, _, report) = try reader.readUnlabelled(data)
    }
    try rows.tell(report, of: data)
    return pairs
  }
}
