import AssayEvaluate
import Foundation
import Testing

/// Where the development data are: `ASSAY_DATA`, or beside the package.
private let data =
  ProcessInfo.processInfo.environment["ASSAY_DATA"].map { URL(fileURLWithPath: $0) }
  ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/data")

private func path(_ name: String) -> String { data.appendingPathComponent(name).path }

private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

private func counts(_ items: [BenchmarkItem], _ name: (BenchmarkItem) -> String) -> [String: Int] {
  items.reduce(into: [:]) { $0[name($1), default: 0] += 1 }
}

/// Results where the chosen response of every item is scored higher, or as high.
private func results(_ benchmark: any Benchmark, _ score: Double) throws -> BenchmarkResults {
  try benchmark.results(
    benchmark.items.map { item in
      BenchmarkRecord(
        id: item.id,
        chosen: item.chosen.map { _ in score },
        rejected: item.rejected.map { _ in 0 }
      )
    }
  )
}

@Suite struct BenchmarkDataTests {
  @Test("LLMBar has 419 pairs in five subsets", .enabled(if: exists("llmbar"), "no llmbar data"))
  func llmbar() throws {
    let benchmark = try BenchmarkCatalogue.load("llmbar", path: path("llmbar"))
    #expect(
      counts(benchmark.items, \.subset)
        == ["Natural": 100, "Neighbor": 134, "GPTInst": 92, "GPTOut": 47, "Manual": 46]
    )
    let sections = try results(benchmark, 1).sections
    #expect(sections["overall"]?.accuracy == 1)
    #expect(sections["overall"]?.n == 419)
    #expect(sections["Adversarial"]?.n == 319)
    #expect(try results(benchmark, 0).sections["overall"]?.accuracy == 0)
    let single = try BenchmarkCatalogue.load(
      "llmbar",
      path: path("llmbar/LLMBar__Adversarial__Manual.json")
    )
    #expect(single.items.map(\.id) == (0..<46).map(String.init))
  }

  @Test(
    "JudgeBench has 350 pairs in four sections",
    .enabled(if: exists("judgebench"), "no judgebench data")
  )
  func judgeBench() throws {
    let benchmark = try BenchmarkCatalogue.load("judgebench", path: path("judgebench/gpt-4o.jsonl"))
    #expect(
      counts(benchmark.items, \.section)
        == ["Knowledge": 154, "Reasoning": 98, "Math": 56, "Coding": 42]
    )
    #expect(benchmark.items.count(where: \.isChosenFirst) == 193)
    #expect(benchmark.items[0].id == "e302b0a0-28d5-5a3c-b1af-fedcf5543e72")
    // Always A in the first order and always B in the second is A throughout.
    let sections = try benchmark.results(
      benchmark.items.map {
        let verdict: BenchmarkVerdict = $0.isChosenFirst ? .chosen : .rejected
        return BenchmarkRecord(id: $0.id, content: .verdicts([verdict, verdict]))
      }
    ).sections
    #expect(isClose(sections["overall"]?.accuracy, 193.0 / 350))
    #expect(sections["mmlu-pro-law"]?.n == 11)
  }

  @Test("RM-Bench's chat has 129 items", .enabled(if: exists("rm_bench"), "no rm_bench data"))
  func rmBench() throws {
    let benchmark = try BenchmarkCatalogue.load(
      "rm-bench",
      path: path("rm_bench/chat_filtered.json")
    )
    #expect(benchmark.items.count == 129)
    #expect(benchmark.items[0].id == "8")
    let found = try results(benchmark, 1)
    let (overall, chat) = (found.sections["overall"], found.sections["Chat"])
    #expect(overall?.accuracy == chat?.accuracy && overall?.n == 129 && chat?.n == 129)
    // The other domains are missing.
    #expect(overall?.isPartial == true && chat?.isPartial == nil)
    #expect(found.sections["hard"]?.accuracy == 1)
    #expect(found.notes.count == 1)
  }

  @Test(
    "PandaLM has 999 items, 105 of them ties",
    .enabled(if: exists("pandalm"), "no pandalm data")
  )
  func pandaLM() throws {
    let benchmark = try BenchmarkCatalogue.load("pandalm", path: path("pandalm"))
    #expect(benchmark.items.count == 999)
    // The answer True is a truth value in the file.
    #expect(benchmark.items[157].chosen == ["True"])
    // 85 with three votes for a tie, 13 and 7 with two.
    #expect(benchmark.items.count(where: \.isTie) == 105)
    #expect(isClose(try results(benchmark, 0).sections["overall"]?.accuracy, 105.0 / 999))
  }

  @Test(
    "the rebuilt part of RewardBench has the published counts",
    .enabled(if: exists("rewardbench_rebuilt12"), "no rewardbench_rebuilt12 data")
  )
  func rewardBench() throws {
    let benchmark = try BenchmarkCatalogue.load(
      "rewardbench",
      path: path("rewardbench_rebuilt12/pairs.jsonl")
    )
    #expect(benchmark.items.count == 1539)
    #expect(
      counts(benchmark.items, \.section) == ["Chat Hard": 419, "Reasoning": 984, "Safety": 136]
    )
    let found = try results(benchmark, 1)
    #expect(isClose(found.sections["overall"]?.accuracy, 1))
    #expect(found.sections["Reasoning (flat)"]?.n == 984)
    #expect(found.notes.count == 4)
  }

  @Test(
    "Auto-J's training file is refused by name",
    .enabled(if: exists("auto_j"), "no auto_j data")
  )
  func autoJ() throws {
    #expect(
      sentence { _ = try BenchmarkCatalogue.load("auto-j", path: path("auto_j")) }
        .hasSuffix("single_traindata.jsonl:1: the key 'response 1' is missing.")
    )
  }
}
