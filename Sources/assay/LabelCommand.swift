import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayText
import AssayTrain
import Foundation

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

  @Option(
    help: """
      A scorer or a judge: a model folder or a run folder. Default: none; --generator, a judge, \
      stands in for it.
      """
  )
  var model: String?

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
  @OptionGroup var remote: GeneratorOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (0...1).contains(minimumConfidence) else {
      throw ValidationError("--minimum-confidence is from 0 to 1")
    }
    try Limit.check("--samples", samples, in: Limit.count)
    try remote.validate(model: model, common: common, inference: inference)
    try rows.validate(canCut: true, isRemote: model == nil)
    if remote.generator != nil {
      try judging.validateRemote()
      guard samples == nil else {
        throw ValidationError("--samples belong to models that write critiques; give --votes")
      }
    }
  }

  func execute() async throws {
    var written = try RecordSettings(
      model: model,
      remote: remote,
      inference: inference,
      common: common
    )
    written.set("--minimum-confidence", minimumConfidence)
    guard let model else {
      let pairs = try read(nil)
      let settings = judging.settings(
        temperature: draws.temperature,
        topP: draws.topP,
        tokens: draws.maxTokens,
        seed: common.seed
      )
      try await remote.withEndpoint(out: out, common: common) { endpoint in
        let judge = try JudgeRater(RemoteWriter(endpoint), settings: settings)
        let labeller = Labeller(judge, stretch: remote.stretch / settings.votes)
        labeller.note(in: &written)
        try records.claim(out, written, common)
        try await label(pairs, labeller)
      }
      return
    }
    let loaded = try inference.load(model, common)
    let labeller = try Labeller(
      loaded,
      samples: samples,
      judging: judging,
      draws: draws,
      seed: common.seed
    )
    labeller.note(in: &written)
    written.set("--too-long", rows.tooLong == .cut ? "cut" : "whole")
    let length = try labeller.length(of: loaded)
    try rows.validate(canCut: loaded.manifest.kind == .classic || loaded.manifest.kind == .cloud)
    let pairs = try read(length.pairs)
    try records.claim(out, written, common)
    try await label(pairs, labeller, isCut: rows.marker(length.pairs))
  }

  private func read(_ limit: TokenLimit<PreferencePair>?) throws -> [PreferencePair] {
    let reader = PairReader(policy: rows.policy, limit: rows.limit(limit))
    var (pairs, report) = ([PreferencePair](), ReadReport())
    if labelled {
      (pairs, report) = try reader.read(data)
    } else {
      (pairs, _, report) = try reader.readUnlabelled(data)
    }
    try rows.tell(report, of: data)
    return pairs
  }

  private func label(
    _ pairs: [PreferencePair],
    _ labeller: Labeller,
    isCut: ((PreferencePair) throws -> Bool)? = nil
  ) async throws {
    let (writer, lines, _) = try RecordWriter.resume(out)
    var tally = LabelTally()
    let resumed = try recorded(lines, pairs, &tally)
    let progress = common.progress
    progress.handle(
      .stageStarted(name: "label", number: 1, total: pairs.count, resumedAt: resumed)
    )
    // Stretches begin at the same pairs however often the work was interrupted: sums depend on what
    // is packed.
    let stretch = labeller.stretch
    for start in stride(from: resumed / stretch * stretch, to: pairs.count, by: stretch) {
      try Interruption.check()
      let range = start..<min(start + stretch, pairs.count)
      let (probabilities, tokens) = try await RewardError.inStretch(from: start) {
        try await labeller.probabilities(Array(pairs[range]))
      }
      for (pair, probability) in zip(pairs[range], probabilities).dropFirst(max(0, resumed - start))
      {
        guard let probability else {
          tally.missing += 1
          continue
        }
        let label = Label(pair, probability)
        guard label.confidence >= minimumConfidence else {
          tally.unsure += 1
          continue
        }
        try writer.append(label.json(isCut: try isCut?(pair) ?? false))
        tally.add(probability)
      }
      progress.handle(
        .step(done: range.upperBound, total: pairs.count, metrics: [], tokens: tokens)
      )
    }
    rows.tellCut(try pairs.count { try isCut?($0) ?? false }, of: pairs.count)
    if !common.isQuiet { Output.error(tally.text(isLabelled: labelled)) }
  }

  /// How many pairs were done before: those up to the last one that is written.
  private func recorded(
    _ lines: [JSONValue],
    _ pairs: [PreferencePair],
    _ tally: inout LabelTally
  ) throws -> Int {
    var done = 0
    for (number, line) in lines.enumerated() {
      let place = pairs[done...].firstIndex { $0.id == line["id"]?.string }
      guard let place, line["confidence"]?.double != nil else {
        throw ForeignRecord(path: out, line: number + 1, expected: data)
      }
      tally.leftOut += place - done
      let probability = line["probability"]?.double ?? 1
      tally.add(Label.keepsOrder(line, pairs[place]) ? probability : 1 - probability)
      done = place + 1
    }
    return done
  }
}

/// Gives pairs the probability that the response called chosen is better.
private struct Labeller {
  private enum Method {
    case scorer(ModelScorer)
    case judge(JudgeRater)
  }
  private let method: Method
  /// Pairs that are labelled together.
  let stretch: Int

  init(_ judge: JudgeRater, stretch: Int) {
    method = .judge(judge)
    self.stretch = max(1, stretch)
  }

  init(
    _ model: Model,
    samples: Int?,
    judging: JudgeOptions,
    draws: DrawOptions,
    seed: UInt64
  ) throws {
    guard model.manifest.kind.scores else {
      guard samples == nil else {
        throw ValidationError("--samples belong to models that write critiques; give --votes")
      }
      let settings = judging.settings(
        temperature: draws.temperature,
        topP: draws.topP,
        tokens: draws.maxTokens,
        seed: seed
      )
      method = .judge(try JudgeRater(model, settings: settings))
      stretch = max(1, 256 / settings.votes)
      return
    }
    guard judging.isEmpty else {
      throw ValidationError("--votes, --task and --prompts belong to judges; give --samples")
    }
    var options = ModelScorer.Options()
    let samples = samples ?? 1
    options.critiques.samples = samples
    options.critiques.temperature = draws.temperature ?? (samples == 1 ? 0 : 0.5)
    options.critiques.topP = draws.topP ?? 1
    options.critiques.tokens = draws.maxTokens
    options.critiques.seed = seed
    method = .scorer(try ModelScorer(model, options: options))
    stretch = max(1, 128 / samples)
  }

  /// How long pairs are for the model.
  func length(of model: Model) throws -> TextLength {
    switch method {
    case .scorer(let scorer): try TextLength(model, critiques: scorer.options.critiques)
    case .judge(let judge): try TextLength(model, judging: judge.settings)
    }
  }

  /// Notes what the labels depend on.
  func note(in settings: inout RecordSettings) {
    switch method {
    case .scorer(let scorer): settings.set(scorer.options.critiques)
    case .judge(let judge): settings.set(judge)
    }
  }

  func probabilities(
    _ pairs: [PreferencePair]
  ) async throws -> (values: [Double?], tokens: Int) {
    switch method {
    case .judge(let judge): return try await verdicts(judge, pairs)
    case .scorer(let scorer):
      let scores = try await scorer.score(
        pairs.flatMap { pair in
          [pair.chosen, pair.rejected].map { .response(prompt: pair.prompt, response: $0) }
        }
      )
      let values = pairs.indices.map { index in
        1 / (1 + exp(scores[2 * index + 1].value - scores[2 * index].value))
      }
      return (values, scores.map { $0.tokens.prompt + $0.tokens.completion }.reduce(0, +))
    }
  }
}

extension Labeller {
  private func verdicts(
    _ judge: some Judge,
    _ pairs: [PreferencePair]
  ) async throws -> (values: [Double?], tokens: Int) {
    let verdicts = try await judge.judge(pairs)
    return (
      verdicts.map(\.probability),
      verdicts.map { $0.tokens.prompt + $0.tokens.completion }.reduce(0, +)
    )
  }
}

/// A pair in the order of its label.
private struct Label {
  let pair: PreferencePair
  /// From 0 for a tie to 1.
  let confidence: Double

  init(_ given: PreferencePair, _ probability: Double) {
    var pair = given
    if probability < 0.5 {
      (pair.chosen, pair.rejected) = (given.rejected, given.chosen)
      (pair.chosenCritique, pair.rejectedCritique) = (
        given.rejectedCritique, given.chosenCritique
      )
    }
    let own = max(probability, 1 - probability)
    // Readers take a missing probability as certain, and refuse 1.
    pair.probability = own < 1 ? own : nil
    pair.margin = nil  // it was that of the given label
    self.pair = pair
    confidence = 2 * own - 1
  }

  func json(isCut: Bool) -> JSONValue {
    .object(
      (pair.json.members ?? []) + [JSONMember("confidence", .number("\(confidence)"))]
        + (isCut ? [JSONMember("cut", true)] : [])
    )
  }

  /// Whether a written line has the given order of a pair.
  static func keepsOrder(_ line: JSONValue, _ pair: PreferencePair) -> Bool {
    let chosen = line["chosen"]
    return (chosen?.string ?? chosen?.array?.last?["content"]?.string) == pair.chosen
  }
}

/// What became of pairs.
private struct LabelTally {
  var outcomes: [Double] = []
  var missing = 0
  var unsure = 0
  /// Left out before an interruption, for either reason.
  var leftOut = 0

  mutating func add(_ probability: Double) { outcomes.append(probability > 0.5 ? 1 : 0) }

  func text(isLabelled: Bool) -> String {
    var parts = ["\(outcomes.count) pairs labelled"]
    if missing > 0 { parts.append("\(missing) without a verdict left out") }
    if unsure > 0 { parts.append("\(unsure) below the minimum confidence left out") }
    if leftOut > 0 { parts.append("\(leftOut) left out before the interruption") }
    if isLabelled, let share = try? Statistics.accuracy(outcomes) {
      let figures = [share.value, share.lower, share.upper].map {
        String(format: "%.1f", 100 * $0)
      }
      parts.append("the given order agrees in \(figures[0]) % [\(figures[1]), \(figures[2])]")
    }
    return parts.joined(separator: ", ")
  }
}
