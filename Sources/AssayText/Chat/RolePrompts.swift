import Foundation

/// How a language model is asked to criticize, compare, explain, rate, merge and revise.
///
/// The wording is data, so that a model is asked in use exactly what it was asked in training. Three
/// sets come with Assay: `english` for instruction-tuned models, `playground` for small ones,
/// `pair-preference` for RLHFlow's.
package struct RolePrompts: Codable, Hashable, Sendable {
  /// What a judge is to write.
  package enum JudgeTask: String, Codable, Hashable, Sendable, CaseIterable {
    /// A rationale, then the verdict as `[[A]]` or `[[B]]`.
    case chain
    /// The letter alone.
    case token
  }

  /// What the set is called in recipes and manifests.
  package var name: String
  /// The judge's system turn for a rationale; empty where there is none.
  package var chainSystem: String
  /// The judge's system turn for the letter alone; empty where there is none.
  package var tokenSystem: String
  /// The judge's user turn, with `{prompt}`, `{a}` and `{b}`.
  package var comparison: String
  /// What ends the judge's user turn and asks for a rationale and a verdict.
  package var chainQuestion: String
  /// What ends the judge's user turn and asks for the letter alone.
  package var tokenQuestion: String
  /// What ends the user turn of whoever is told the better one, `{verdict}`, and asked why.
  package var rationaleQuestion: String
  /// What opens a critique, in the user's voice.
  package var critiqueLeadIn: String
  /// What opens a critique that ends with a stated score.
  package var scoredCritiqueLeadIn: String
  /// What stands between a critique and its stated score.
  package var scoreMark: String
  /// The turn that asks for the quality of `{critique}`, from 1 to 10.
  package var rating: String
  /// One critique, `{critique}`, of those to merge; `{number}` counts from 1.
  package var mergedItem: String
  /// The turn that asks for one critique of the `{critiques}`.
  package var merging: String
  /// The turn that asks for a better response, given a `{critique}`.
  package var guidedRevision: String
  /// The turn that asks for a better response, without critique.
  package var revision: String

  /// The short wording that the Playground's models are taught.
  package static let playground = RolePrompts(
    name: "playground",
    chainSystem: "",
    tokenSystem: "",
    comparison: "question : {prompt} answer A : {a} answer B : {b}",
    chainQuestion: " which is better ?",
    tokenQuestion: " name the better one.",
    rationaleQuestion: " {verdict} is better. why ?",
    critiqueLeadIn: "critique :",
    scoredCritiqueLeadIn: "critique with a score :",
    scoreMark: " score : ",
    rating: "critique : {critique} how good is this critique, from 1 to 10 ?",
    mergedItem: "critique {number} : {critique} ",
    merging: "{critiques}write one critique of these.",
    guidedRevision: "critique : {critique} answer again.",
    revision: "answer again."
  )

  /// Wording for instruction-tuned models of any family.
  package static let english = RolePrompts(
    name: "english",
    chainSystem: "You compare two answers of AI assistants to a user's question and decide which "
      + "one serves the user better. Weigh whether an answer does what was asked, whether it is "
      + "correct, how useful, deep and detailed it is. Neither the order of the answers, nor "
      + "their length, nor what the assistants are called may matter. Explain your comparison in "
      + "a few sentences first. Then give the verdict on a line of its own: [[A]] if A is "
      + "better, [[B]] if B is better. There are no ties.",
    tokenSystem: "You compare two answers of AI assistants to a user's question and decide which "
      + "one serves the user better: which does what was asked, and is correct and useful. Reply "
      + "with a single letter and nothing else: A if answer A is better, B if answer B is better.",
    comparison: "[Question]\n{prompt}\n\n[Answer A]\n{a}\n[End of answer A]\n\n[Answer "
      + "B]\n{b}\n[End of answer B]",
    chainQuestion: "",
    tokenQuestion: "",
    rationaleQuestion: "\n\nAnswer {verdict} is better than the other one. Explain step by step "
      + "why, as if nobody had told you, and end with the verdict [[{verdict}]].",
    critiqueLeadIn: "How correct and useful is this answer? My analysis: ",
    scoredCritiqueLeadIn: "What is good, what is wrong and what is missing in this answer? After "
      + "the analysis follows a line \"Score: N\", where N is a whole number from 1, useless, to "
      + "10, perfect. My analysis: ",
    scoreMark: "\nScore: ",
    rating: "Here is a critique of your answer:\n\n{critique}\n\nHow good is the critique: are "
      + "its statements true, specific and complete? Reply with a whole number from 1 to 10 only.",
    mergedItem: "Critique {number}:\n{critique}\n\n",
    merging: "Here are several critiques of your answer.\n\n{critiques}Write one critique that "
      + "keeps what is true and important in them and drops what is not. Reply with the critique "
      + "only.",
    guidedRevision: "Here is a critique of your answer:\n\n{critique}\n\nAnswer my question "
      + "again, and mend what the critique rightly finds wrong. Reply with the answer only.",
    revision: "Look for mistakes in your answer and answer my question again. Reply with the "
      + "answer only."
  )

  /// How RLHFlow's pair-preference models were trained to compare two answers by a letter; the rest is
  /// `english`'s.
  ///
  /// Source: github.com/RLHFlow/RLHF-Reward-Modeling `pair-pm`; their template of the context rendered for
  /// a prompt of one turn.
  package static let pairPreference = {
    var prompts = english
    prompts.name = "pair-preference"
    (prompts.chainSystem, prompts.tokenSystem) = ("", "")
    prompts.comparison =
      "[CONTEXT] \n\n<turn> user\n {prompt}\n [RESPONSE A] {a} [RESPONSE B] {b} \n"
    return prompts
  }()

  /// The sets that come with Assay.
  package static let known = [playground, english, pairPreference]

  /// Whether models that are asked so were taught to go on behind the lead-in of critiques, in the user's
  /// turn; chat models are asked, and answer.
  package var opensCritiques: Bool { name == Self.playground.name }

  /// Finds a set by its name.
  package static func named(_ name: String) -> RolePrompts? { known.first { $0.name == name } }
}

/// Which of two responses a judge prefers.
package enum Verdict: String, Codable, Hashable, Sendable, CaseIterable {
  /// The first.
  case a = "A"
  /// The second.
  case b = "B"

  /// The verdict with the two responses exchanged.
  package var exchanged: Verdict { self == .a ? .b : .a }
  /// How a judgement states it.
  package var mark: String { "[[\(rawValue)]]" }
}

extension RolePrompts {
  /// The conversation that asks a judge which response is better.
  ///
  /// - Parameters:
  ///   - prompt: The conversation that was answered.
  ///   - a: The response shown first.
  ///   - b: The response shown second.
  ///   - task: What the judge is to write.
  /// - Returns: Turns that a judgement follows, as the assistant's.
  package func judge(prompt: [Message], a: String, b: String, task: JudgeTask) -> [Message] {
    let question = task == .chain ? chainQuestion : tokenQuestion
    let system = task == .chain ? chainSystem : tokenSystem
    return (system.isEmpty ? [] : [.system(system)])
      + [.user(compared(prompt, a, b) + question)]
  }

  /// The wording for a template that takes no system turn: the judge's opens the user's turn.
  ///
  /// - Parameter task: What the judge is to write.
  /// - Returns: The wording.
  package func withoutSystem(_ task: JudgeTask) -> RolePrompts {
    var prompts = self
    let system = task == .chain ? chainSystem : tokenSystem
    if !system.isEmpty { prompts.comparison = system + "\n\n" + comparison }
    (prompts.chainSystem, prompts.tokenSystem) = ("", "")
    return prompts
  }

  /// The conversation that tells which response is better and asks why.
  package func rationale(prompt: [Message], a: String, b: String, better: Verdict) -> [Message] {
    let question = filled(rationaleQuestion, ["verdict": better.rawValue])
    return (chainSystem.isEmpty ? [] : [.system(chainSystem)])
      + [.user(compared(prompt, a, b) + question)]
  }

  /// The conversation that asks for the quality of a critique, a number from 1 to 10.
  package func rating(prompt: [Message], response: String, critique: String) -> [Message] {
    prompt + [.assistant(response), .user(filled(rating, ["critique": critique.trimmed]))]
  }

  /// The conversation that asks for one critique of several.
  package func merging(prompt: [Message], response: String, critiques: [String]) -> [Message] {
    let items = critiques.enumerated().map {
      filled(mergedItem, ["number": "\($0 + 1)", "critique": $1.trimmed])
    }
    let turn = filled(merging, ["critiques": items.joined()])
    return prompt + [.assistant(response), .user(turn)]
  }

  /// The conversation that asks for a better response, by a critique or, for `nil`, without one.
  package func revision(prompt: [Message], response: String, critique: String?) -> [Message] {
    let turn = critique.map { filled(guidedRevision, ["critique": $0.trimmed]) } ?? revision
    return prompt + [.assistant(response), .user(turn)]
  }

  private func compared(_ prompt: [Message], _ a: String, _ b: String) -> String {
    let asked =
      prompt.count == 1
      ? prompt[0].content
      : prompt.map { "\($0.role): \($0.content)" }.joined(separator: "\n")
    return filled(comparison, ["prompt": asked, "a": a, "b": b])
  }

  /// Fills places in one pass, so that no content is taken for a place.
  private func filled(_ template: String, _ values: [String: String]) -> String {
    var result = ""
    var rest = template[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      let key = String(rest[rest.index(after: open)..<close])
      result += rest[..<open]
      result += values[key] ?? String(rest[open...close])
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }
}

// MARK: - Reading what a model wrote

extension RolePrompts {
  /// What a judgement says in the end, `nil` where it gives no verdict.
  ///
  /// Of reasons the last mark counts, since judges weigh one response before they turn to the other, or
  /// repeat what they were asked; a tie, `[[C]]`, is no verdict. Where there is no mark, a sentence counts
  /// that says nothing else, as "**A**", "(A)" and "Winner: A". See `VerdictMark.stated`.
  ///
  /// Source: the last mark as lm-sys/FastChat, llm_judge/common.py, where it reads a verdict.
  ///
  /// - Parameter text: A judgement.
  /// - Returns: The verdict.
  package static func verdict(in text: String) -> Verdict? { VerdictMark.stated(in: text)?.verdict }

  /// What a judgement that was cut short is continued from, so that its verdict's mark comes next: on a
  /// line of its own, where that is what the judge was asked for.
  package func opened(_ text: String) -> String {
    var text = text[...]
    while text.last?.isWhitespace == true { text.removeLast() }
    return text + (chainSystem.isEmpty ? " " : "\n")
  }

  /// A critique and the score that it states.
  package struct RatedCritique: Codable, Hashable, Sendable {
    /// The critique without the score.
    package var critique: String
    /// From 1 to 10.
    package var score: Int

    /// Makes one.
    package init(critique: String, score: Int) {
      self.critique = critique
      self.score = score
    }
  }

  /// A critique's text with its stated score behind it.
  package func stating(_ scored: RatedCritique) -> String {
    scored.critique + scoreMark + "\(scored.score)"
  }

  /// Takes the stated score from a critique.
  ///
  /// - Parameter text: What a model wrote behind `scoredCritiqueLeadIn`.
  /// - Returns: The critique before the last score mark, and the score; `nil` where there is no mark,
  ///   no whole number from 1 to 10 behind it, anything else behind that, or no critique before it.
  package func scoredCritique(in text: String) -> RatedCritique? {
    let mark = scoreMark.trimmed
    guard let place = text.ranges(of: mark).last else { return nil }
    var tail = text[place.upperBound...].trimmed[...]
    if tail.last == "." { tail.removeLast() }
    if tail.hasSuffix("/10") { tail.removeLast(3) }
    guard let score = Int(tail), (1...10).contains(score) else { return nil }
    // The critique keeps its first space, which a model reads behind the lead-in.
    var critique = text[..<place.lowerBound]
    while critique.last?.isWhitespace == true { critique.removeLast() }
    guard !critique.allSatisfy(\.isWhitespace) else { return nil }
    return RatedCritique(critique: String(critique), score: score)
  }

  /// The quality from 1 to 10 that a meta-judge gives, `nil` where its text is no such number.
  package static func rating(in text: String) -> Int? {
    var word = text.trimmed[...]
    if word.last == "." { word.removeLast() }
    if word.hasSuffix("/10") { word.removeLast(3) }
    return Int(word).flatMap { (1...10).contains($0) ? $0 : nil }
  }
}

extension StringProtocol {
  fileprivate var trimmed: String {
    var text = Substring(self)
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
