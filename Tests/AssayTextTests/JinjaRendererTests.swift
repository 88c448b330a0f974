import AssayBase
import AssayText
import Testing

@Suite("SequenceRenderer with a model's own template")
struct JinjaRendererTests {
  private static let names = OwnModels.templates.keys.sorted()

  private static let conversations: [(prompt: [Message], response: String)] = [
    ([.user("What is 2 + 3?")], "It is 5."),
    ([.system("Be brief."), .user("a"), .assistant("b"), .user(" \n c \n")], "\n\n d "),
    ([.user("<|im_end|><|eot_id|><|eot|></s>")], "<|im_start|>user\n<|user|><|start_header_id|>x"),
    ([.user("Grüße, 世界 e\u{301}")], "\u{3000}ok 👩‍👩‍👧"),
  ]

  /// A preset, and its Jinja text interpreted.
  private func templates(_ name: String) throws -> (ChatTemplate, ChatTemplate, any Tokenizer) {
    let tokenizer = try TokenizerFile.read(try Fixture.folder("own-\(name)"))
    let preset = try OwnModels.template(name)
    let program = try ChatProgram(
      source: preset.jinja,
      specialTokens: preset.beginning.map { ["bos_token": $0] } ?? [:]
    )
    return (preset, .own(program, tokenizer: tokenizer, endOfText: nil), tokenizer)
  }

  @Test("finds out how a template begins, and closes and separates turns", arguments: names)
  func shape(name: String) throws {
    let (preset, own, _) = try templates(name)
    #expect(own.beginning == preset.beginning)
    #expect(own.endOfTurn == preset.endOfTurn)
    #expect(own.separator == preset.separator)
  }

  @Test("makes the tokens that the preset makes", arguments: names)
  func presets(name: String) throws {
    let (preset, own, tokenizer) = try templates(name)
    for scoredToken in SequenceRenderer.ScoredToken.allCases {
      func renderer(_ template: ChatTemplate) throws -> SequenceRenderer {
        try SequenceRenderer(
          tokenizer: tokenizer,
          template: template,
          maximumTokens: 400,
          scoredToken: scoredToken
        )
      }
      let (fast, slow) = (try renderer(preset), try renderer(own))
      for (prompt, response) in Self.conversations {
        #expect(
          try slow.render(prompt: prompt, response: response)
            == fast.render(prompt: prompt, response: response)
        )
        for (leadIn, trains) in [("Now judge it: ", true), ("", false)] {
          func critique(_ renderer: SequenceRenderer) throws -> ScoredSequence {
            try renderer.render(
              prompt: prompt,
              response: response,
              critique: " It is right.",
              leadIn: leadIn,
              trainsLeadIn: trains
            )
          }
          #expect(try critique(slow) == critique(fast))
          func prefix(_ renderer: SequenceRenderer) throws -> [Int32] {
            try renderer.critiquePrefix(
              prompt: prompt,
              response: response,
              leadIn: leadIn,
              reservedTokens: 9
            )
          }
          #expect(try prefix(slow) == prefix(fast))
          let closed = try fast.render(prompt: prompt, response: response).tokens
          #expect(
            try slow.critiquePrefix(behind: closed, leadIn: leadIn)
              == fast.critiquePrefix(behind: closed, leadIn: leadIn)
          )
        }
        #expect(try slow.generationPrefix(prompt: prompt) == fast.generationPrefix(prompt: prompt))
        for targets in LanguageModelTargets.allCases {
          let whole = prompt + [.assistant(response)]
          #expect(
            try slow.renderForLanguageModel(whole, targets: targets)
              == fast.renderForLanguageModel(whole, targets: targets)
          )
        }
      }
    }
  }

  @Test(
    "reads special tokens in contents as they are written where that is asked for",
    arguments: names
  )
  func asWritten(name: String) throws {
    let (preset, own, tokenizer) = try templates(name)
    for template in [preset, own] {
      let renderer = try SequenceRenderer(
        tokenizer: tokenizer,
        template: template,
        scoredToken: .lastOfTemplate,
        contentTokens: .asWritten
      )
      for (prompt, response) in Self.conversations {
        let text = try own.program?.render(
          prompt + [.assistant(response)],
          addsGenerationPrompt: false
        ).text
        #expect(
          try renderer.render(prompt: prompt, response: response).tokens
            == tokenizer.encode(text ?? "")
        )
      }
    }
  }

  /// A renderer for a template on the ChatML vocabulary.
  private func renderer(
    _ source: String,
    scoredToken: SequenceRenderer.ScoredToken = .lastOfTemplate
  ) throws -> SequenceRenderer {
    let tokenizer = try TokenizerFile.read(try Fixture.folder("own-chatml"))
    let program = try ChatProgram(source: source, specialTokens: ["eos_token": "<|endoftext|>"])
    return try SequenceRenderer(
      tokenizer: tokenizer,
      template: .own(program, tokenizer: tokenizer, endOfText: nil),
      scoredToken: scoredToken
    )
  }

  @Test("a template that tells who of several speaks is told")
  func speakers() throws {
    let program = try ChatProgram(
      source: "{% for m in messages %}{{ m.name or m.role }}: {{ m.content }}\n{% endfor %}",
      specialTokens: [:]
    )
    let messages = [Message(role: "user", content: "Q", name: "Anna"), .user("R")]
    let text = try program.render(messages, addsGenerationPrompt: false).text
    #expect(text == "Anna: Q\nuser: R\n")
  }

  @Test("scores the last token that the template writes, whatever that is")
  func lastToken() throws {
    let phi = try renderer(
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
        + "{% endfor %}{% if not add_generation_prompt %}{{ eos_token }}{% endif %}"
    )
    let sequence = try phi.render(prompt: [.user("Q")], response: "A")
    #expect(sequence.tokens[sequence.scoredIndex] == phi.tokenizer.id(of: "<|endoftext|>"))
    let plain = try renderer("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
    let text = try plain.render(prompt: [.user("Q")], response: "A<|im_end|>")
    #expect(text.tokens == plain.tokenizer.encodePlain("user: Q\nassistant: A<|im_end|>\n"))
    #expect(text.scoredIndex == text.tokens.count - 1)
    #expect(text.promptTokenCount == plain.tokenizer.encodePlain("user: Q\nassistant: ").count)
  }

  @Test("refuses, with the reason, what a template does not show")
  func refusals() throws {
    let turn = [Message.user("Q")]
    func reason(_ body: () throws -> Any) -> String {
      do {
        _ = try body()
        return ""
      } catch {
        return "\(error)"
      }
    }
    let open = try renderer("{% for m in messages %}{{ m.content }}{% endfor %}")
    #expect(
      reason { try open.critiquePrefix(prompt: turn, response: "A", leadIn: "") }
        .contains("does not close the assistant's turn")
    )
    let silent = try renderer(
      "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"
    )
    #expect(
      reason { try silent.render(prompt: turn, response: "A") }
        .contains("writes nothing of the assistant's turn")
    )
    let strict = try renderer("{{ raise_exception('Roles must alternate.') }}")
    #expect(
      reason { try strict.generationPrefix(prompt: turn) }
        == "The chat template refuses the conversation at line 1: Roles must alternate."
    )
  }
}
