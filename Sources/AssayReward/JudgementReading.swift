import AssayData
import AssayGenerate
import AssayModel
import AssayText
import Foundation

/// What a judge is asked about a pair, and the verdict that comes of what it writes.
///
/// It needs no weights: a model here, one at an endpoint and one behind a server are asked alike and
/// read alike. Both orders are always judged. Whoever reads a model here also reads its letters behind
/// judgements that were cut short, see `JudgeRater`; other verdicts that cannot be read are missing.
package struct JudgementReading: Sendable {
  /// How the judge reads and writes.
  package let settings: JudgeSettings
  /// What it writes.
  package let task: RolePrompts.JudgeTask
  /// How it is asked.
  package let prompts: RolePrompts
  /// The least probability of both letters together at which a letter is a verdict.
  package let letterMass: Double
  /// Which of the draws are asked for; `nil` asks for all.
  var part: Range<Int>?
  /// What a judgement may be; `nil` allows all.
  private let grammar: Grammar?

  /// Alternatives of the first token that a judge of letters is asked for: the most that all servers
  /// give.
  private static let alternatives = 5
  /// The letters' mass below which nothing is read of a model that was not trained to write one.
  private static let usualLetterMass = 0.25
  /// Tokens of a letter, with room for what a template puts around it.
  static let letterTokens = 8

  /// Makes one.
  ///
  /// - Parameters:
  ///   - settings: How the judge reads and writes.
  ///   - manifest: What the model was trained for: a judge, a pair model, or a language model, which
  ///     judges untrained; `nil` of an endpoint's.
  ///   - renderer: What renders its conversations: where the template takes no system turn, the judge's opens
  ///     the user's.
  /// - Throws: `RewardError.noJudge` where the model gives no verdicts.
  package init(
    _ settings: JudgeSettings,
    manifest: ModelManifest? = nil,
    renderer: SequenceRenderer? = nil
  ) throws {
    if let kind = manifest?.kind, !kind.judges { throw RewardError.noJudge(kind: kind.rawValue) }
    self.settings = settings
    let own = manifest?.judge
    task = manifest?.kind == .pair ? .token : settings.task ?? own?.task ?? .chain
    let asked = settings.prompts ?? own?.prompts ?? .english
    prompts = renderer?.takesSystem == false ? asked.withoutSystem(task) : asked
    let isTrained = manifest?.kind == .pair || own?.task == .token
    letterMass = settings.letterMass ?? (isTrained ? 0 : Self.usualLetterMass)
    switch (settings.verdicts, task) {
    case (.free, _): grammar = nil
    case (.enforced, .chain): grammar = try .verdict()
    case (.enforced, .token): grammar = try .letter()
    }
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
    writing.grammar = grammar
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
        draws: part?.count ?? draws,
        firstDraw: part?.lowerBound ?? 0
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
    let letters =
      task == .token
      ? Self.letters(written.firstAlternatives) : Self.letters(written.generation)
    // Behind enforced reasons the letter was decided in the same pass: nothing is read again.
    let counts = task == .token || settings.aggregation == .likelihood
    let isRead = task == .chain || isRead(letters)
    let probability = counts && isRead ? letters?.probability : nil
    return Judgement(
      order: order,
      text: written.text,
      verdict: isRead ? verdict(written, probability) : nil,
      probability: probability,
      finishReason: written.finishReason,
      letters: letters
    )
  }

  /// Whether the letters have so much of the probability that one of them is a verdict.
  func isRead(_ letters: LetterReading?) -> Bool { (letters?.mass ?? 1) >= letterMass }

  /// What a judgement comes to: by the letter's probability where that is known, else as stated.
  private func verdict(_ written: Written, _ probability: Double?) -> Verdict? {
    guard task == .token, let probability else { return stated(written) }
    return probability == 0.5 ? nil : probability > 0.5 ? .a : .b
  }

  /// The verdict that a text states.
  private func stated(_ written: Written) -> Verdict? {
    if written.finishReason.isCut, task == .chain { return nil }
    // What the grammar let be written here ends with its verdict, whatever stands before it.
    let isHeld = grammar != nil && written.generation != nil
    return RolePrompts.verdict(in: isHeld ? written.text : written.answer)
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

  /// What the model gave the letters where a grammar let it decide.
  private static func letters(_ generation: Generation?) -> LetterReading? {
    let decision = generation?.decision ?? [:]
    return LetterReading(
      a: decision[Verdict.a.rawValue] ?? 0,
      b: decision[Verdict.b.rawValue] ?? 0
    )
  }

  /// The probability of A among the two letters, and that of both together.
  ///
  /// A letter that is not among the alternatives is less likely than each of them, and than what they
  /// leave; the lower of these bounds stands for it, which is cautious.
  ///
  /// - Parameter alternatives: Log probabilities of what the token that is the answer could have been.
  /// - Returns: `nil` where neither letter is among them.
  static func letters(_ alternatives: [String: Double]) -> LetterReading? {
    var values: [Verdict: Double] = [:]
    // In order, so that sums are the same every time.
    for (token, logarithm) in alternatives.sorted(by: { $0.key < $1.key }) {
      let letter = token.trimmingCharacters(in: .whitespaces)
      guard let verdict = Verdict(rawValue: letter) else { continue }
      values[verdict, default: 0] += exp(logarithm)
    }
    let listed = alternatives.values.sorted().map { exp($0) }
    let bound = max(0, min(listed.min() ?? 0, 1 - listed.reduce(0, +)))
    guard !values.isEmpty else { return nil }
    return LetterReading(a: values[.a] ?? bound, b: values[.b] ?? bound)
  }
}
