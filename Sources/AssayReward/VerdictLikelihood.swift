// S sequences, R rows.

import AssayModel
import AssayTensor
import AssayText
import Foundation

/// How the judgements of a pair become one probability.
package enum VerdictAggregation: String, Codable, Hashable, Sendable, CaseIterable {
  /// The share of verdicts for a response.
  case votes
  /// The mean, over judgements, of the likelihood of a verdict behind the rationale written.
  case likelihood
}

extension ModelJudge {
  /// The likelihood of `[[A]]` against `[[B]]` behind rationales.
  ///
  /// - Parameters:
  ///   - conversations: What was asked, one for each text.
  ///   - texts: Judgements; what stands before the first verdict mark is the rationale.
  /// - Returns: P(A) / (P(A) + P(B)) for each; `nil` where a text has no mark.
  /// - Throws: `TextError`, `TensorError`, or `RewardError.tooLong`.
  func likelihoods(_ conversations: [[Message]], _ texts: [String]) throws -> [Double?] {
    var owners: [Int] = []
    var sequences: [(tokens: [Int32], start: Int)] = []
    for (index, text) in texts.enumerated() {
      let marks = Verdict.allCases.compactMap { text.range(of: $0.mark)?.lowerBound }
      guard let mark = marks.min() else { continue }
      let both = try Verdict.allCases.map { verdict in
        try renderer.renderForLanguageModel(
          conversations[index] + [.assistant(text[..<mark] + verdict.mark)],
          targets: .assistant
        ).tokens
      }
      // Up to here both read the same; the tokens that tell them apart decide.
      let common = zip(both[0], both[1]).prefix { $0 == $1 }.count
      owners.append(index)
      sequences += both.map { ($0, common) }
    }
    var result = [Double?](repeating: nil, count: texts.count)
    var start = 0
    while start < owners.count {
      var (end, tokens) = (start, 0)
      while end < owners.count, end == start || tokens <= settings.batchTokens {
        tokens += sequences[2 * end].tokens.count + sequences[2 * end + 1].tokens.count
        end += 1
      }
      let values = try logLikelihoods(Array(sequences[2 * start..<2 * end]))
      for place in start..<end {
        let difference = values[2 * (place - start)] - values[2 * (place - start) + 1]
        result[owners[place]] = 1 / (1 + exp(-difference))
      }
      start = end
    }
    return result
  }

  /// Log likelihoods of the tokens from `start` on, in nats: one for each sequence.
  private func logLikelihoods(_ sequences: [(tokens: [Int32], start: Int)]) throws -> [Double] {
    try withTensorErrors {
      withoutGradients {
        let decoder = model.decoder
        let batch = PackedBatch(sequences.map(\.tokens), device: decoder.device, isRounded: true)
        var rows: [Int64] = []
        var targets: [Int64] = []
        for (sequence, first) in zip(sequences, batch.starts) {
          for index in sequence.start..<sequence.tokens.count {
            rows.append(Int64(first + index - 1))
            targets.append(Int64(sequence.tokens[index]))
          }
        }
        let hidden = decoder(
          batch,
          rows: Tensor(rows).to(decoder.device),
          training: false
        )
        let losses = decoder.readings(hidden) { hidden, rows in
          tokenNLL(
            hidden: hidden,
            weight: decoder.outputWeight(training: false),
            targets: Tensor(Array(targets[rows])).to(decoder.device)
          )
        }
        var next = 0
        return sequences.map { sequence in
          let count = sequence.tokens.count - sequence.start
          defer { next += count }
          return -losses[next..<next + count].map(Double.init).reduce(0, +)
        }
      }
    }
  }
}
