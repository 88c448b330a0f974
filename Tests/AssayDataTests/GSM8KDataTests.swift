import AssayData
import AssayText
import Foundation
import Testing

/// The data set of openai/grade-school-math, if it is beside the package.
private let dataFolder: URL = {
  let environment = ProcessInfo.processInfo.environment["ASSAY_DATA"]
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  let data =
    environment.map { URL(fileURLWithPath: $0) } ?? root.appendingPathComponent("../shared/data")
  return data.appendingPathComponent("gsm8k_openai")
}()

private let hasData = FileManager.default.fileExists(
  atPath: dataFolder.appendingPathComponent("train.jsonl").path
)

@Suite(.enabled(if: hasData, "gsm8k_openai is not in ../shared/data or ASSAY_DATA"))
struct GSM8KDataTests {
  static let world = Result {
    try GSM8KPairs(folder: dataFolder, seed: 0, breaksPerQuestion: 2, pairsPerTestQuestion: 2)
  }

  private func world() throws -> GSM8KPairs { try Self.world.get() }

  @Test("uses every row, and breaks most solutions")
  func counts() throws {
    let world = try world()
    let report = world.report
    // 7473 training and 1319 test questions, Cobbe et al. 2021 as released.
    #expect(report.trainQuestionCount + report.heldoutQuestionCount == 7473)
    #expect(report.testQuestionCount == 1319)
    #expect(report.leakedQuestionCount == 0)
    #expect((650...850).contains(report.heldoutQuestionCount))
    #expect(world.corpus.count == report.trainQuestionCount)
    #expect(report.obstacleCounts.values.reduce(0, +) < 900)
    let broken = Set((world.train + world.heldout).map(\.prompt)).count
    #expect(broken + report.obstacleCounts.values.reduce(0, +) == 7473)
    #expect(
      report.breakCounts.values.reduce(0, +) == world.train.count + world.heldout.count
    )
    #expect(GSM8KBreakKind.allCases.allSatisfy { report.breakCounts[$0] ?? 0 > 1000 })
  }

  @Test("no test question is in a training pair, a held-out pair or the corpus")
  func disjoint() throws {
    let world = try world()
    let test = Set(world.solutions.map(\.prompt))
    let train = Set(world.train.map(\.prompt))
    let heldout = Set(world.heldout.map(\.prompt))
    #expect(test.isDisjoint(with: train) && test.isDisjoint(with: heldout))
    #expect(train.isDisjoint(with: heldout))
    let corpus = Set(world.corpus.map { [$0[0]] })
    #expect(corpus.isDisjoint(with: test) && corpus.isDisjoint(with: heldout))
    let ids = (world.train + world.heldout + world.solutions).map(\.id)
    #expect(Set(ids).count == ids.count)
  }

  @Test("every rejected solution differs from the chosen one and comes to another answer")
  func answers() throws {
    let world = try world()
    for pair in world.train + world.heldout {
      #expect(pair.chosen != pair.rejected, "\(pair.id)")
      let (chosen, rejected) = (lastLine(pair.chosen), lastLine(pair.rejected))
      #expect(chosen != rejected, "\(pair.id)")
      #expect(chosen.hasPrefix("The answer is ") && chosen.hasSuffix("."), "\(pair.id)")
      #expect(rejected.hasPrefix("The answer is ") && rejected.hasSuffix("."), "\(pair.id)")
    }
    let texts = (world.train + world.heldout + world.solutions).flatMap {
      [$0.chosen, $0.rejected]
    }
    #expect(!texts.contains { $0.contains("<<") || $0.contains(">>") })
    #expect(!world.corpus.contains { $0[1].content.contains("<<") })
  }

  @Test("every critique's arithmetic holds, and its verdict is that of the side")
  func critiques() throws {
    let world = try world()
    for pair in world.train + world.heldout {
      let (chosen, rejected) = (pair.chosenCritique ?? "", pair.rejectedCritique ?? "")
      #expect(chosen.hasSuffix("The solution is right."), "\(pair.id)")
      #expect(rejected.hasSuffix("The solution is wrong."), "\(pair.id)")
      #expect(!chosen.contains("should be ") || !chosen.contains("but it"), "\(pair.id)")
      #expect(rejected.contains("but") || rejected.contains("missing"), "\(pair.id)")
      // Both say the answer that the response says, and the wrong one also the right answer.
      let right = lastLine(pair.chosen).dropLast()
      #expect(chosen.contains("\(right)."), "\(pair.id)")
      #expect(
        rejected.contains(
          "\(lastLine(pair.rejected).dropLast()), but it should be \(right.dropFirst(14))."
        ),
        "\(pair.id)"
      )
      #expect(isConsistent(chosen) && isConsistent(rejected), "\(pair.id): \(rejected)")
    }
    #expect(world.solutions.allSatisfy { $0.chosenCritique == nil && $0.rejectedCritique == nil })
  }

  @Test("the length of a solution says next to nothing about which side it is")
  func length() throws {
    let world = try world()
    for pairs in [world.train, world.heldout] {
      var wins = 0.0
      for pair in pairs {
        let (chosen, rejected) = (wordCount(pair.chosen), wordCount(pair.rejected))
        wins += chosen > rejected ? 1 : chosen == rejected ? 0.5 : 0
      }
      #expect(abs(wins / Double(pairs.count) - 0.5) < 0.03)
    }
  }

  @Test("without propagation the answer mostly stays")
  func unpropagated() throws {
    let world = try GSM8KPairs(
      folder: dataFolder,
      seed: 0,
      breaksPerQuestion: 1,
      pairsPerTestQuestion: 1,
      propagates: false
    )
    let same = world.heldout.filter { lastLine($0.chosen) == lastLine($0.rejected) }.count
    #expect(world.heldout.allSatisfy { $0.chosen != $0.rejected })
    #expect(same * 2 > world.heldout.count && same < world.heldout.count)
    #expect(world.solutions.count <= 1319)
  }

  private func lastLine(_ text: String) -> Substring {
    text.split(separator: "\n").last ?? ""
  }

  private func wordCount(_ text: String) -> Int { text.split { $0.isWhitespace }.count }

  /// Whether every `expression = value` of a critique holds to the value's last decimal.
  private func isConsistent(_ critique: String) -> Bool {
    let equations = critique.components(separatedBy: ": ").dropFirst()
      .flatMap { $0.components(separatedBy: " should be ") }
      .compactMap { part -> [String]? in
        let sides = part.components(separatedBy: " = ")
        guard sides.count == 2 else { return nil }
        let value = sides[1].prefix { $0.isNumber || $0 == "." || $0 == "-" }
        return [sides[0], value.hasSuffix(".") ? String(value.dropLast()) : String(value)]
      }
    return !equations.isEmpty
      && equations.allSatisfy { equation in
        guard let exact = GSM8KExpression(equation[0])?.value,
          let value = ExactNumber(equation[1]),
          let difference = exact.subtracting(value), let decimals = value.decimalCount
        else { return false }
        let tolerance = pow(10, -Double(decimals))
        let error = abs(Double(difference.numerator) / Double(difference.denominator))
        return difference.numerator == 0 || (decimals > 0 && error < tolerance)
      }
  }
}
