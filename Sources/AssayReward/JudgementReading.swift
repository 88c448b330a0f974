import AssayData
import AssayGenerate
import AssayModel
import AssayText
import Foundation

/// What a judge is asked about a pair, and the verdict that comes of what it writes.
///
/// It needs no weights: a model here, one at an endpoint and one behind a server are asked alike and
/// read alike. Both orders are always judged; an unparseable verdict is missing, never half a point.
package struct JudgementReading: Sendable {
  /// How the judge reads and writes.
  package let settings: JudgeSettings
  /// What it writes.
  package let task: RolePrompts.JudgeTask
  /// How it is asked.
  package let prompts: RolePrompts

  /// Alternatives of the first token that a judge of letters is asked for: the most that all servers
  /// give.
  private static let alternatives = 5
  /// Tokens of a letter, with room for what a template puts around it.
  static let letterTokens = 8

  /// Makes one.
  ///
  /// - Parameters:
  ///   - settings: How the judge reads and writes.
  ///   - manifest: What the model was trained for: a judge, a pair model, or a language model, which
  ///     judges untrained; `nil` of an endpoint's.
  /// - Throws: `RewardError.noJudge` where the model gives no verdicts.
  package init(_ settings: JudgeSettings, manifest: ModelManifest? = nil) throws {
    if let kind = manifest?.kind, !kind.judges { throw RewardError.noJudge(kind: kind.rawValue) }
    self.settings = settings
    let own = manifest?.judge
    task = manifest?.kind == .pair ? .token : settings.task ?? own?.task ?? .chain
    prompts = settings.prompts ?? own?.prompts ?? .english
  }

  /// Judgements of each order: one of letters, which are not drawn.
  package var draws: Int { task == .chain ? (settings.votes + 1) / 2 : 1 }
  /// Temperature of rationales.
  package var temperature: Float { settings.temperature ?? (settings.votes <= 2 ? 0 : 1) }

  /// What a writer is asked about a pair.
  ///
  /// - Parameters:
  ///   - pair: The pair.
  ///   - tokens: Most tokens of a judgement.
  /// - Returns: A request for each order, that with chosen first before the other.
  package func requests(_ pair: PreferencePair, tokens: Int) -> [WritingRequest] {
    var writing = WritingSettings()
    writing.maximumTokens = tokens
    switch task {
    case .chain:
      writing.temperature = temperature
      writing.topP = settings.topP
    case .token: writing.alternatives = Self.alternatives
    }
    return JudgementOrder.allCases.map { order in
      WritingRequest(
        .conversation(prompts.judge(pair, order, task: task)),
        settings: writing,
        seed: settings.seed,
        draws: draws
      )
    }
  }

  /// Reads what was written for the requests of a pair.
  package func judgements(_ written: [[Written]]) -> [Judgement] {
    zip(JudgementOrder.allCases, written).flatMap { order, texts in
      texts.map { judgement($0, order) }
    }
  }

  private func judgement(_ written: Written, _ order: JudgementOrder) -> Judgement {
    let probability = task == .token ? Self.probability(written.firstAlternatives) : nil
    let isCut = written.finishReason.isCut && task == .chain
    let read = isCut ? nil : RolePrompts.verdict(in: written.answer, task: task)
    return Judgement(
      order: order,
      text: written.text,
      verdict: probability.map { $0 == 0.5 ? nil : $0 > 0.5 ? .a : .b } ?? read,
      probability: probability,
      finishReason: written.finishReason
    )
  }

  /// The verdict of judgements.
  ///
  /// - Parameters:
  ///   - id: The pair's id.
  ///   - judgements: As `judgements` gave them.
  ///   - written: What they were read from; a prompt counts once for all draws of its order.
  /// - Returns: The verdict.
  package func verdict(
    _ id: String,
    _ judgements: [Judgement],
    of written: [[Written]]
  ) -> PairVerdict {
    let counts = written.map { $0.map { $0.usage ?? TokenCount(prompt: 0, completion: 0) } }
    return PairVerdict(
      id: id,
      judgements: judgements,
      tokens: TokenCount(
        prompt: counts.compactMap(\.first?.prompt).reduce(0, +),
        completion: counts.joined().map(\.completion).reduce(0, +)
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
