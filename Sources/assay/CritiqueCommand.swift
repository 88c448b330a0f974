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

struct CritiqueCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "critique",
    abstract: "Writes critiques of responses or of pairs.",
    discussion: """
      Reads responses or preference pairs and appends lines {"id", "side", "critiques": [...]}; \
      side is missing for single responses. Run again, it goes on where it stopped. With --as-pairs \
      it writes the pairs themselves, with the critiques that "assay train" with method cloud learns \
      from; --oracle asks a --generator for them as CLoud's oracle was asked.
      """
  )

  @Option(
    help: "A model folder or a run folder. Default: none; --generator stands in for it."
  )
  var model: String?

  @Option(help: "Responses or pairs, JSON Lines; - is standard input.")
  var data: String

  @Option(help: "The file of records; - is standard output, which cannot be continued.")
  var out: String

  @Flag(help: "Rows are responses; otherwise rows with \"chosen\" make the file one of pairs.")
  var responses = false

  @Flag(
    help: """
      Write the pairs with "chosen_critique" and "rejected_critique"; a critique that was cut is left \
      out.
      """
  )
  var asPairs = false

  @Flag(
    help: """
      With --generator: critiques end with a score from 1 to 10, which is written as "stated_score" \
      and taken from the text.
      """
  )
  var statedScores = false

  @Option(help: "How a --generator is asked: english or playground. Default: english.")
  var prompts: PromptSet?

  @Flag(
    help: """
      With --generator: ask as CLoud's oracle is asked, for an expert's feedback on one response, in \
      words and without a score.
      """
  )
  var oracle = false

  @OptionGroup var rows: RowOptions
  @OptionGroup var critiques: CritiqueOptions
  @OptionGroup var records: RecordOptions
  @OptionGroup var remote: GeneratorOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  private struct Line: Codable {
    let id: String
    let side: String?
    let critiques: [WrittenCritiqueLine]
    let cut: Bool?
  }

  /// What becomes one line: a response, or with `--as-pairs` a pair.
  private struct Unit {
    let id: String
    let side: String?
    let pair: PreferencePair?
    let inputs: [ScoringInput]
    let isCut: Bool
  }

  func validate() throws {
    try remote.validate(model: model, common: common, inference: inference)
    try rows.validate(canCut: true, isRemote: model == nil)
    guard remote.generator != nil || !statedScores && prompts == nil && !oracle else {
      throw ValidationError("--stated-scores, --prompts and --oracle belong to --generator")
    }
    guard !oracle || !statedScores && prompts == nil else {
      throw ValidationError("--oracle has a wording of its own, which asks for no score")
    }
    guard !asPairs || critiques.samples == 1 && !responses else {
      throw ValidationError("--as-pairs takes pairs and one critique of each response")
    }
  }

  func execute() async throws {
    let settings = critiques.settings(seed: common.seed)
    var written = try RecordSettings(
      model: model,
      remote: remote,
      inference: inference,
      common: common
    )
    written.set(settings)
    written.set("--as-pairs", asPairs)
    guard let model else {
      let units = try read(nil)
      try await remote.withEndpoint(out: out, common: common) { endpoint in
        let critic = Critic(
          RemoteWriter(endpoint),
          settings: settings,
          asking: oracle
            ? .oracle : .wording(prompts?.prompts ?? .english, statesScore: statedScores)
        )
        written.set("--max-tokens", critic.critiqueTokens)
        written.set("--prompts", prompts?.prompts.name ?? RolePrompts.english.name)
        written.set("--stated-scores", statedScores)
        written.set("--oracle", oracle)
        try records.claim(out, written, common)
        try await write(units, critic, stretch: remote.stretch)
      }
      return
    }
    let loaded = try inference.load(model, common)
    let critic = Critic(try ModelWriter(loaded), settings: settings)
    written.set("--max-tokens", critic.critiqueTokens)
    written.set("--too-long", rows.tooLong == .cut ? "cut" : "whole")
    let units = try read(try TextLength(loaded, critiques: settings))
    try records.claim(out, written, common)
    try await write(units, critic, stretch: 256)
  }

  private func write(_ units: [Unit], _ critic: Critic, stretch: Int) async throws {
    let (log, recorded, _) = try RecordWriter.resume(out)
    var done = try checkedCount(recorded, units)
    let progress = common.progress
    progress.handle(
      .stageStarted(name: "critique", number: 1, total: units.count, resumedAt: done)
    )
    let width = asPairs ? 2 : 1
    var (cut, written) = (0, 0)
    while done < units.count {
      try Interruption.check()
      let part = Array(units[done..<min(done + max(1, stretch / critiques.samples), units.count)])
      var own: [[WrittenCritiqueLine]] = []
      var tokens = 0
      let write = { (_: Int, critiques: [Critique]) in
        own.append(critiques.map(WrittenCritiqueLine.init))
        tokens += critiques.map(\.tokens).reduce(0, +)
        guard own.count == width else { return }
        let unit = units[done]
        if var pair = unit.pair {
          let texts = own.map { $0[0].isUsable ? $0[0].text : nil }
          (pair.chosenCritique, pair.rejectedCritique) = (texts[0], texts[1])
          cut += texts.count { $0 == nil }
          try log.append(
            .object((pair.json.members ?? []) + (unit.isCut ? [JSONMember("cut", true)] : []))
          )
        } else {
          try log.append(
            encoding: Line(
              id: unit.id,
              side: unit.side,
              critiques: own[0],
              cut: unit.isCut ? true : nil
            )
          )
        }
        own = []
        done += 1
        defer { tokens = 0 }
        written += width
        progress.handle(
          .step(done: done, total: units.count, metrics: [], tokens: tokens)
        )
      }
      _ = try await RewardError.inStretch(from: done * width) {
        try await critic.write(part.flatMap(\.inputs), onWritten: write)
      }
    }
    if cut > 0, !common.isQuiet {
      Output.error("\(cut) of \(written) critiques were cut or empty and are left out")
    }
  }

  private func read(_ length: TextLength?) throws -> [Unit] {
    let limit = length.map { length in
      TokenLimit<JudgedRecord>(maximumTokens: length.contextTokens) { record in
        try record.inputs.map { try length.tokens($0) }.max() ?? 0
      }
    }
    let reader = JudgedReader(
      asPairs ? .pairs : responses ? .responses : .asFirstRow,
      policy: rows.policy,
      limit: rows.limit(limit)
    )
    let (records, report) = try reader.read(data)
    try rows.tell(report, of: data)
    let marker = rows.marker(limit)
    let isCut = try records.map { try marker?($0) ?? false }
    rows.tellCut(isCut.count(where: \.self), of: records.count)
    return zip(records, isCut).flatMap { record, isCut in
      switch record {
      case .pair(let pair) where asPairs:
        return [Unit(id: pair.id, side: nil, pair: pair, inputs: record.inputs, isCut: isCut)]
      case .pair(let pair):
        return zip(["chosen", "rejected"], record.inputs).map { side, input in
          Unit(id: pair.id, side: side, pair: nil, inputs: [input], isCut: isCut)
        }
      case .response(let response):
        return [Unit(id: response.id, side: nil, pair: nil, inputs: [response.input], isCut: isCut)]
      }
    }
  }

  /// How many units are recorded already; they must be the first ones of the data.
  private func checkedCount(_ recorded: [JSONValue], _ units: [Unit]) throws -> Int {
    for (index, line) in recorded.enumerated() {
      let isOurs =
        index < units.count
        && (asPairs
          ? line["id"]?.string == units[index].id && line["chosen"] != nil
          : line["id"]?.string == units[index].id && line["side"]?.string == units[index].side
            && line["critiques"]?.array?.count == critiques.samples)
      guard isOurs else {
        throw ForeignRecord(
          path: out,
          line: index + 1,
          expected: "\(data) with " + (asPairs ? "--as-pairs" : "--samples \(critiques.samples)")
        )
      }
    }
    return recorded.count
  }
}

/// A critique as it is written.
struct WrittenCritiqueLine: Codable {
  let text: String
  let finishReason: FinishReason
  let statedScore: Int?

  /// Takes what is written of a critique.
  init(_ critique: Critique) {
    (text, finishReason, statedScore) = (
      critique.text, critique.finishReason, critique.statedScore
    )
  }

  /// Whether it has its end, and is not empty.
  var isUsable: Bool { !finishReason.isCut && !text.allSatisfy(\.isWhitespace) }

  enum CodingKeys: String, CodingKey {
    case text
    case finishReason = "finish_reason"
    case statedScore = "stated_score"
  }
}
