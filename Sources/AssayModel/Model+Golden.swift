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

  /// The texts whose rewards are saved, each of which ends with the token that is scored, or with the
  /// response that an encoder reads.
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
      template.isPair ? sequence.tokens : Array(sequence.tokens[...sequence.scoredIndex])
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

  /// Scores of the fixed texts by this model's own weights; `nil` where it has no such texts.
  func goldenScores() throws -> [ModelManifest.Golden]? {
    let golden = try goldenScores(decoder, head, ModelManifest.fileName)
    return golden.isEmpty ? nil : golden
  }

  /// Scores of the fixed texts.
  ///
  /// - Parameters:
  ///   - decoder: The weights to read them with.
  ///   - head: The head to read them with.
  ///   - path: Where they are, for messages.
  /// - Returns: One a text; none where there are no texts.
  /// - Throws: As `reward`.
  func goldenScores(
    _ decoder: Decoder,
    _ head: RewardHead?,
    _ path: String
  ) throws -> [ModelManifest.Golden] {
    try goldenTexts().map { text in
      let score = try Model.reward(of: tokenizer.encode(text), decoder, head, path)
      return ModelManifest.Golden(text: text, score: score)
    }
  }

  /// Differences of golden scores of up to 1, and in proportion above, that are rounding.
  ///
  /// Other weights, another head or other tokens give larger ones. Four bits are not held to more than
  /// their order.
  static func goldenTolerance(_ execution: Execution) -> Double {
    switch execution.weights {
    case .plain: execution.dtype == .float32 ? 1e-3 : 0.1
    case .int8: 0.25
    case .int4: 1
    }
  }

  /// Computes the saved golden scores as the model computes, and refuses another model.
  ///
  /// - Parameter path: Where the model is, for the message.
  /// - Throws: `ModelError.configuration` where a score is another one than that which was saved.
  package func checkGolden(_ path: String) throws {
    guard let golden = manifest.golden, head != nil else { return }
    let limit = Self.goldenTolerance(decoder.execution)
    for text in golden {
      let score = try Self.reward(
        of: tokenizer.encode(text.text),
        decoder,
        head,
        path,
        execution: decoder.execution
      )
      guard abs(score - text.score) <= limit * max(1, abs(text.score)) else {
        throw ModelError.configuration(
          file: path,
          key: "golden",
          reason:
            "the model gives \(score) to a text that it gave \(text.score) when it was saved: "
            + "weights, head, tokenizer or settings are not those that were saved; take them from "
            + "where they came"
        )
      }
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

  /// The reward of one sequence, read at its last token or an encoder's first, computed in float32 or
  /// as is said.
  static func reward(
    of tokens: [Int32],
    _ decoder: Decoder,
    _ head: RewardHead?,
    _ path: String,
    execution: Execution? = nil
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
    decoder.execution = execution ?? Execution(dtype: .float32)
    let isFirst = head.descriptor.position == .first
    let pass = ModelPass(tokens: tokens, index: isFirst ? 0 : tokens.count - 1)
    // Casts that inference would not use are not kept; weights packed for it have no other form.
    let reader = PassReader(decoder, head: head, keepsCasts: execution != nil)
    let score = try reader.read([pass], .reward)[0].value
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
