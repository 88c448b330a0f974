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

/// The likelihood of `[[A]]` against `[[B]]` behind rationales.
enum VerdictLikelihood {
  /// Computes the likelihoods.
  ///
  /// - Parameters:
  ///   - conversations: What was asked, one for each text.
  ///   - texts: Judgements; what stands before the last verdict mark, which counts, is the
  ///     rationale.
  ///   - port: The way to the judge.
  /// - Returns: P(A) / (P(A) + P(B)) for each; `nil` where a text has no mark.
  /// - Throws: `TextError`, or what the port throws.
  static nonisolated(nonsending) func values(
    _ conversations: [[Message]],
    _ texts: [String],
    port: any ModelPort
  ) async throws -> [Double?] {
    var owners: [Int] = []
    var passes: [ModelPass] = []
    for (index, text) in texts.enumerated() {
      let marks = Verdict.allCases.compactMap {
        text.range(of: $0.mark, options: .backwards)?.lowerBound
      }
      guard let mark = marks.max() else { continue }
      let both = try Verdict.allCases.map { verdict in
        try port.text.renderer.renderForLanguageModel(
          conversations[index] + [.assistant(text[..<mark] + verdict.mark)],
          targets: .assistant
        ).tokens
      }
      // Up to here both read the same; the tokens that tell them apart decide.
      let common = zip(both[0], both[1]).prefix { $0 == $1 }.count
      owners.append(index)
      passes += both.map { ModelPass(tokens: $0, index: common) }
    }
    let values = try await port.values(passes, .likelihood).map(\.value)
    var result = [Double?](repeating: nil, count: texts.count)
    for (place, owner) in owners.enumerated() {
      result[owner] = 1 / (1 + exp(values[2 * place + 1] - values[2 * place]))
    }
    return result
  }
}
