import AssayGenerate
import AssayModel
import AssayText
import Foundation

/// How the judgements of a pair become one probability.
package enum VerdictAggregation: String, Codable, Hashable, Sendable, CaseIterable {
  /// The share of verdicts for a response.
  case votes
  /// The mean, over judgements, of the likelihood of a verdict behind the rationale written.
  case likelihood
}

/// A rationale, behind which a verdict is read.
struct OpenVerdict: Sendable {
  /// What was asked.
  let conversation: [Message]
  /// What stands before the verdict's mark.
  let rationale: String

  /// Makes one of a judgement that states a verdict: what stands before its last mark, which counts.
  ///
  /// Gives `nil` where a text states none.
  init?(_ conversation: [Message], stated text: String) {
    let mark = VerdictMark.all(in: text).last { $0.verdict != nil } ?? VerdictMark.stated(in: text)
    guard let mark, mark.verdict != nil else { return nil }
    self.conversation = conversation
    rationale = String(text[..<mark.start])
  }

  /// Makes one of a judgement that was cut short, whatever it holds.
  init(_ conversation: [Message], cut text: String, prompts: RolePrompts) {
    self.conversation = conversation
    rationale = prompts.opened(text)
  }
}

/// The likelihood of `[[A]]` against `[[B]]` behind rationales.
enum VerdictLikelihood {
  /// Computes the likelihoods.
  ///
  /// - Parameters:
  ///   - verdicts: What stands before them.
  ///   - port: The way to the judge.
  /// - Returns: What the model gives both letters, one for each; `nil` where it has no room for a mark.
  /// - Throws: `TextError`, or what the port throws.
  static nonisolated(nonsending) func values(
    _ verdicts: [OpenVerdict],
    port: any ModelPort
  ) async throws -> [LetterReading?] {
    var owners: [Int] = []
    var passes: [ModelPass] = []
    for (index, open) in verdicts.enumerated() {
      let both = try Verdict.allCases.map { verdict in
        try port.text.renderer.renderForLanguageModel(
          open.conversation + [.assistant(open.rationale + verdict.mark)],
          targets: .assistant
        )
      }
      // The renderer takes what is too long from the front.
      guard both.allSatisfy({ $0.removedTokenCount == 0 }) else { continue }
      // Up to here both read the same; the tokens that tell them apart decide.
      let common = zip(both[0].tokens, both[1].tokens).prefix { $0 == $1 }.count
      owners.append(index)
      passes += both.map { ModelPass(tokens: $0.tokens, index: common) }
    }
    let values = try await port.values(passes, .likelihood).map(\.value)
    var result = [LetterReading?](repeating: nil, count: verdicts.count)
    for (place, owner) in owners.enumerated() {
      let (a, b) = (values[2 * place], values[2 * place + 1])
      // Far apart, the likelihoods themselves would be 0.
      let probability = 1 / (1 + exp(b - a))
      result[owner] = LetterReading(probability: probability, mass: min(1, exp(a) + exp(b)))
    }
    return result
  }
}
