import ArgumentParser
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayText

struct ScoreCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Scores responses.",
    discussion: """
      Reads lines {"id", "prompt", "response"} or {"id", "text"}, a rendered text, and writes one \
      line a response: its score, critiques, the token that was scored, and token counts.
      """
  )

  @Option(help: "A model folder or a run folder.")
  var model: String

  @Option(help: "Responses, JSON Lines; - is standard input.")
  var data: String

  @Option(help: "Where records go, a file that is written anew. Default: -, standard output.")
  var out = "-"

  @OptionGroup var rows: RowOptions
  @OptionGroup var critiques: CritiqueOptions
  @OptionGroup var inference: InferenceOptions
  @OptionGroup var common: CommonOptions

  func execute() async throws {
    let source = try inference.source(model, common)
    let settings = critiques.settings(seed: common.seed)
    guard let scorer = try source.scorer(settings) else {
      throw RewardError.noHead(kind: source.text?.manifest.kind.rawValue ?? "")
    }
    let limit = try source.length(critiques: settings)?.responses
    let (records, report) = try ResponseReader(policy: rows.policy, limit: rows.limit(limit))
      .read(data)
    try rows.tell(report, of: data)
    let marker = rows.marker(limit)
    let isCut = try records.map { try marker?($0) ?? false }
    rows.tellCut(isCut.count(where: \.self), of: records.count)
    let writer = out == "-" ? nil : try RecordWriter(path: out)
    let progress = Progress("score", total: records.count, common)
      .following(
        source,
        itemTokens: source.text.map {
          settings.samples * WritingRole.critique.limit(settings.tokens, of: $0)
        }
      )
    var scores = [Score?](repeating: nil, count: records.count)
    var done = 0
    try progress.update(0, 0)
    var written = source.settings(inference, common)
    written.set(settings, tokens: settings.tokens)
    try await source.keeping(beside: source.place(out, of: ScorerRater(scorer)), written) {
      _ = try await scorer.score(records.map(\.input)) { index, score in
        scores[index] = score
        // A score is written as soon as it and all before it are there.
        while done < records.count, let score = scores[done] {
          let record = ScoreRecord(id: records[done].id, score: score, isCut: isCut[done])
          if let writer { try writer.append(encoding: record) } else { try Output.json(record) }
          done += 1
        }
        try progress.update(done, score.tokens.prompt + score.tokens.completion)
      }
    }
  }
}
