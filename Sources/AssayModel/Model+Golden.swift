// Golden scores: rewards of fixed texts, saved with every reward model, so that whoever loads the
// folder (Assay, transformers, a server) can tell whether it reads the same model.

import AssayTensor
import AssayText

extension Model {
  private static let goldenTurns: [(prompt: String, response: String)] = [
    ("What is 2 + 3?", "2 + 3 = 5."),
    ("Name a color.", "I had eggs for breakfast."),
  ]
  private static let goldenCritique = " The answer is correct."

  /// The texts whose rewards are saved, each of which ends with the token that is scored.
  ///
  /// Of a classic model two conversations, of one that writes critiques a conversation with a
  /// fixed critique, of a pair model two
  /// responses. Texts that are longer than the model's context are left out; a language model has none.
  func goldenTexts() throws -> [String] {
    guard head != nil else { return [] }
    let texts: [String]
    switch manifest.kind {
    case .languageModel, .judge: return []
    case .pair:
      let (first, second) = (Self.goldenTurns[0], Self.goldenTurns[1])
      let prompts = manifest.judge?.prompts ?? .english
      let turns = prompts.judge(
        prompt: [.user(first.prompt)],
        a: first.response,
        b: second.response,
        task: .token
      )
      texts = [try template.text(of: turns, "")]
    case .classic: texts = try Self.goldenTurns.map { try template.text(of: messages($0), "") }
    case .cloud:
      let critique = template.content(manifest.leadIn ?? "") + Self.goldenCritique
      texts = [try template.text(of: messages(Self.goldenTurns[0]), critique)]
    }
    let context = decoder.configuration.contextTokens
    return texts.filter { tokenizer.encode($0).count <= context }
  }

  private func messages(_ turn: (prompt: String, response: String)) -> [Message] {
    [.user(turn.prompt), .assistant(turn.response)]
  }

  /// Computes the saved golden scores again.
  ///
  /// A model loaded in float32 on the CPU differs by rounding alone, below 1e-4 of a score of
  /// order one; in bfloat16 more.
  ///
  /// - Returns: The largest difference from the saved scores; `nil` where none were saved.
  /// - Throws: `ModelError` for a saved text that the model cannot score, and `TensorError`.
  package func verifyGolden() throws -> Double? {
    try manifest.golden?.map { golden in
      let tokens = tokenizer.encode(golden.text)
      let score = try Model.reward(of: tokens, decoder, head, ModelManifest.fileName)
      return abs(score - golden.score)
    }.max()
  }

  /// The reward of one sequence, read at its last token, computed in float32.
  static func reward(
    of tokens: [Int32],
    _ decoder: Decoder,
    _ head: RewardHead?,
    _ path: String
  ) throws -> Double {
    guard let head else {
      throw ModelError.lacks(
        path: path,
        part: "reward head",
        hint: "a language model has no golden scores"
      )
    }
    guard !tokens.isEmpty else {
      throw ModelError.configuration(
        file: path,
        key: "golden",
        reason: "a text is empty; save the model again"
      )
    }
    let maximum = decoder.configuration.contextTokens
    guard tokens.count <= maximum else {
      throw ModelError.tooLong(tokens: tokens.count, maximum: maximum)
    }
    var decoder = decoder
    decoder.execution = Execution(dtype: .float32)
    let score = try withTensorErrors {
      withoutGradients {
        let batch = PackedBatch([tokens], device: decoder.device)
        let rows = Tensor([Int64(tokens.count - 1)]).to(decoder.device)
        // As in training: casts that inference would not use are not kept.
        return head(decoder(batch, rows: rows, training: true)).item
      }
    }
    guard score.isFinite else {
      throw ModelError.weight(
        file: path,
        name: head.parameters[0].name,
        reason: "gives the reward \(score) of a golden text; the training has diverged"
      )
    }
    return Double(score)
  }
}

extension ChatTemplate {
  /// A conversation up to its last end of turn, with a critique's turn where there is a critique.
  fileprivate func text(of messages: [Message], _ critique: String) throws -> String {
    var parts = try parts(of: messages, addsGenerationPrompt: false)
    if !critique.isEmpty {
      parts += try opening(role: "user") + [.text(critique), .special(endOfTurn)]
    } else if parts.last == .text(separator) {
      parts.removeLast()  // behind the end of turn, which is scored
    }
    return parts.map { part in
      switch part {
      case .special(let token): token
      case .text(let text): text
      }
    }.joined()
  }
}
