import AssayBase
import AssayText
import Foundation
import Testing

@Suite struct ChatTemplateTests {
  static let names = OwnModels.templates.keys.sorted()

  @Test("writes model folders that equal the recorded ones", arguments: names)
  func writesOwnModels(name: String) throws {
    let record = ProcessInfo.processInfo.environment["ASSAY_RECORD"]
    let folder =
      record.map { URL(fileURLWithPath: $0).appendingPathComponent(name) }
      ?? FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try OwnModels.write(name, to: folder)
    guard record == nil else { return }
    defer { try? FileManager.default.removeItem(at: folder) }
    for file in ["tokenizer.json", "tokenizer_config.json"] {
      let written = Array(try Data(contentsOf: folder.appendingPathComponent(file)))
      #expect(try written == Fixture.bytes("own-\(name)/\(file)"), "\(file)")
    }
  }

  @Test("`tokenizers` encodes with our tokenizers as we do", arguments: names)
  func encodesAsRecorded(name: String) throws {
    let tokenizer = try TokenizerFile.read(try Fixture.folder("own-\(name)"))
    let cases = try Fixture.cases("own-\(name)/cases.json")
    #expect(cases.count > 20)
    for row in cases {
      #expect(tokenizer.encode(row.text) == row.ids, "\(row.text.debugDescription)")
    }
  }

  @Test("`transformers` renders our Jinja text as we do, text and ids", arguments: names)
  func rendersAsRecorded(name: String) throws {
    let recorded = try Fixture.json("own-\(name)/chat.json")
    let template = try OwnModels.template(name)
    let tokenizer = try TokenizerFile.read(try Fixture.folder("own-\(name)"))
    let renderer = try SequenceRenderer(tokenizer: tokenizer, template: template)
    let cases = try #require(recorded["cases"]?.array)
    #expect(cases.count >= 8)
    for row in cases {
      let messages = try #require(row["messages"]?.array).map { message in
        Message(
          role: message["role"]?.string ?? "",
          content: message["content"]?.string ?? ""
        )
      }
      let prompted = row["generation"]?.bool == true
      let text = try template.text(of: messages, addsGenerationPrompt: prompted)
      #expect(points(text) == points(row["text"]?.string ?? ""))
      let ids = row["ids"]?.array?.compactMap { $0.int.map { Int32($0) } }
      let own =
        prompted
        ? try renderer.generationPrefix(prompt: messages)
        : try renderer.renderForLanguageModel(messages, targets: .all).tokens
      #expect(own == ids)
    }
    #expect(recorded["eos"]?.int == tokenizer.id(of: template.endOfTurn).map { Int($0) })
    #expect(
      recorded["pad"]?.int
        == template.padding.flatMap { tokenizer.id(of: $0).map { Int($0) } }
    )
  }

  @Test("finds the template of a folder that we wrote", arguments: names)
  func detectsOwn(name: String) throws {
    let folder = try Fixture.folder("own-\(name)")
    let tokenizer = try TokenizerFile.read(folder)
    let found = try TokenizerConfiguration.detect(folder: folder, tokenizer: tokenizer)
    #expect(try found.template == OwnModels.template(name))
    #expect(found.isExact)
  }

  @Test("takes what equals a published template for the preset, and interprets any other")
  func detectsForeign() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let tokenizer = try TokenizerFile.read(try Fixture.folder("own-chatml"))
    func detect(_ jinja: String) throws -> TokenizerConfiguration {
      let document: JSONValue = ["chat_template": .string(jinja)]
      let file = folder.appendingPathComponent("tokenizer_config.json")
      try Data(document.compact.utf8).write(to: file)
      return try TokenizerConfiguration.detect(folder: folder, tokenizer: tokenizer)
    }
    let qwen25 = try detect(
      "{%- if tools %}{{- '<|im_start|>system\\n' }}{%- else %}"
        + "{{- '<|im_start|>system\\nYou are Qwen.<|im_end|>\\n' }}{%- endif %}"
    )
    #expect(qwen25.template.program != nil)
    #expect(qwen25.isExact)
    let qwen2 = try detect(
      "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        + "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
        + "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
        + "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    #expect(qwen2.template.defaultSystem == ChatTemplate.qwen2DefaultSystem)
    #expect(qwen2.isExact)
    try Data("[".utf8).write(to: folder.appendingPathComponent("tokenizer_config.json"))
    #expect(throws: TextError.self) {
      try TokenizerConfiguration.detect(folder: folder, tokenizer: tokenizer)
    }
  }

  /// Detects in a folder with an own ChatML tokenizer and some files.
  private func detect(_ files: [String: String]) throws -> TokenizerConfiguration {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, text) in files {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    let tokenizer = try TokenizerFile.read(try Fixture.folder("own-chatml"))
    return try TokenizerConfiguration.detect(folder: folder, tokenizer: tokenizer)
  }

  @Test(
    "of several templates the one named default counts, and a file of its own before all",
    arguments: [
      (["tokenizer_config.json": #"{"chat_template": [NAMED, OTHER]}"#], "preset"),
      (["tokenizer_config.json": #"{"chat_template": [OTHER, NAMED]}"#], "preset"),
      (["tokenizer_config.json": #"{"chat_template": [OTHER]}"#], "refused"),
      (
        ["tokenizer_config.json": #"{"chat_template": [{"name": "default", "template": "x"}]}"#],
        "x"
      ),
      (["tokenizer_config.json": #"{"chat_template": {"tool_use": "y", "default": "x"}}"#], "x"),
      (["tokenizer_config.json": #"{"chat_template": {"tool_use": "x"}}"#], "refused"),
      (["tokenizer_config.json": #"{"chat_template": []}"#], "refused"),
      (["tokenizer_config.json": #"{"chat_template": 7}"#], "refused"),
      (["tokenizer_config.json": #"{"chat_template": [{"name": "default"}]}"#], "refused"),
      (["chat_template.jinja": "OWN"], "preset"),
      (["chat_template.jinja": "x"], "x"),
      (
        ["tokenizer_config.json": #"{"chat_template": "x"}"#, "chat_template.jinja": "OWN"],
        "preset"
      ),
      (["tokenizer_config.json": #"{"chat_template": OWN}"#, "chat_template.jinja": "x"], "x"),
      (
        ["tokenizer_config.json": "{}", "chat_template.json": #"{"chat_template": OWN}"#], "preset"
      ),
      (["chat_template.json": #"{"chat_template": "{% for %}"}"#], "refused"),
    ]
  )
  func choosesAmongTemplates(files: [String: String], chosen: String) throws {
    let own = ChatTemplate.chatML().jinja
    let quoted = JSONValue.string(own).compact
    let configuration = try detect(
      Dictionary(
        uniqueKeysWithValues: files.map { name, text in
          let filled = text.replacing("NAMED", with: #"{"name": "default", "template": OWN}"#)
            .replacing("OTHER", with: #"{"name": "tool_use", "template": "x"}"#)
          return (name, filled.replacing("OWN", with: name.hasSuffix(".jinja") ? own : quoted))
        }
      )
    )
    #expect(configuration.isExact == (chosen != "refused"))
    let isOwn = chosen == "x"
    #expect(configuration.template.name == (isOwn ? "own" : "chatml"))
    #expect(configuration.template.program?.source == (isOwn ? "x" : nil))
    #expect(configuration.approximated.isExact)
  }

  @Test("a role that a template leaves out is refused, not dropped")
  func refusesDroppedRoles() throws {
    let turn = "<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n"
    let folded =
      "{% set s = messages[0].content + ' ' if messages[0].role == 'system' else '' %}"
      + "{% for m in messages %}{% if m.role != 'system' %}<|im_start|>{{ m.role }}\n"
      + "{{ (s if m.role == 'user' else '') + m.content }}<|im_end|>\n{% endif %}{% endfor %}"
    let tokenizer = try TokenizerFile.read(try Fixture.folder("own-chatml"))
    func renderer(_ jinja: String) throws -> SequenceRenderer {
      try SequenceRenderer(
        tokenizer: tokenizer,
        template: detect(["chat_template.jinja": jinja]).template
      )
    }
    let narrow = try renderer(
      "{% for m in messages %}{% if m.role in ['user', 'assistant'] %}\(turn){% endif %}{% endfor %}"
    )
    let turns = [Message(role: "wizard", content: "Be brief."), .user("Q")]
    #expect(throws: TextError.omittedContent(role: "wizard")) {
      try narrow.render(prompt: turns, response: "A")
    }
    #expect(throws: TextError.omittedContent(role: "wizard")) {
      try narrow.generationPrefix(prompt: turns)
    }
    // What transformers leaves out too, and a judge is not told there.
    #expect(!narrow.takesSystem && narrow.canRender([.system("Be brief."), .user("Q")]))
    let wide = try renderer("{% for m in messages %}\(turn){% endfor %}")
    #expect(
      wide.takesSystem && wide.canRender([Message(role: "wizard", content: "x"), .user("Q")])
    )
    #expect(try renderer(folded).takesSystem)
  }

  @Test("a template that cannot be read renders no conversation unless a preset is accepted")
  func refusesApproximation() throws {
    let found = try detect(["chat_template.jinja": "{{ 'Be strict.' "])
    let tokenizer = try TokenizerFile.read(try Fixture.folder("own-chatml"))
    func renderer(_ configuration: TokenizerConfiguration) throws -> SequenceRenderer {
      try SequenceRenderer(
        tokenizer: tokenizer,
        template: configuration.template,
        refusal: configuration.refusal
      )
    }
    let refusing = try renderer(found)
    let turns = [Message.user("Q")]
    let closed = [refusing.endOfTurnID]
    for render: () throws -> Any in [
      { try refusing.render(prompt: turns, response: "A") },
      {
        try refusing.render(
          prompt: turns,
          response: "A",
          critique: "C",
          leadIn: "",
          trainsLeadIn: false
        )
      },
      { try refusing.critiquePrefix(prompt: turns, response: "A", leadIn: "") },
      { try refusing.critiquePrefix(behind: closed, leadIn: "") as Any },
      { try refusing.generationPrefix(prompt: turns) },
      { try refusing.renderForLanguageModel(turns, targets: .all) },
    ] {
      let error = #expect(throws: TextError.self) { try render() }
      #expect(error.map { "\($0)".contains("--approximate-template") } == true)
    }
    _ = try renderer(found.approximated).render(prompt: turns, response: "A")
  }

  @Test("without a known template rendered texts are read, and conversations are refused")
  func readsWithoutTemplate() throws {
    let tokenizer = try BPETrainer(vocabularySize: 257, specialTokens: ["<end>"]).train([String]())
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    let none = try TokenizerConfiguration.detect(folder: folder, tokenizer: tokenizer)
    #expect(none.refusal == .unknownTemplate(folder: folder.path))
    #expect(none.approximated == none)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("tokenizer_config.json")
    try Data(#"{"eos_token": {"content": "<end>"}}"#.utf8).write(to: file)
    let ended = try TokenizerConfiguration.detect(folder: folder, tokenizer: tokenizer)
    for (configuration, end) in [(none, -1), (ended, 0)] as [(TokenizerConfiguration, Int32)] {
      let renderer = try SequenceRenderer(
        tokenizer: tokenizer,
        template: configuration.template,
        refusal: configuration.refusal
      )
      #expect(renderer.endOfTurnID == end)
      #expect(throws: TextError.unknownTemplate(folder: folder.path)) {
        try renderer.render(prompt: [], response: "A")
      }
    }
  }

  @Test("refuses a tokenizer without the template's special tokens")
  func refusesForeignTemplate() throws {
    let tokenizer = try BPETrainer(vocabularySize: 256, specialTokens: []).train([String]())
    #expect(throws: TextError.missingToken(spelling: "<s>", template: "assay")) {
      try SequenceRenderer(tokenizer: tokenizer, template: .assay)
    }
  }

  @Test("spells the three formats as their sources do")
  func spells() throws {
    let turns = [Message.user(" Q \n"), .assistant("A")]
    #expect(
      try ChatTemplate.assay.text(of: turns, addsGenerationPrompt: true)
        == "<s><|user|> Q \n<|eot|><|assistant|>A<|eot|><|assistant|>"
    )
    #expect(
      try ChatTemplate.llama3.text(of: turns, addsGenerationPrompt: false)
        == "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nQ<|eot_id|>"
        + "<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|>"
    )
    #expect(
      try ChatTemplate.chatML(defaultSystem: "S").text(of: turns, addsGenerationPrompt: false)
        == "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n Q \n<|im_end|>\n"
        + "<|im_start|>assistant\nA<|im_end|>\n"
    )
    #expect(throws: TextError.self) {
      try ChatTemplate.assay.text(
        of: [Message(role: "tool", content: "")],
        addsGenerationPrompt: false
      )
    }
  }
}

extension SequenceRenderer {
  fileprivate func canRender(_ prompt: [Message]) -> Bool {
    (try? render(prompt: prompt, response: "A")) != nil
  }
}
