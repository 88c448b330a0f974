import AssayBase
import Foundation

/// What `tokenizer_config.json` says beside the tokenizer itself.
package struct TokenizerConfiguration: Sendable, Equatable {
  /// The chat template that the special tokens and the configuration's Jinja text point to.
  package var template: ChatTemplate
  /// Whether `template` is known to render as the folder's own Jinja text does: the texts are
  /// equal, or there is none.
  package var isExact: Bool

  /// Finds the chat template of a model folder.
  ///
  /// Special tokens in the vocabulary decide; a default system turn is taken from the Jinja text
  /// in `tokenizer_config.json` or `chat_template.jinja`.
  ///
  /// - Parameters:
  ///   - folder: The model folder; its configuration may be absent.
  ///   - tokenizer: The folder's tokenizer.
  /// - Returns: The template, and whether it is known to be exact.
  /// - Throws: `TextError.unknownTemplate` where no template fits, or `malformedJSON`.
  package static func detect(
    folder: URL,
    tokenizer: any Tokenizer
  ) throws -> TokenizerConfiguration {
    let file = folder.appendingPathComponent("tokenizer_config.json")
    var jinja: String?
    var document = JSONValue.null
    if FileManager.default.fileExists(atPath: file.path) {
      do {
        document = try JSONValue(parsing: try TextFile.read(file))
      } catch let error as JSONError {
        throw TextError.malformedJSON(file: file.path, reason: error.description)
      }
      jinja = document["chat_template"]?.string
    }
    let separate = folder.appendingPathComponent("chat_template.jinja")
    if jinja == nil, FileManager.default.fileExists(atPath: separate.path) {
      jinja = String(decoding: try TextFile.read(separate), as: UTF8.self)
    }
    guard var template = match(tokenizer, jinja: jinja) else {
      throw TextError.unknownTemplate(tokenizer: folder.path)
    }
    if let padding = spelling(document["pad_token"]), tokenizer.id(of: padding) != nil {
      template.padding = padding
    } else if let padding = template.padding, tokenizer.id(of: padding) == nil {
      template.padding = nil
    }
    let isExact = jinja == nil || jinja == template.jinja || jinja.map(isKnown) == true
    return TokenizerConfiguration(template: template, isExact: isExact)
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
    func token(_ spelling: String?) -> JSONValue { spelling.map { .string($0) } ?? .null }
    let document: JSONValue = [
      "tokenizer_class": "PreTrainedTokenizerFast",
      "bos_token": token(template.beginning),
      "eos_token": token(template.endOfTurn),
      "pad_token": token(template.padding),
      "model_max_length": .number(String(contextTokens)),
      "clean_up_tokenization_spaces": false,
      "add_bos_token": false,
      "chat_template": .string(template.jinja),
    ]
    let file = folder.appendingPathComponent("tokenizer_config.json")
    try TextFile.write(Array((document.pretty + "\n").utf8), to: file)
  }
}
