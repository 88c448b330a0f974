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

  @Test("votes that end where they are sure go on where they were interrupted")
  func fewerVotes() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let url = folder.appending(path: "verdicts.jsonl")
    let pairs = pairs(3)
    func run(to url: URL?, confidence: Double? = 0.9) async throws -> [PairVerdict] {
      var settings = JudgeSettings()
      (settings.votes, settings.confidence, settings.tokens) = (8, confidence, 4)
      let model = try TinyModels.make(.languageModel, contextTokens: 1024)
      let judge = try JudgeRater(try CountingPort(model), settings: settings)
      return try await Judging(pairs, of: "pairs", by: judge)
        .run(to: url, onVerdict: { _ in }, onProgress: { _, _ in })
    }
    let whole = try await run(to: nil)
    // As one pair was sure behind four judgements, and the run ended behind it.
    let orders = JudgementOrder.allCases.map { order in
      whole[0].judgements.filter { $0.order == order }.prefix(2)
    }
    let early = PairVerdict(
      id: whole[0].id,
      judgements: Array(orders.joined()),
      tokens: whole[0].tokens
    )
    try RecordLog<PairVerdict>(url).append(early)
    let resumed = try await run(to: url)
    #expect(resumed == [early] + whole.dropFirst())
    await #expect(throws: EvaluateError.self) { try await run(to: url, confidence: nil) }
  }

  @Test("a label below one half turns what a verdict says of the better response")
  func labels() {
    let judgements = [
      Judgement(order: .chosenFirst, verdict: .a), Judgement(order: .rejectedFirst, verdict: .b),
    ]
    let verdict = PairVerdict(
      id: "p",
      judgements: judgements,
      tokens: .init(prompt: 1, completion: 1)
    )
    func decided(_ label: Double?) -> PairVerdict? {
      var pair = pairs(1)[0]
      pair.probability = label
      return verdict.decided(as: pair)
    }
    #expect(decided(nil) == verdict && decided(0.8) == verdict)
    #expect(decided(0.5) == nil)
    let turned = decided(0.2)
    #expect(turned?.outcome == .loss && turned?.votes.rejected == 2 && verdict.outcome == .win)
  }
}
