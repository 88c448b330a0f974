import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayTestSupport
import AssayText
import Foundation
import Testing

/// A model whose reading tells how much was asked for together: the letters' likelihoods depend on it.
private final class CountingPort: ModelPort {
  private let local: LocalPort
  private(set) var asked: [Int] = []

  init(_ model: Model) throws { local = try LocalPort(model) }

  var text: ModelText { local.text }

  nonisolated(nonsending) func texts(
    _ requests: [GenerationRequest],
    onFinished: (Int, Generation) throws -> Void
  ) async throws -> [Generation] {
    asked.append(requests.count)
    return try await local.texts(requests, onFinished: onFinished)
  }

  nonisolated(nonsending) func values(
    _ passes: [ModelPass],
    _ reading: ModelPass.Reading,
    onRead: (Int, PassValue) throws -> Void
  ) async throws -> [PassValue] {
    asked.append(passes.count)
    return try await local.values(passes, reading, onRead: onRead)
  }
}

@Suite struct JudgingTests {
  private func pairs(_ count: Int) -> [PreferencePair] {
    (0..<count).map { index in
      PreferencePair(
        id: "p\(index)",
        prompt: [Message(role: "user", content: "how many?")],
        chosen: "\(index)",
        rejected: "none"
      )
    }
  }

  @Test("letters behind an interruption are read beside those that they were read beside before")
  func stretches() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let url = folder.appending(path: "verdicts.jsonl")
    let pairs = pairs(70)
    func run() async throws -> [Int] {
      let port = try CountingPort(try TinyModels.make(.languageModel, contextTokens: 512))
      var settings = JudgeSettings()
      settings.task = .token
      settings.letterMass = 0
      let judge = try JudgeRater(port, settings: settings)
      _ = try await Judging(pairs, of: "pairs", by: judge)
        .run(to: url, onVerdict: { _ in }, onProgress: { _, _ in })
      return port.asked
    }
    // 64 pairs, and 6, in both orders.
    let whole = try await run()
    #expect(whole.reduce(0, +) == 140)
    let bytes = try Data(contentsOf: url)
    var lines = bytes.split(separator: UInt8(ascii: "\n"))
    #expect(lines.count == 70)
    // Cut in the second stretch: what was read beside the first three is read with all six.
    lines.removeLast(3)
    try Data(lines.joined(separator: [UInt8(ascii: "\n")]) + [UInt8(ascii: "\n")]).write(to: url)
    let again = try await run()
    #expect(again.reduce(0, +) == 12)
    #expect(try Data(contentsOf: url) == bytes)
  }
}
