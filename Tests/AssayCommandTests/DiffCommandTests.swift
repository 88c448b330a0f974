import AssayModel
import Foundation
import Testing

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct DiffCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  @Test("eval writes a page with its items, and diff says what changed side")
  func pages() throws {
    let rows = (0..<8).map { index in
      #"{"id": "p\#(index)", "prompt": "How many?", "chosen": "\#(index) apples", "#
        + #""rejected": "She has \#(index + 1) left."}"#
    }
    let data = try folder.write(rows.joined(separator: "\n") + "\n", "pairs.jsonl")
    for kind in [ModelKind.classic, .pair] {
      let model = try folder.model(kind, kind.rawValue, contextTokens: 256)
      try assay(
        "eval",
        "--model",
        model,
        "--benchmark",
        "pairs=\(data)",
        "--out",
        folder.path("run-\(kind.rawValue)")
      ).expect(0)
    }
    let runs = [folder.path("run-classic"), folder.path("run-pair")]
    let page = try String(contentsOfFile: runs[0] + "/report-pairs.html", encoding: .utf8)
    #expect(page.contains("classic on pairs") && page.contains(#""id":"p7""#))
    let out = folder.path("diff")
    let arguments = ["diff"] + runs + ["--benchmark", "pairs=\(data)"]
    let result = try RunningCommand(arguments + ["--out", out]).result()
    result.expect(0)
    #expect(result.output.contains("run-classic") && result.output.contains("items changed side"))
    let html = try String(contentsOfFile: out + "/diff-pairs.html", encoding: .utf8)
    #expect(html.contains("run-pair against run-classic"))
    let json = try RunningCommand(arguments + ["--json"]).result().output
    let found = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]]
    #expect(found?.first?["runs"] as? [String] == ["run-classic", "run-pair"])
    try assay("diff", runs[0], folder.path("none"), "--benchmark", "pairs=\(data)").expect(66)
    try assay("diff", runs[0], runs[1]).expect(64)
    // Records of other items.
    let other = try folder.write(rows[0] + "\n", "other.jsonl")
    try assay("diff", runs[0], runs[1], "--benchmark", "pairs=\(other)")
      .expect(65, log: "lines have an id that no item has")
  }

  @Test("what was recorded is counted again in every form, beside baselines and training prompts")
  func forms() throws {
    let rows = (0..<6).map {
      #"{"id": "p\#($0)", "prompt": "How many, \#($0)?", "chosen": "\#($0) apples", "rejected": "none"}"#
    }
    let data = try folder.write(rows.joined(separator: "\n") + "\n", "pairs.jsonl")
    let scores = rows.indices.map { index in
      #"{"id": "p\#(index)", "chosen": \#(index - 1), "rejected": 0, "texts": [{"of": 0, "text": "#
        + #""It has 2 + 2 = \#(4 + index % 2)."}]}"#
    }
    let recorded = try folder.write(scores.joined(separator: "\n") + "\n", "recorded.jsonl")
    let train = try folder.write(rows[0] + "\n", "train.jsonl")
    let arguments = [
      "eval", "--scores", recorded, "--benchmark", "pairs=\(data)", "--train", train,
    ]
    func output(_ more: [String]) throws -> String {
      let result = try RunningCommand(arguments + more).result()
      result.expect(0)
      return result.output
    }
    // Right are 2 to 5, of 6, and 1 is a tie; without the first, which is learnt from, 4.5 of 5.
    #expect(try output(["--format", "csv"]).contains("recorded,pairs,overall,0.75,"))
    let text = try output([])
    for part in [
      "1 prompts are training prompts and 0 are near to them", "without them 90.0 %",
      "longer wins 100.0 %", "equations that are right: 50.0 %",
    ] { #expect(text.contains(part), "\(part)") }
    #expect(try output(["--format", "markdown"]).contains("| split | section | recorded | n |"))
    let page = try output(["--format", "html"])
    #expect(page.contains("<mark") || page.contains(#""d":[0,"#))
    #expect(page.contains("training prompts") && page.contains("Most informative items"))
    #expect(try output(["--json"]) == output(["--format", "json"]))
    try RunningCommand(arguments + ["--json", "--format", "csv"]).result().expect(64)
    let runs = ["diff", recorded, recorded, recorded, "--benchmark", "pairs=\(data)"]
    let agreement = try RunningCommand(runs).result()
    agreement.expect(0)
    // p0 and p1 have margins of -1 and 0.
    #expect(
      agreement.output.contains("run 1") && agreement.output.contains("2 of 6 items no run has")
    )
    try RunningCommand(runs + ["--format", "html"]).result().expect(64)
  }
}
