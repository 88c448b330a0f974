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
}
