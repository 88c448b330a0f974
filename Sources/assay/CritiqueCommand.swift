import ArgumentParser
import AssayData
import AssayEvaluate
import AssayReward

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

  @OptionGroup var source: ModelOptions

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

  @OptionGroup var asking: AskingOptions
  @OptionGroup var rows: RowOptions
  @OptionGroup var critiques: CritiqueOptions
  @OptionGroup var records: RecordOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    try source.validate(common)
    try rows.validate(canCut: true, isRemote: source.isRemote)
    try asking.validate(isRemote: source.isRemote)
    guard !asPairs || critiques.samples == 1 && !responses else {
      throw ValidationError("--as-pairs takes pairs and one critique of each response")
    }
  }

  func execute() async throws {
    try await source.open(out: out, common) { model in
      try model.requireWriter()
      let settings = critiques.settings(seed: common.seed)
      let critic = Critic(model.writer, settings: settings, asking: asking.asking(model))
      let records = try read(
        try model.text.map { try TextLength($0, critiqueTokens: critic.critiqueTokens) }
      )
      var written = model.settings(source.inference, common)
      written.set(settings, tokens: critic.critiqueTokens)
      written.set("--as-pairs", asPairs)
      written.set("--too-long", rows.tooLong == .cut ? "cut" : "whole")
      if source.isRemote { asking.note(in: &written) }
      try self.records.claim(out, written, common)
      let work = Critiquing(
        records,
        of: data,
        form: asPairs ? .pairs : .critiques,
        critic: critic,
        samples: settings.samples
      )
      let tokens = settings.samples * critic.critiqueTokens
      let progress = Progress("critique", total: work.count, common)
        .following(model, itemTokens: asPairs ? 2 * tokens : tokens)
      let (count, leftOut) = try await model.keeping(beside: out, written, anew: self.records.force)
      {
        try await work.run(to: out, onProgress: progress.update)
      }
      if leftOut > 0, !common.isQuiet {
        Output.error("\(leftOut) of \(count) critiques were cut or empty and are left out")
      }
    }
  }

  private func read(_ length: TextLength?) throws -> [(record: JudgedRecord, isCut: Bool)] {
    let limit = length?.judged
    let reader = JudgedReader(
      asPairs ? .pairs : responses ? .responses : .asFirstRow,
      policy: rows.policy,
      limit: rows.limit(limit)
    )
    let (records, report) = try reader.read(data)
    try rows.tell(report, of: data)
    let marker = rows.marker(limit)
    let marked = try records.map { ($0, try marker?($0) ?? false) }
    rows.tellCut(marked.count(where: \.1), of: records.count)
    return marked
  }
}
