import AssayData
import AssayGenerate
import AssayText
import Foundation

/// Judges with a model at an endpoint: by a rationale and a verdict, or by the letter alone.
///
/// Both orders are always judged. An unparseable verdict is missing, never half a point. What a
/// reasoning model writes in `<think>...</think>` is kept and not read.
package struct RemoteJudge: Judge {
  let generator: any ChatGenerator
  /// How it reads and writes; without a model's own logits, `aggregation` is always `votes`.
  package let settings: JudgeSettings
  /// What it writes.
  package let task: RolePrompts.JudgeTask
  /// How it is asked.
  package let prompts: RolePrompts

  /// Alternatives of the first token that a judge of letters is asked for: the most that all servers
  /// give.
  private static let alternatives = 5
  /// Tokens of a letter, with room for what a template puts around it.
  private static let letterTokens = 8

  /// Makes a judge.
  ///
  /// - Parameters:
  ///   - generator: What writes judgements.
  ///   - settings: How it reads and writes.
  package init(_ generator: any ChatGenerator, settings: JudgeSettings = JudgeSettings()) {
    self.generator = generator
    self.settings = settings
    task = settings.task ?? .chain
    prompts = settings.prompts ?? .english
  }

  /// Most tokens of a judgement.
  package var judgementTokens: Int {
    settings.tokens ?? (task == .chain ? 1024 : Self.letterTokens)
  }

  /// Judgements of each order.
  private var draws: Int { task == .chain ? (settings.votes + 1) / 2 : 1 }

  private func requests(_ pair: PreferencePair) -> [ChatRequest] {
    var chat = ChatSettings()
    chat.topP = settings.topP
    chat.maximumTokens = judgementTokens
    switch task {
    case .chain:
      chat.temperature = settings.temperature ?? (settings.votes <= 2 ? 0 : 1)
    case .token:
      chat.topP = 1
      chat.alternatives = Self.alternatives
    }
    return JudgementOrder.allCases.flatMap { order in
      let messages = prompts.judge(pair, order, task: task)
      return (0..<draws).map {
        ChatRequest(messages: messages, settings: chat, seed: settings.seed, draw: $0)
      }
    }
  }

  /// Judges pairs; see `Judge`.
  ///
  /// - Parameters:
  ///   - pairs: What to judge.
  ///   - onJudged: Called with the index and verdict of each pair once it is known.
  /// - Returns: One verdict a pair, in their order.
  /// - Throws: What the generator throws.
  package nonisolated(nonsending) func judge(
    _ pairs: [PreferencePair],
    onJudged: (Int, PairVerdict) throws -> Void
  ) async throws -> [PairVerdict] {
    let count = 2 * draws
    var verdicts: [PairVerdict] = []
    var own: [ChatCompletion] = []
    _ = try await generator.complete(pairs.flatMap(requests)) { index, completion in
      own.append(completion)
      guard own.count == count else { return }
      let verdict = verdict(of: pairs[index / count], own)
      own = []
      verdicts.append(verdict)
      try onJudged(index / count, verdict)
    }
    return verdicts
  }

  private func verdict(of pair: PreferencePair, _ written: [ChatCompletion]) -> PairVerdict {
    let judgements = written.enumerated().map { place, completion in
      let probability = task == .token ? Self.probability(completion.firstAlternatives) : nil
      let read =
        completion.isCut && task == .chain
        ? nil : RolePrompts.verdict(in: completion.answer, task: task)
      return Judgement(
        order: place < draws ? .chosenFirst : .rejectedFirst,
        text: completion.text,
        verdict: probability.map { $0 == 0.5 ? nil : $0 > 0.5 ? .a : .b } ?? read,
        probability: probability,
        finishReason: completion.finishReason
      )
    }
    let usages = written.map(\.usage)
    return PairVerdict(
      id: pair.id,
      judgements: judgements,
      tokens: .init(
        // A prompt counts once for all draws of its order.
        prompt: [usages[0], usages[draws]].map { $0?.promptTokens ?? 0 }.reduce(0, +),
        completion: usages.map { $0?.completionTokens ?? 0 }.reduce(0, +)
      )
    )
  }

  /// The probability of A among the two letters.
  ///
  /// A letter that is not among the alternatives is less likely than each of them, and than what they
  /// leave; the lower of these bounds stands for it, which is cautious.
  ///
  /// - Parameter alternatives: Log probabilities of first tokens.
  /// - Returns: `nil` where neither letter is among them.
  static func probability(_ alternatives: [String: Double]) -> Double? {
    var values: [Verdict: Double] = [:]
    for (token, logarithm) in alternatives {
      let letter = token.trimmingCharacters(in: .whitespaces)
      guard let verdict = Verdict(rawValue: letter) else { continue }
      values[verdict, default: 0] += exp(logarithm)
    }
    let listed = alternatives.values.map { exp($0) }
    let bound = max(0, min(listed.min() ?? 0, 1 - listed.reduce(0, +)))
    guard !values.isEmpty else { return nil }
    let (a, b) = (values[.a] ?? bound, values[.b] ?? bound)
    return a + b > 0 ? a / (a + b) : nil
  }
}
