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
  /// fixed critique, of a pair model two responses: what the renderer makes of them, as text. Texts
  /// that are longer than the model's context are left out, and where the chat template is only
  /// approximated there are none; a language model has none.
  func goldenTexts() throws -> [String] {
    guard head != nil, templateRefusal == nil else { return [] }
    return try goldenSequences().filter { $0.count <= decoder.configuration.contextTokens }
      .map { tokenizer.decode($0, skipSpecialTokens: false) }
  }

  private func goldenSequences() throws -> [[Int32]] {
    // Nothing is cut: a text that is too long says nothing.
    let renderer = try SequenceRenderer(
      tokenizer: tokenizer,
      template: template,
      scoredToken: manifest.scoredToken ?? .endOfTurn
    )
    func upToScore(_ sequence: ScoredSequence) -> [Int32] {
      Array(sequence.tokens[...sequence.scoredIndex])
    }
    let (first, second) = (Self.goldenTurns[0], Self.goldenTurns[1])
    switch manifest.kind {
    case .languageModel, .judge: return []
    case .pair:
      let prompts = manifest.judge?.prompts ?? .english
      let turns = prompts.judge(
        prompt: [.user(first.prompt)],
        a: first.response,
        b: second.response,
        task: .token
      )
      let tokens = try renderer.generationPrefix(prompt: turns)
      return tokens.lastIndex(of: renderer.endOfTurnID).map { [Array(tokens[...$0])] } ?? []
    case .classic:
      return try [first, second].map {
        upToScore(try renderer.render(prompt: [.user($0.prompt)], response: $0.response))
      }
    case .cloud:
      return [
        upToScore(
          try renderer.render(
            prompt: [.user(first.prompt)],
            response: first.response,
            critique: Self.goldenCritique,
            leadIn: manifest.leadIn ?? "",
            trainsLeadIn: false
          )
        )
      ]
    }
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
    let pass = ModelPass(tokens: tokens, index: tokens.count - 1)
    // Casts that inference would not use are not kept.
    let reader = PassReader(decoder, head: head, keepsCasts: false)
    let score = try reader.read([pass], .reward)[0]
    guard score.isFinite else {
      throw ModelError.weight(
        file: path,
        name: head.parameters[0].name,
        reason: "gives the reward \(score) of a golden text; the training has diverged"
      )
    }
    return score
  }
}
