import ArgumentParser
import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTrain
import Foundation

struct CritiqueCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "critique",
    abstract: "Writes critiques of responses or of pairs.",
    discussion: """
      Reads responses or preference pairs and appends lines {"id", "side", "critiques": [...]}; \
      side is missing for single responses. Run again, it goes on where it stopped.
      """
  )

  @Option(help: "A model folder or a run folder.")
  var model: String

  @Option(help: "Responses or pairs, JSON Lines; - is standard input.")
  var data: String

  @Option(help: "The file of records; - is standard output, which cannot be continued.")
  var out: String

  @Flag(help: "Rows are responses; otherwise rows with \"chosen\" make the file one of pairs.")
  var responses = false

  @OptionGroup var critiques: CritiqueOptions
  @OptionGroup var common: CommonOptions

  private struct Written: Codable {
    let text: String
    let finishReason: String
    enum CodingKeys: String, CodingKey {
      case text
      case finishReason = "finish_reason"
    }
  }
  private struct Line: Codable {
    let id: String
    let side: String?
    let critiques: [Written]
  }
  private struct Item {
    let id: String
    let side: String?
    let input: ScoringInput
  }

  func execute() async throws {
    let items = try read()
    let loaded = try Model.load(
      try ModelPath.folder(model),
      dtype: common.dtype,
      device: try common.device()
    )
    let writer = try CritiqueWriter(loaded, settings: critiques.settings(seed: common.seed))
    let engine = GenerationEngine(
      decoder: loaded.decoder,
      head: loaded.head,
      tokenizer: loaded.tokenizer
    )
    let log = out == "-" ? nil : try RecordLog<Line>(URL(fileURLWithPath: out))
    var done = try checkedCount(log, items)
    let progress = common.progress
    progress.handle(
      .stageStarted(name: "critique", number: 1, total: items.count, resumedAt: done)
    )
    let samples = critiques.samples
    while done < items.count {
      try Interruption.check()
      let part = Array(items[done..<min(done + max(1, 256 / samples), items.count)])
      let written = try await engine.generate(
        try writer.requests(part.map(\.input), firstIndex: done)
      )
      let lines = part.enumerated().map { index, item in
        Line(
          id: item.id,
          side: item.side,
          critiques: written[index * samples..<(index + 1) * samples].map {
            Written(text: $0.text, finishReason: $0.finishReason.rawValue)
          }
        )
      }
      if let log { try log.append(contentsOf: lines) } else { try lines.forEach(Output.json) }
      done += part.count
      progress.handle(
        .step(
          done: done,
          total: items.count,
          metrics: [],
          tokens: written.map { $0.tokens.count + 1 }.reduce(0, +)
        )
      )
    }
    try log?.synchronize()
  }

  private func read() throws -> [Item] {
    if !responses, data != "-", try holdsPairs() {
      return try PairReader().read(data).pairs.flatMap { pair in
        [("chosen", pair.chosen), ("rejected", pair.rejected)].map { side, response in
          Item(
            id: pair.id,
            side: side,
            input: .response(prompt: pair.prompt, response: response)
          )
        }
      }
    }
    return try ResponseReader().read(data).responses.map {
      Item(id: $0.id, side: nil, input: $0.input)
    }
  }

  /// Whether the first row is one of a pair.
  private func holdsPairs() throws -> Bool {
    struct Row: Decodable {
      let hasChosen: Bool
      enum CodingKeys: String, CodingKey { case chosen }
      init(from decoder: any Swift.Decoder) throws {
        hasChosen = try decoder.container(keyedBy: CodingKeys.self).contains(.chosen)
      }
    }
    if data.hasSuffix(".gz") { return true }
    var found = false
    var isFirst = true
    try InputLines.forEach(data) { _, line in
      if isFirst { found = (try? JSONDecoder().decode(Row.self, from: line))?.hasChosen ?? false }
      isFirst = false
    }
    return found
  }

  /// How many items are recorded already; they must be the first ones of the data.
  private func checkedCount(_ log: RecordLog<Line>?, _ items: [Item]) throws -> Int {
    let lines = try log?.records() ?? []
    for (index, line) in lines.enumerated() {
      guard index < items.count, items[index].id == line.id, items[index].side == line.side,
        line.critiques.count == critiques.samples
      else {
        throw RunError.malformedRecord(
          file: out,
          line: index + 1,
          reason: "this was not written from \(data) with --samples \(critiques.samples)"
        )
      }
    }
    return lines.count
  }
}
