import AssayEvaluate
import AssayText
import Foundation
import Testing

@Suite struct RunDifferenceTests {
  /// A benchmark of pairs in a file of its own.
  private func benchmark(_ count: Int, text: String = "good") throws -> any Benchmark {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-diff-\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: url) }
    let lines = (0..<count).map { index in
      #"{"id": "p\#(index)", "prompt": "q\#(index)", "chosen": "\#(text)", "rejected": "bad one", "#
        + #""subset": "\#(index < 20 ? "easy" : "hard")"}"#
    }
    try (lines.joined(separator: "\n") + "\n").write(to: url, atomically: true, encoding: .utf8)
    return try BenchmarkCatalogue.load("pairs", path: url.path)
  }

  private func tally(_ benchmark: some Benchmark, _ isRight: (Int) -> Bool) -> BenchmarkTally {
    RunPage.tally(
      benchmark,
      benchmark.items.enumerated().map { index, item in
        BenchmarkRecord(id: item.id, chosen: [isRight(index) ? 1 : -1], rejected: [0])
      },
      rule: nil
    )
  }

  // First right on 0..<24, second on 4..<36 of 40: only the first 4, only the second 12, McNemar
  // 2 (C(16,0) + ... + C(16,4)) / 2^16 = 2 * 2517 / 65536 = 0.076813; easy 4 against 0: 2 / 2^4 = 0.125;
  // Gains 0.3 and losses 0.1 of 39 trials, t(0.975) 2.0227 of 39: Wilson's ends are 0.1235 below and 0.1379 above,
  // correlation -sqrt(0.03 / 0.63) = -0.2182: 0.2 - sqrt(a^2 + b^2 - 2 r a b) = -0.0042.
  // hard 0 against 12: 2 / 2^12 = 0.000488, by Holm twice that.
  @Test("what changed side is counted and tested by section")
  func sections() throws {
    let benchmark = try benchmark(40)
    let difference = try RunDifference(
      "pairs",
      runs: ["a", "b"],
      tally(benchmark) { $0 < 24 },
      tally(benchmark) { (4..<36).contains($0) }
    )
    #expect(difference.sections.map(\.name) == ["overall", "easy", "hard"])
    let whole = difference.sections[0]
    #expect(whole.onlyFirst == 4 && whole.onlySecond == 12 && whole.n == 40)
    #expect(
      abs(whole.difference.value - 0.2) < 1e-12 && abs(whole.difference.ci95[0] + 0.0042) < 1e-3
    )
    #expect(abs(whole.pValue - 2.0 * 2517 / 65536) < 1e-9)
    #expect(abs(difference.sections[1].correctedPValue - 0.125) < 1e-9)
    #expect(abs(difference.sections[2].correctedPValue - 2 * 2.0 / 4096) < 1e-9)
    #expect(difference.changed.count == 16 && difference.changed.first == "p0")
    #expect(difference.table.rows[0][4].hasPrefix("+20.0 [-0.4, "))
  }

  @Test("the page holds every text as data, which cannot end its element")
  func page() throws {
    let benchmark = try benchmark(3, text: "</script><b>")
    let tallies = [tally(benchmark) { $0 < 2 }, tally(benchmark) { _ in true }]
    let runs = ["a", "b"]
    let html = try RunPage("pairs", runs: runs, tallies).html(
      RunPage.figures(benchmark, [:]),
      difference: try RunDifference("pairs", runs: runs, tallies[0], tallies[1])
    )
    #expect(!html.contains("</script><b>") && html.contains(#"\u003c\/script>\u003cb>"#))
    #expect(html.contains("only a right") && html.contains("longer response wins"))
    #expect(html.contains("b against a: +33.3 points") && !html.contains("http"))
    // Of one run there is nothing that changed.
    let alone = try RunPage("pairs", runs: ["a"], [tallies[0]])
      .html(RunPage.figures(benchmark, [:]))
    #expect(!alone.contains("changed side") && alone.contains("confident and wrong"))
  }
}
