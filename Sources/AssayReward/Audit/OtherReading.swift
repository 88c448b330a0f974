import AssayModel
import AssayText

/// What another tool reads of a row: its tokens, and the one that it scores.
struct OtherReading: Hashable {
  /// Which tool, and how it is called.
  let tool: String
  /// Its tokens.
  let tokens: [Int32]
  /// The index of the one that it scores.
  let index: Int
  /// The padding token that it passes over, if any.
  let padding: Int32?
  /// Whether it adds the tokenizer's special tokens.
  let addsTokens: Bool

  /// The tools whose readings are told apart.
  ///
  /// `transformers` scores the last token that is not `pad_token_id` of `config.json`. TRL gives a
  /// model without one the tokenizer's, else its end of text. vLLM and SGLang score the last token.
  /// Each can be given messages, or the rendered text, to which tokenizers add special tokens.
  ///
  /// Source: `modeling_layers.py` of transformers (`GenericForSequenceClassification`), TRL
  /// `reward_trainer.py`, vLLM `LAST` pooling.
  ///
  /// - Parameters:
  ///   - text: The rendered text.
  ///   - tokenizer: The model's tokenizer.
  ///   - padding: The padding token of `config.json`.
  ///   - fallback: What TRL takes where there is none.
  /// - Returns: A reading for each tool and call.
  static func all(
    of text: String,
    _ tokenizer: any Tokenizer,
    padding: Int32?,
    fallback: Int32?
  ) -> [OtherReading] {
    let plain = tokenizer.encode(text)
    let around = tokenizer.addedAround
    let added = around.front + plain + around.back
    var readings: [OtherReading] = []
    func add(_ tool: String, _ tokens: [Int32], _ padding: Int32?, addsTokens: Bool = false) {
      guard !tokens.isEmpty else { return }
      // Of padding alone, transformers reads the first token.
      let index = padding.map { pad in tokens.lastIndex { $0 != pad } ?? 0 } ?? tokens.count - 1
      readings.append(
        OtherReading(
          tool: tool,
          tokens: tokens,
          index: index,
          padding: padding,
          addsTokens: addsTokens
        )
      )
    }
    add("transformers", plain, padding)
    if padding == nil, let fallback { add("TRL", plain, fallback) }
    add("vLLM, SGLang", plain, nil)
    if added != plain {
      add("transformers, text with special tokens added", added, padding, addsTokens: true)
      add("vLLM, SGLang, text with special tokens added", added, nil, addsTokens: true)
    }
    return readings
  }

  /// Why its score is another one.
  ///
  /// - Parameters:
  ///   - pass: What is read here.
  ///   - hasContentTokens: Whether a message spells a special token.
  ///   - plain: The tokens of the rendered text.
  /// - Returns: The first reason that explains it.
  func problem(
    _ pass: ModelPass,
    hasContentTokens: Bool,
    plain: [Int32]
  ) -> AuditReport.Problem {
    if tokens == pass.tokens {
      return padding == tokens[pass.index] ? .padIsScored : .scoredToken
    }
    // The scored sequence may end before the text does.
    if plain.starts(with: pass.tokens), !addsTokens { return .scoredToken }
    if addsTokens, plain.starts(with: pass.tokens) {
      return tokens.count > 1 && tokens[0] == tokens[1] ? .doubledBeginning : .addedTokens
    }
    return hasContentTokens ? .contentTokens : .otherTokens
  }
}
