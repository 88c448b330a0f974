import AssayModel
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct CalibrateCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private func gold(_ count: Int) throws -> String {
    let rows = (0..<count).map { index in
      #"{"id": "p\#(index)", "prompt": "How many, \#(index)?", "chosen": "\#(index) apples", "#
        + #""rejected": "It isn't \#(index). No.", "votes": [1, \#(index % 2)]}"#
    }
    return try folder.write(rows.joined(separator: "\n") + "\n", "gold.jsonl")
  }

  private func read(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  @Test(
    "calibrate makes a card of every kind of model, again the same, and of records alone",
    arguments: [ModelKind.classic, .cloud, .judge, .pair]
  )
  func card(_ kind: ModelKind) throws {
    let (model, gold) = (try folder.model(kind, contextTokens: 768), try gold(6))
    let out = folder.path("card")
    let arguments = [
      "calibrate", "--model", model, "--data", gold, "--out", out, "--probes",
      "position,padding,paraphrase", "--threads", "1",
    ]
    let first = try RunningCommand(arguments).result()
    first.expect(0)
    #expect(first.output.contains("model agrees with the gold labels in"))
    let (json, html) = (try read(out + "/card.json"), try read(out + "/card.html"))
    #expect(html.contains("Judge card: model"))
    // A kill in the middle of a record.
    let records = out + "/card.records.jsonl"
    let text = try read(records)
    try String(text.prefix(text.count / 2)).write(
      toFile: records,
      atomically: true,
      encoding: .utf8
    )
    try RunningCommand(arguments).result().expect(0)
    #expect(try read(records) == text && read(out + "/card.json") == json)
    let again = folder.path("again")
    let alone = try assay(
      "calibrate",
      "--records",
      records,
      "--data",
      gold,
      "--out",
      again,
      "--probes",
      "position,padding,paraphrase"
    )
    alone.expect(0)
    #expect(alone.output == first.output)
    #expect(try read(again + "/card.json") == json && read(again + "/card.html") == html)
  }

  @Test("a kept card is shown by inspect")
  func kept() throws {
    let (model, gold) = (try folder.model(.classic), try gold(4))
    try assay(
      "calibrate",
      "--model",
      model,
      "--data",
      gold,
      "--out",
      folder.path("card"),
      "--keep",
      "--probes",
      "none"
    ).expect(0)
    let shown = try assay("inspect", model)
    shown.expect(0)
    #expect(shown.output.contains("  card        model agrees with the gold labels in"))
  }

  @Test("calibrate refuses what does not go together")
  func refused() throws {
    let (model, gold, out) = (try folder.model(.classic), try gold(2), folder.path("card"))
    let arguments = ["calibrate", "--data", gold, "--out", out]
    try RunningCommand(arguments).result().expect(64, log: "give either --model or --generator")
    try RunningCommand(arguments + ["--records", "x", "--model", model]).result()
      .expect(64, log: "give one of --model, --generator and --records")
    try RunningCommand(arguments + ["--records", folder.path("none")]).result()
      .expect(65, log: "there is no such file of records")
    try RunningCommand(arguments + ["--model", model, "--probes", "padding,taste"]).result()
      .expect(64)
    try RunningCommand(arguments + ["--records", "x", "--keep"]).result()
      .expect(64, log: "--keep needs --model")
    try RunningCommand(arguments + ["--model", model, "--precision", "2"]).result().expect(64)
  }
}
