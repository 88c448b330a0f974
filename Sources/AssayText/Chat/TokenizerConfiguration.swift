import AssayBase
import Foundation

/// What `tokenizer_config.json`, and files that belong to it, say beside the tokenizer itself.
package struct TokenizerConfiguration: Sendable, Equatable {
  /// The preset that the folder's Jinja text equals, or that its special tokens point to where it has
  /// none; else the folder's own template, interpreted.
  package var template: ChatTemplate
  /// Why conversations must not be rendered with `template`: the folder's own cannot be read and this
  /// is the nearest preset, or none is known at all.
  package var refusal: TextError?

  /// Whether `template` is known to render as the folder's own Jinja text does.
  package var isExact: Bool { refusal == nil }

  /// The configuration without the refusal of a template that is only near.
  package var approximated: TokenizerConfiguration {
    guard case .unreadableTemplate(_, _, .some) = refusal else { return self }
    return TokenizerConfiguration(template: template, refusal: nil)
  }

  /// Finds the chat template of a model folder.
  ///
  /// Special tokens in the vocabulary decide; a default system turn is taken from the Jinja text.
  ///
  /// - Parameters:
  ///   - folder: The model folder; its configuration may be absent.
  ///   - tokenizer: The folder's tokenizer.
  ///   - given: What stands in place of the folder's `tokenizer_config.json`, if anything.
  /// - Returns: The template, and whether it is known to be exact.
  /// - Throws: `TextError.malformedJSON`, or `inaccessible`.
  package static func detect(
    folder: URL,
    tokenizer: any Tokenizer,
    document given: JSONValue? = nil
  ) throws -> TokenizerConfiguration {
    let document = try given ?? TokenizerSettings.read(in: folder, tokenizer: tokenizer)
    let jinja = try jinja(document, in: folder)
    let padding = spelling(document["pad_token"]).flatMap { tokenizer.id(of: $0) == nil ? nil : $0 }
    let source = try? jinja?.get()
    var preset = match(tokenizer, jinja: source)
    if let padding {
      preset?.padding = padding
    } else if let padding = preset?.padding, tokenizer.id(of: padding) == nil {
      preset?.padding = nil
    }
    let isPreset = source.map { $0 == preset?.jinja || isKnown($0) } ?? (jinja == nil)
    if let preset, isPreset {
      return TokenizerConfiguration(template: preset, refusal: nil)
    }
    let end = spelling(document["eos_token"]).flatMap { tokenizer.id(of: $0) == nil ? nil : $0 }
    guard let jinja else {
      return TokenizerConfiguration(
        template: .unknown(endOfText: end ?? ""),
        refusal: .unknownTemplate(folder: folder.path)
      )
    }
    do {
      let program = try ChatProgram(
        source: try jinja.get(),
        specialTokens: specialTokens(document)
      )
      var own = ChatTemplate.own(program, tokenizer: tokenizer, endOfText: end)
      own.padding = padding
      return TokenizerConfiguration(template: own, refusal: nil)
    } catch let error as JinjaError {
      return TokenizerConfiguration(
        template: preset ?? .unknown(endOfText: end ?? ""),
        refusal: .unreadableTemplate(folder: folder.path, error: error, preset: preset?.name)
      )
    }
  }

  /// The form in which an encoder reads a prompt and a response, by the folder's special tokens.
  ///
  /// - Parameters:
  ///   - folder: The model folder.
  ///   - tokenizer: The folder's tokenizer.
  /// - Returns: The template.
  /// - Throws: `TextError.missingToken` where the vocabulary lacks a token, `malformedJSON`, or
  ///   `inaccessible`.
  package static func pair(
    folder: URL,
    tokenizer: any Tokenizer
  ) throws -> TokenizerConfiguration {
    let document = try TokenizerSettings.read(in: folder, tokenizer: tokenizer)
    func token(_ names: String..., usual: String) -> String {
      names.lazy.compactMap { spelling(document[$0 + "_token"]) }.first ?? usual
    }
    var template = ChatTemplate.pair(
      beginning: token("cls", "bos", usual: "[CLS]"),
      end: token("sep", "eos", usual: "[SEP]")
    )
    for token in template.specialTokens where tokenizer.id(of: token) == nil {
      throw TextError.missingToken(spelling: token, template: template.name)
    }
    template.padding = spelling(document["pad_token"])
      .flatMap { tokenizer.id(of: $0) == nil ? nil : $0 }
    return TokenizerConfiguration(template: template, refusal: nil)
  }

  /// The spellings of special tokens by the names of their variables in templates.
  private static func specialTokens(_ document: JSONValue) -> [String: String] {
    let names = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].map { $0 + "_token" }
    let pairs = names.compactMap { name in spelling(document[name]).map { (name, $0) } }
    return Dictionary(uniqueKeysWithValues: pairs)
  }

  /// A model folder's own chat template, whether or not a preset equals it.
  ///
  /// - Parameter folder: The model folder.
  /// - Returns: The template with its special tokens; `nil` where the folder has none.
  /// - Throws: `TextError.template` where it cannot be read, `malformedJSON`, or `inaccessible`.
  package static func program(in folder: URL) throws -> ChatProgram? {
    let document = try TokenizerSettings.read(
      in: folder,
      tokenizer: try? TokenizerFile.read(folder)
    )
    guard let jinja = try jinja(document, in: folder) else { return nil }
    do {
      return try ChatProgram(source: jinja.get(), specialTokens: specialTokens(document))
    } catch let error as JinjaError {
      throw TextError.template(error)
    }
  }

  /// The Jinja text of a folder: of several the one named `default`.
  ///
  /// Source: `PreTrainedTokenizerBase._from_pretrained` of transformers, where a file of its own
  /// comes first; `chat_template.json` is what processors wrote before it.
  private static func jinja(
    _ document: JSONValue,
    in folder: URL
  ) throws -> Result<String, JinjaError>? {
    let separate = folder.appendingPathComponent("chat_template.jinja")
    if FileManager.default.fileExists(atPath: separate.path) {
      return .success(String(decoding: try TextFile.read(separate), as: UTF8.self))
    }
    var found = document["chat_template"] ?? .null
    if found.isNull {
      found = try TextFile.json("chat_template.json", in: folder)["chat_template"] ?? .null
    }
    if found.isNull { return nil }
    if let source = found.string { return .success(source) }
    // As an object, the names are its keys; transformers holds them so in memory.
    let named =
      found.members?.map { (name: $0.key, template: $0.value.string) }
      ?? (found.array ?? []).map {
        (name: $0["name"]?.string ?? "?", template: $0["template"]?.string)
      }
    if let source = named.first(where: { $0.name == "default" })?.template {
      return .success(source)
    }
    let reason =
      named.isEmpty
      ? "it is \(found.kind), and neither a text nor named texts"
      : "none of its templates (\(named.map(\.name).joined(separator: ", "))) is the default"
    return .failure(JinjaError(line: 1, kind: .syntax, reason: reason))
  }

  /// A token is spelt as a string, or as an object with a content.
  private static func spelling(_ value: JSONValue?) -> String? {
    value?.string ?? value?["content"]?.string
  }

  private static func match(_ tokenizer: any Tokenizer, jinja: String?) -> ChatTemplate? {
    let system = jinja.flatMap(defaultSystem)
    let candidates = [
      ChatTemplate.assay, .llama3, .chatML(defaultSystem: system),
    ]
    return candidates.first { candidate in
      candidate.specialTokens.allSatisfy { tokenizer.id(of: $0) != nil }
    }
  }

  /// The text between the marks of a system turn in a Jinja template, where it is constant.
  static func defaultSystem(inJinja jinja: String) -> String? {
    // Most templates spell the newline with a backslash.
    for mark in ["<|im_start|>system\\n", "<|im_start|>system\n"] {
      for rest in jinja.split(separator: mark, omittingEmptySubsequences: false).dropFirst() {
        guard let end = rest.firstRange(of: "<|im_end|>") else { continue }
        let text = rest[..<end.lowerBound]
        // A quote ends the constant: what follows is computed.
        if !text.isEmpty, !text.contains(where: { "'\"{}\\".contains($0) }) { return String(text) }
      }
    }
    return nil
  }

  /// The published texts that the presets are equal to, with `eos_token` and such spelt out.
  private static func isKnown(_ jinja: String) -> Bool {
    let llama3 =
      "{% set loop_messages = messages %}{% for message in loop_messages %}"
      + "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
      + "+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
      + "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    let generation =
      "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    let qwen2 =
      "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
      + "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
      + "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
      + "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    let known = [
      llama3 + "{% if add_generation_prompt %}" + generation + "{% endif %}", qwen2,
    ]
    return known.contains { $0 == jinja || $0.replacing("\n", with: "\\n") == jinja }
  }

  /// Writes `tokenizer_config.json` so that `transformers` renders conversations as `template`.
  ///
  /// - Parameters:
  ///   - folder: The model folder.
  ///   - template: The chat template.
  ///   - contextTokens: The longest sequence of the model, in tokens.
  /// - Throws: `TextError.inaccessible` where the file cannot be written.
  package static func save(
    to folder: URL,
    template: ChatTemplate,
    contextTokens: Int
  ) throws {
    func token(_ name: String, _ spelling: String?) -> JSONMember {
      let own = template.program?.specialTokens[name + "_token"]
      return JSONMember(name + "_token", (own ?? spelling).map { .string($0) } ?? .null)
    }
    // The variables of the model's own template keep their values.
    let further = ["unk", "sep", "cls", "mask"].map { token($0, nil) }.filter { !$0.value.isNull }
    let document: JSONValue = .object(
      [
        JSONMember("tokenizer_class", "PreTrainedTokenizerFast"),
        token("bos", template.beginning), token("eos", template.endOfTurn),
        token("pad", template.padding),
      ] + further + [
        JSONMember("model_max_length", .number(String(contextTokens))),
        JSONMember("clean_up_tokenization_spaces", false),
        JSONMember("add_bos_token", false),
        JSONMember("chat_template", .string(template.jinja)),
      ]
    )
    let file = folder.appendingPathComponent("tokenizer_config.json")
    try TextFile.write(Array((document.pretty + "\n").utf8), to: file)
  }
}
