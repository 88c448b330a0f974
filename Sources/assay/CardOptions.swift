import ArgumentParser
import AssayData
import AssayEvaluate

/// What `calibrate` reads, asks and writes.
struct CardOptions: ParsableArguments {
  @Option(
    help: """
      Gold labels, JSON Lines: preference pairs, with "votes" of several annotators where there are \
      some, or rows "prompt", "response" and "label". - is standard input.
      """
  )
  var data: String

  @Option(help: "The folder for card.json, card.html and card.records.jsonl.")
  var out: String

  @Option(
    help: "Recorded ratings, a card.records.jsonl, in place of a model. Default: none."
  )
  var records: String?

  @Option(help: "How often preferences that are kept shall be right.")
  var precision = 0.9

  @Option(help: "The smallest change of preference that matters, as a share.")
  var effect = 0.05

  @Option(
    help: """
      The biases to look for: some of \(Probe.allCases.map(\.rawValue).joined(separator: ", ")), with \
      commas; or none. Default: all of them.
      """
  )
  var probes: ProbeList?

  @Flag(
    help: "Also keep the card in the model's folder, where inspect and serve show it."
  )
  var keep = false

  @OptionGroup var price: PriceOptions

  @Option(help: "Critiques of each response, for models that write them. Default: 1.")
  var samples: Int?

  /// Checks all that can be checked without a model.
  ///
  /// - Throws: `ValidationError`.
  func validate(
    _ source: ModelOptions,
    _ judging: JudgeOptions,
    _ draws: DrawOptions,
    _ common: CommonOptions
  ) throws {
    try Limit.check("--precision", precision, in: 0.5...1)
    try Limit.check("--effect", effect, in: 0...1)
    try Limit.check("--samples", samples, in: Limit.count)
    guard !keep || source.model != nil else {
      throw ValidationError("--keep needs --model, a folder to keep the card in")
    }
    guard records != nil else { return try source.validate(common) }
    guard source.model == nil, !source.isRemote else {
      throw ValidationError("give one of --model, --generator and --records")
    }
    guard samples == nil, judging.isEmpty, draws.isEmpty else {
      throw ValidationError("how a model is asked belongs to --model or --generator")
    }
  }

  /// What is asked of the card.
  var questions: CardQuestions {
    CardQuestions(
      precision: precision,
      smallestEffect: effect,
      probes: probes?.probes ?? Probe.allCases,
      price: price.pricePerMillion
    )
  }

  /// Reads the gold labels, and says what was left out.
  ///
  /// - Throws: `DataError`.
  func run(_ rows: RowOptions, _ limit: TokenLimit<PreferencePair>? = nil) throws -> CardRun {
    let gold = try GoldReader(policy: rows.policy, limit: limit).read(data)
    try rows.tell(gold.report, of: data)
    if gold.unpaired > 0 {
      Output.error("\(gold.unpaired) labelled responses have no other to be compared with")
    }
    return CardRun(gold.items, probes: questions.probes)
  }
}

/// Biases, as they are named on the command line.
struct ProbeList: ExpressibleByArgument {
  let probes: [Probe]

  init?(argument: String) {
    guard argument != "none" else {
      probes = []
      return
    }
    let names = argument.split(separator: ",", omittingEmptySubsequences: false)
    let known = names.compactMap { Probe(rawValue: String($0)) }
    guard known.count == names.count else { return nil }
    probes = Probe.allCases.filter(known.contains)
  }
}
