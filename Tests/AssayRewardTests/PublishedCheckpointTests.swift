// Every published layout, in a tiny folder of its own: it loads and gives a score or a verdict, or it is
// refused by the name of what is missing.

import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct PublishedCheckpointTests {
  private let prompt = [Message.user("What is 2 + 3?")]
  private let steps = ["First, 2 is two.", "So it is 5."]

  init() { Engine.threads = 1 }

  @Test("has a place for every published checkpoint, of which nine in ten load")
  func counts() {
    let all = Published.all
    let names = all.flatMap(\.names)
    let refused = Published.refused.flatMap(\.names).count
    let loaded = Double(names.count - refused) / Double(names.count)
    print("layouts: \(all.count), checkpoints: \(names.count), of which are refused: \(refused)")
    #expect(Set(names).count == names.count)
    #expect(all.count == 66 && names.count == 145 && refused == 9)
    #expect(loaded >= 0.9)
  }

  @Test("loads or refuses each", arguments: Published.all)
  func each(published: Published) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("assay-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try TinyCheckpoint(published, to: folder)
    func load() throws -> Model {
      try Model.load(
        folder,
        choice: published.head.flatMap { HeadChoice($0) },
        question: published.question
      )
    }
    switch published.outcome {
    case .refused(let words):
      #expect { try load() } throws: { error in
        let text = "\(error)"
        return words.allSatisfy(text.contains) && !text.contains("\n")
      }
    case .scores(let words): try await scores(try load(), published, words, count: nil)
    case .parts(let count, let words): try await scores(try load(), published, words, count: count)
    case .compares(let words): try await compares(try load(), words)
    case .judges: try await judges(try load())
    }
  }

  private func scores(
    _ model: Model,
    _ published: Published,
    _ words: String,
    count: Int?
  ) async throws {
    let summary = try #require(model.head?.descriptor.summary)
    #expect(summary.contains(words), "\(summary)")
    let scorer = try ModelScorer(model)
    let inputs: [ScoringInput] = [steps, steps.reversed()].map { steps in
      let response = steps.joined(separator: "\u{43A}\u{438}\n\n") + "\u{43A}\u{438}"
      return published.template != nil || model.template.isPair
        ? .response(prompt: prompt, response: response)
        : .rendered("Human: What is 2 + 3?\nAssistant: " + response)
    }
    let together = try await scorer.score(inputs)
    #expect(together[0].value != together[1].value)
    for (input, score) in zip(inputs, together) {
      let alone = try await scorer.score([input])[0]
      #expect(abs(alone.value - score.value) < 1e-5 * max(1, abs(score.value)))
      guard let count else { continue }
      #expect((score.steps?.count ?? score.attributes?.count) == count)
    }
  }

  private func compares(_ model: Model, _ words: String) async throws {
    #expect(model.head?.descriptor.summary.contains(words) == true)
    #expect(model.manifest.kind == .pair)
    let judge = try JudgeRater(model)
    let pair = PreferencePair(id: "1", prompt: prompt, chosen: "two", rejected: "5.")
    var exchanged = pair
    (exchanged.chosen, exchanged.rejected) = (pair.rejected, pair.chosen)
    let verdicts = try await judge.judge([pair, exchanged]) { _, _ in }
    let probabilities = verdicts.compactMap(\.probability)
    try #require(probabilities.count == 2)
    // Both orders are judged, so that the exchanged pair has what is left.
    #expect(abs(probabilities[0] + probabilities[1] - 1) < 1e-6 && probabilities[0] != 0.5)
    await #expect(throws: (any Error).self) {
      let turns = [Message.user("a"), .assistant("b"), .user("c")]
      let long = PreferencePair(id: "2", prompt: turns, chosen: "x", rejected: "y")
      _ = try await judge.judge([long]) { _, _ in }
    }
  }

  private func judges(_ model: Model) async throws {
    #expect(model.head == nil && model.manifest.kind == .languageModel)
    var settings = JudgeSettings()
    (settings.votes, settings.tokens) = (2, 4)
    let judge = try JudgeRater(model, settings: settings)
    let pair = PreferencePair(id: "1", prompt: prompt, chosen: steps[0], rejected: steps[1])
    let verdict = try await judge.judge([pair]) { _, _ in }
    // One in each order; what random weights write is no verdict.
    let written = try #require(verdict.first?.judgements.map(\.text))
    #expect(written.count == 2 && written.allSatisfy { $0 != nil })
  }
}

extension Published: CustomTestStringConvertible {
  var testDescription: String { names.first ?? className }
}
