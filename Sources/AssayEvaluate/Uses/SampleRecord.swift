// Texts that a model wrote, as `assay generate` writes them.
import AssayGenerate
import AssayTensor
import AssayText

/// A sampled text of a prompt.
package struct SampleRecord: Encodable, Sendable {
  /// A token with its log probability, and the likeliest ones at its place.
  private struct TokenLine: Encodable {
    let token: String
    let id: Int32
    let logprob: Float
    var top: [TokenLine]?
  }

  private struct Tokens: Encodable {
    let prompt: Int
    let completion: Int
  }

  private let id: String
  private let sample: Int
  private let text: String
  private let finishReason: FinishReason
  private let tokens: Tokens
  private let logprobs: [TokenLine]?

  private enum CodingKeys: String, CodingKey {
    case id, sample, text, tokens, logprobs
    case finishReason = "finish_reason"
  }

  /// Makes a record.
  ///
  /// - Parameters:
  ///   - id: The prompt's id.
  ///   - sample: The sample's number, from 0.
  ///   - written: The text.
  ///   - tokenizer: Spells tokens, where their log probabilities are wanted.
  package init(id: String, sample: Int, _ written: Written, tokenizer: (any Tokenizer)?) {
    self.id = id
    self.sample = sample
    text = written.text
    finishReason = written.finishReason
    tokens = Tokens(
      prompt: written.usage?.prompt ?? 0,
      completion: written.generation?.tokens.count ?? written.usage?.completion ?? 0
    )
    logprobs = tokenizer.flatMap { tokenizer in
      written.generation.map { Self.lines($0, tokenizer) }
    }
  }

  private static func lines(
    _ generation: Generation,
    _ tokenizer: any Tokenizer
  ) -> [TokenLine] {
    func line(_ id: Int32, _ value: Float) -> TokenLine {
      TokenLine(token: tokenizer.spelling(of: id) ?? "", id: id, logprob: value)
    }
    return generation.tokens.indices.map { index in
      var own = line(generation.tokens[index], generation.logProbabilities[index])
      let top = generation.topLogProbabilities
      if index < top.count { own.top = top[index].map { line($0.id, $0.logProbability) } }
      return own
    }
  }
}
