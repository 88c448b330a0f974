import AssayModel
import AssayText

/// What another tool reads of a row: its tokens, and the one that it scores.
struct OtherReading: Hashable {
  /// Which tool, and how it is called.
  let tool: String
  /// Its tokens.
  let tokens: [Int32]
  /// The index of the one that it scores, the last of several.
  let index: Int
  /// What is computed to score them; `nil` where the head has no place there.
  let pass: ModelPass?
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
  /// Of a head that reads elsewhere, those tools have none or its own code: that reads at the same place of
  /// the rendered text's tokens.
  ///
  /// Source: `modeling_layers.py` of transformers (`GenericForSequenceClassification`), TRL
  /// `reward_trainer.py`, vLLM `LAST` pooling.
  ///
  /// - Parameters:
  ///   - text: The rendered text.
  ///   - tokenizer: The model's tokenizer.
  ///   - places: Where its head reads.
  ///   - padding: The padding token of `config.json`.
  ///   - fallback: What TRL takes where there is none.
  /// - Returns: A reading for each tool and call.
  static func all(
    of text: String,
    _ tokenizer: any Tokenizer,
    places: HeadPlaces,
    padding: Int32?,
    fallback: Int32?
  ) -> [OtherReading] {
    guard places.position.isLast else { return ownCode(of: text, tokenizer, places) }
    let plain = tokenizer.encode(text)
    let around = tokenizer.addedAround
    let added = around.front + plain + around.back
    var readings: [OtherReading] = []
    func add(_ tool: String, _ tokens: [Int32], _ padding: Int32?, addsTokens: Bool = false) {
      guard !tokens.isEmpty else { return }
      // Of padding alone, transformers reads the first token.
      let index = padding.map { pad in tokens.lastIndex { $0 != pad } ?? 0 } ?? tokens.count - 1
      // What stands behind the scored token does not change it.
      let read = Array(tokens[...index])
      let found = try? places.places(in: read, at: index)
      readings.append(
        OtherReading(
          tool: tool,
          tokens: tokens,
          index: index,
          pass: found.map { ModelPass(tokens: read, places: $0) },
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

  /// The readings of a head that reads elsewhere than at the end.
  private static func ownCode(
    of text: String,
    _ tokenizer: any Tokenizer,
    _ places: HeadPlaces
  ) -> [OtherReading] {
    let plain = tokenizer.encode(text)
    switch places.position {
    // What is read there is no part of the text.
    case .next, .ends, .turns, .compared: return []
    // Whoever reads steps has put their ends there.
    case .each where !plain.contains { $0 == places.token }: return []
    default: break
    }
    let around = tokenizer.addedAround
    var readings: [OtherReading] = []
    func add(_ tool: String, _ tokens: [Int32], addsTokens: Bool) {
      guard !tokens.isEmpty else { return }
      let found = try? places.find(in: tokens)
      let pass = found.map { ModelPass(tokens: $0.tokens, places: $0.places) }
      readings.append(
        OtherReading(
          tool: tool,
          tokens: pass?.tokens ?? tokens,
          index: pass?.index ?? tokens.count - 1,
          pass: pass,
          padding: nil,
          addsTokens: addsTokens
        )
      )
    }
    add("the model's code", plain, addsTokens: false)
    // An encoder's two texts have those tokens already.
    if !(around.front + around.back).isEmpty, places.position != .first {
      let added = around.front + plain + around.back
      add("the model's code, text with special tokens added", added, addsTokens: true)
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
