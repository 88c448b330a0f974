import AssayText

/// Demonstrates every role of a reward model on pairs that have an oracle's critiques.
///
/// For worlds without a tutor of their own. A judgement is the oracle's critique of each response
/// and the verdict. Every demonstration is a pure function of the pairs, the seed and the index.
package struct PairTutor: Sendable {
  private let pairs: [PreferencePair]
  private let prompts: RolePrompts
  private let seed: UInt64

  /// Makes a tutor.
  ///
  /// - Parameters:
  ///   - pairs: Pairs, of which those with both critiques are used.
  ///   - prompts: How the roles are asked.
  ///   - seed: Where draws start.
  /// - Precondition: At least one pair has both critiques.
  package init(_ pairs: [PreferencePair], prompts: RolePrompts, seed: UInt64) {
    self.pairs = pairs.filter { $0.chosenCritique != nil && $0.rejectedCritique != nil }
    self.prompts = prompts
    self.seed = seed
    precondition(!self.pairs.isEmpty, "no pair has both critiques")
  }

  /// Makes a demonstration.
  ///
  /// - Parameter index: Its place, from 0.
  /// - Returns: The demonstration.
  package func demonstration(_ index: Int) -> Demonstration {
    var random = PlaygroundRandom(seed: seed ^ 0x5041_4952, split: .train, index: index)
    let pair = random.pick(pairs)
    let (good, bad) = (pair.chosenCritique ?? "", pair.rejectedCritique ?? "")
    let isChosen = random.isHeads()
    let response = isChosen ? pair.chosen : pair.rejected
    let critique = isChosen ? good : bad
    let (a, b) = isChosen ? (pair.chosen, pair.rejected) : (pair.rejected, pair.chosen)
    let verdict: Verdict = isChosen ? .a : .b
    let judgement = "A : \(isChosen ? good : bad) B : \(isChosen ? bad : good) \(verdict.mark)"
    func conversation(_ role: TutorRole, _ turns: [Message], _ text: String) -> Demonstration {
      .conversation(role: role, turns + [.assistant(text)])
    }
    switch random.below(100) {
    case ..<15: return conversation(.answer, pair.prompt, pair.chosen)
    case ..<40:
      let score = random.integer(isChosen ? 7...10 : 1...4)
      return .critique(
        role: .critic,
        prompt: pair.prompt,
        response: response,
        critique: prompts.stating(.init(critique: critique, score: score)),
        leadIn: prompts.scoredCritiqueLeadIn
      )
    case ..<65:
      let asked = prompts.judge(prompt: pair.prompt, a: a, b: b, task: .chain)
      return conversation(.judge, asked, judgement)
    case ..<70:
      let asked = prompts.judge(prompt: pair.prompt, a: a, b: b, task: .token)
      return conversation(.letter, asked, verdict.rawValue)
    case ..<80:
      let asked = prompts.rationale(prompt: pair.prompt, a: a, b: b, better: verdict)
      return conversation(.rationale, asked, judgement)
    case ..<90:
      let isFitting = random.isHeads()
      let asked = prompts.rating(
        prompt: pair.prompt,
        response: response,
        critique: isFitting == isChosen ? good : bad
      )
      return conversation(.rating, asked, "\(random.integer(isFitting ? 8...10 : 1...3))")
    case ..<95:
      let copies = [String](repeating: critique, count: random.integer(2...3))
      let asked = prompts.merging(prompt: pair.prompt, response: response, critiques: copies)
      return conversation(.merging, asked, critique)
    default:
      let asked = prompts.revision(
        prompt: pair.prompt,
        response: response,
        critique: random.isHeads() ? critique : nil
      )
      return conversation(.revision, asked, pair.chosen)
    }
  }
}
