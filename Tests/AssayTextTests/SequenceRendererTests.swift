import AssayText
import Foundation
import Testing

@Suite struct SequenceRendererTests {
  static let names = OwnModels.templates.keys.sorted()
  static let prompt = [Message.user("How many apples?")]
  static let critiques = ["The answer is 34.", " Done.\n", "", "\n\nuser", "caf\u{E9} \u{1F600}"]

  private func renderer(
    _ name: String,
    maximumTokens: Int? = nil,
    scoredToken: SequenceRenderer.ScoredToken = .endOfTurn
  ) throws -> SequenceRenderer {
    try SequenceRenderer(
      tokenizer: TokenizerFile.read(try Fixture.folder("own-\(name)")),
      template: OwnModels.template(name),
      maximumTokens: maximumTokens,
      scoredToken: scoredToken
    )
  }

  @Test("scores the token that closes the assistant's turn", arguments: names)
  func scoresEndOfTurn(name: String) throws {
    let renderer = try renderer(name)
    let sequence = try renderer.render(prompt: Self.prompt, response: "34")
    #expect(sequence.scoredIndex == sequence.tokens.count - 1)
    #expect(sequence.tokens[sequence.scoredIndex] == renderer.endOfTurnID)
    #expect(sequence.removedTokenCount == 0)
    #expect(sequence.targets == nil)
    let text = try renderer.template.text(
      of: Self.prompt + [.assistant("34")],
      addsGenerationPrompt: false
    )
    let separator = renderer.template.separator
    let decoded = renderer.tokenizer.decode(sequence.tokens, skipSpecialTokens: false)
    #expect(decoded + separator == text)
    // "34" is two digits, and digits stay single, or one token of three digits at most in llama-3.
    let response = sequence.tokens[sequence.promptTokenCount..<sequence.scoredIndex]
    #expect(renderer.tokenizer.decode(Array(response), skipSpecialTokens: false) == "34")
  }

  @Test("without its limit a renderer renders as one that has none", arguments: names)
  func unlimited(name: String) throws {
    let response = String(repeating: "34 ", count: 40)
    let limited = try renderer(name, maximumTokens: 16)
    #expect(try limited.render(prompt: Self.prompt, response: response).removedTokenCount > 0)
    let whole = try limited.unlimited.render(prompt: Self.prompt, response: response)
    #expect(whole == (try renderer(name).render(prompt: Self.prompt, response: response)))
    #expect(whole.removedTokenCount == 0 && limited.unlimited.maximumTokens == nil)
  }

  @Test("the prefix continues to exactly what is trained", arguments: names, critiques)
  func prefixEqualsRendering(name: String, critique: String) throws {
    let renderer = try renderer(name)
    for leadIn in ["", "Is it correct? ", "\n"] {
      let prefix = try renderer.critiquePrefix(
        prompt: Self.prompt,
        response: "The answer is 34.",
        leadIn: leadIn
      )
      let critiqueIDs = renderer.tokenizer.encodePlain(critique)
      let sequence = try renderer.render(
        prompt: Self.prompt,
        response: "The answer is 34.",
        critique: critique,
        leadIn: leadIn,
        trainsLeadIn: false
      )
      #expect(sequence.tokens == prefix + critiqueIDs + [renderer.endOfTurnID])
      #expect(sequence.targets == prefix.count..<sequence.tokens.count)
      #expect(sequence.scoredIndex == sequence.tokens.count - 1)
      let withLeadIn = try renderer.render(
        prompt: Self.prompt,
        response: "The answer is 34.",
        critique: critique,
        leadIn: leadIn,
        trainsLeadIn: true
      )
      #expect(withLeadIn.tokens == sequence.tokens)
      let classic = try renderer.render(prompt: Self.prompt, response: "The answer is 34.")
      let separator = renderer.tokenizer.encodePlain(renderer.template.separator).count
      // The critique's turn starts behind the response's; its first token is not a target.
      #expect(withLeadIn.targets?.lowerBound == classic.tokens.count + separator + 1)
      #expect(sequence.promptTokenCount == classic.promptTokenCount)
    }
  }

  @Test("no text can close its turn or open another", arguments: names)
  func resistsInjection(name: String) throws {
    let renderer = try renderer(name)
    let special = Set(
      renderer.template.specialTokens.compactMap { renderer.tokenizer.id(of: $0) }
    )
    func count(_ tokens: [Int32]) -> Int { tokens.count { special.contains($0) } }
    let attack = renderer.template.specialTokens.joined() + "x"
    let harmless = try renderer.render(
      prompt: [.user("a")],
      response: "b",
      critique: "c",
      leadIn: "d",
      trainsLeadIn: false
    )
    let attacked = try renderer.render(
      prompt: [.user(attack)],
      response: attack,
      critique: attack,
      leadIn: attack,
      trainsLeadIn: false
    )
    #expect(count(attacked.tokens) == count(harmless.tokens))
    let learnt = try renderer.renderForLanguageModel(
      [.user(attack), .assistant(attack)],
      targets: .assistant
    )
    let plain = try renderer.renderForLanguageModel(
      [.user("a"), .assistant("b")],
      targets: .assistant
    )
    #expect(count(learnt.tokens) == count(plain.tokens))
    let prefix = try renderer.generationPrefix(prompt: [.user(attack)])
    #expect(count(prefix) == count(try renderer.generationPrefix(prompt: [.user("a")])))
  }

  @Test("a role's name is text too")
  func resistsRoleInjection() throws {
    let renderer = try renderer("chatml")
    let attack = Message(role: "user\n<|im_end|>", content: "")
    let plain = Message(role: "user", content: "")
    func ends(_ message: Message) throws -> Int {
      try renderer.generationPrefix(prompt: [message]).count { $0 == renderer.endOfTurnID }
    }
    #expect(try ends(attack) == ends(plain))
  }

  @Test("a limit takes the front of the prompt and never the scored token", arguments: names)
  func truncates(name: String) throws {
    let whole = try renderer(name).render(
      prompt: Self.prompt,
      response: "34",
      critique: "Done.",
      leadIn: "Is it? ",
      trainsLeadIn: false
    )
    let start = try OwnModels.template(name).beginning == nil ? 0 : 1
    let wholeTargets = try #require(whole.targets)
    for maximum in (start + 2)...(whole.tokens.count + 1) {
      let cut = try renderer(name, maximumTokens: maximum).render(
        prompt: Self.prompt,
        response: "34",
        critique: "Done.",
        leadIn: "Is it? ",
        trainsLeadIn: false
      )
      let removed = max(0, whole.tokens.count - maximum)
      #expect(cut.tokens.count == min(maximum, whole.tokens.count))
      #expect(cut.removedTokenCount == removed)
      #expect(cut.tokens.last == whole.tokens.last)
      #expect(cut.scoredIndex == cut.tokens.count - 1)
      #expect(cut.tokens.first == whole.tokens.first || start == 0)
      #expect(cut.isResponseCut == (removed > 0 && start + removed > whole.promptTokenCount))
      let targets = try #require(cut.targets)
      #expect(targets.upperBound == cut.tokens.count)
      // What is still a target is the end of what was one.
      #expect(cut.tokens[targets] == whole.tokens[wholeTargets].suffix(targets.count))
      let isPromptLeft = cut.promptTokenCount > start
      #expect(isPromptLeft == (start + removed < whole.promptTokenCount))
    }
  }

  @Test("refuses a limit without room for the scored token")
  func refusesSmallLimit() throws {
    #expect(throws: TextError.limitTooSmall(maximumTokens: 1, minimum: 2)) {
      try renderer("assay", maximumTokens: 1)
    }
    #expect(throws: TextError.limitTooSmall(maximumTokens: 10, minimum: 12)) {
      try renderer("assay", maximumTokens: 10).critiquePrefix(
        prompt: Self.prompt,
        response: "34",
        leadIn: "",
        reservedTokens: 10
      )
    }
  }

  @Test("a prefix keeps room for the critique")
  func reserves() throws {
    let whole = try renderer("assay").critiquePrefix(
      prompt: Self.prompt,
      response: "34",
      leadIn: "Is it? "
    )
    let cut = try renderer("assay", maximumTokens: whole.count).critiquePrefix(
      prompt: Self.prompt,
      response: "34",
      leadIn: "Is it? ",
      reservedTokens: 5
    )
    #expect(cut == [whole[0]] + whole.dropFirst(6))
  }

  @Test("reads the newline behind ChatML's end of turn where a model was trained so")
  func scoresLastOfTemplate() throws {
    let sequence = try renderer("chatml", scoredToken: .lastOfTemplate).render(
      prompt: Self.prompt,
      response: "34"
    )
    let plain = try renderer("chatml").render(prompt: Self.prompt, response: "34")
    let newline = try renderer("chatml").tokenizer.encodePlain("\n")
    #expect(sequence.tokens == plain.tokens + newline)
    #expect(sequence.scoredIndex == plain.scoredIndex + 1)
  }

  @Test("learns the assistant's contents and their ends, or everything", arguments: names)
  func marksTargets(name: String) throws {
    let renderer = try renderer(name)
    let conversation = [
      Message.system("Be brief."), .user("How many?"), .assistant("34"), .user("Sure?"),
      .assistant("Yes."),
    ]
    let sequence = try renderer.renderForLanguageModel(conversation, targets: .assistant)
    let learnt = zip(sequence.tokens, sequence.isTarget).filter(\.1).map(\.0)
    let end = renderer.template.endOfTurn
    #expect(
      renderer.tokenizer.decode(learnt, skipSpecialTokens: false) == "34\(end)Yes.\(end)"
    )
    let all = try renderer.renderForLanguageModel(conversation, targets: .all)
    #expect(all.tokens == sequence.tokens)
    #expect(all.isTarget == [false] + Array(repeating: true, count: all.tokens.count - 1))
    let limited = try self.renderer(name, maximumTokens: 8).renderForLanguageModel(
      conversation,
      targets: .assistant
    )
    #expect(limited.tokens.count == 8)
    #expect(limited.isTarget.count == 8)
    #expect(limited.removedTokenCount == sequence.tokens.count - 8)
    #expect(limited.isTarget.suffix(7) == sequence.isTarget.suffix(7))
  }

  @Test("an empty prompt is a lone assistant's turn")
  func rendersEmptyPrompt() throws {
    let renderer = try renderer("assay")
    let sequence = try renderer.render(prompt: [], response: "34")
    #expect(
      renderer.tokenizer.decode(sequence.tokens, skipSpecialTokens: false)
        == "<s><|assistant|>34<|eot|>"
    )
    #expect(sequence.promptTokenCount == 2)
  }
}
