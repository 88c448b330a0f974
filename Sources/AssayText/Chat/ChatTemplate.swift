/// How a conversation is spelt for a model.
///
/// A template is data rather than a program: the parts that are special tokens are known, so that
/// what people and models wrote is never read as one. `jinja` spells it for other tools.
///
/// Source: the `tokenizer_config.json` of meta-llama/Meta-Llama-3-8B-Instruct and
/// Qwen/Qwen2-0.5B-Instruct.
package struct ChatTemplate: Hashable, Sendable {
  /// How the speaker of a turn is marked.
  package enum RoleMark: Hashable, Sendable {
    /// One special token a role.
    case tokens([String: String])
    /// The role's name between special tokens, and text before the content.
    case named(opening: String, closing: String?, separator: String)
    /// Not at all: an encoder reads a prompt and a response one behind the other.
    case none
  }

  /// A part of a rendered conversation.
  package enum Part: Hashable, Sendable {
    /// A special token by its spelling.
    case special(String)
    /// Text that is never read as a special token.
    case text(String)
  }

  /// What the template is called in messages.
  package var name: String
  /// The special token before everything, if any.
  package var beginning: String?
  /// How the speaker of a turn is marked.
  package var roleMark: RoleMark
  /// The special token that closes every turn; reward heads read its hidden state.
  package var endOfTurn: String
  /// Text between a turn's end and the next one.
  package var separator: String
  /// Whether white space around contents is dropped.
  package var trimsContent: Bool
  /// The system turn that is put first where a conversation has none.
  package var defaultSystem: String?
  /// The special token for padding, distinct from the end of turn.
  package var padding: String?
  /// The model's own template, which renders conversations in place of what is said above; `nil` for
  /// a preset.
  package var program: ChatProgram?

  /// The special tokens of Assay's own vocabularies, in the order of their ids.
  package static let assaySpecialTokens = [
    "<pad>", "<s>", "<|system|>", "<|user|>", "<|assistant|>", "<|eot|>",
  ]

  /// Assay's own: `<s><|user|>{content}<|eot|><|assistant|>{content}<|eot|>`.
  package static let assay = ChatTemplate(
    name: "assay",
    beginning: "<s>",
    roleMark: .tokens([
      "system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>",
    ]),
    endOfTurn: "<|eot|>",
    separator: "",
    trimsContent: false,
    padding: "<pad>"
  )

  /// Llama 3's: contents trimmed, no system turn of its own, no date.
  package static let llama3 = ChatTemplate(
    name: "llama-3",
    beginning: "<|begin_of_text|>",
    roleMark: .named(
      opening: "<|start_header_id|>",
      closing: "<|end_header_id|>",
      separator: "\n\n"
    ),
    endOfTurn: "<|eot_id|>",
    separator: "",
    trimsContent: true
  )

  /// ChatML, as Qwen2 spells it.
  ///
  /// - Parameter defaultSystem: The system turn put first where a conversation has none;
  ///   Qwen2's is `qwen2DefaultSystem`.
  /// - Returns: The template.
  package static func chatML(defaultSystem: String? = nil) -> ChatTemplate {
    ChatTemplate(
      name: "chatml",
      beginning: nil,
      roleMark: .named(opening: "<|im_start|>", closing: nil, separator: "\n"),
      endOfTurn: "<|im_end|>",
      separator: "\n",
      trimsContent: false,
      defaultSystem: defaultSystem,
      padding: "<|endoftext|>"
    )
  }

  /// An encoder's pair of texts: `[CLS]{prompt}[SEP]{response}[SEP]`.
  ///
  /// - Parameters:
  ///   - beginning: The special token before the prompt.
  ///   - end: The special token behind each text.
  /// - Returns: The template, which has one prompt and one response.
  package static func pair(beginning: String, end: String) -> ChatTemplate {
    ChatTemplate(
      name: "pair",
      beginning: beginning,
      roleMark: .none,
      endOfTurn: end,
      separator: "",
      trimsContent: false
    )
  }

  /// Whether it has one prompt and one response, and no marks for roles.
  package var isPair: Bool { roleMark == .none }

  /// No template: conversations cannot be rendered, rendered texts can be read and continued.
  ///
  /// - Parameter endOfText: The special token that ends a text; empty where none is known.
  /// - Returns: The template, which has no mark for any role.
  package static func unknown(endOfText: String) -> ChatTemplate {
    ChatTemplate(
      name: "unknown",
      beginning: nil,
      roleMark: .tokens([:]),
      endOfTurn: endOfText,
      separator: "",
      trimsContent: false
    )
  }

  /// The system turn that Qwen2's template puts first.
  package static let qwen2DefaultSystem = "You are a helpful assistant."

  /// Every special token that the template may write.
  package var specialTokens: [String] {
    let marks: [String] =
      switch roleMark {
      case .tokens(let tokens): tokens.sorted { $0.key < $1.key }.map(\.value)
      case .named(let opening, let closing, _): [opening] + (closing.map { [$0] } ?? [])
      case .none: []
      }
    return (beginning.map { [$0] } ?? []) + marks + (endOfTurn.isEmpty ? [] : [endOfTurn])
  }

  /// Returns the parts that open a turn, up to its content.
  ///
  /// - Parameter role: Who speaks.
  /// - Returns: Special tokens and text.
  /// - Throws: `TextError.unknownRole` where the template has no mark for the role.
  package func opening(role: String) throws -> [Part] {
    switch roleMark {
    case .tokens(let tokens):
      guard let token = tokens[role] else {
        throw TextError.unknownRole(role: role, template: name, known: tokens.keys.sorted())
      }
      return [.special(token)]
    case .named(let opening, let closing, let separator):
      let name: [Part] = [.special(opening), .text(role)]
      return name + (closing.map { [.special($0)] } ?? []) + [.text(separator)]
    case .none: return []
    }
  }

  /// Returns the content of a turn as the template spells it.
  package func content(_ text: String) -> String {
    trimsContent ? text.trimmedAsPython : text
  }

  /// Returns the parts before the first turn of a conversation.
  ///
  /// - Parameter messages: The conversation, of which only the first role matters.
  /// - Returns: The beginning and the default system turn, where there are such.
  /// - Throws: `TextError.unknownRole` where the template cannot mark a system turn.
  package func beginning(of messages: [Message]) throws -> [Part] {
    var parts: [Part] = beginning.map { [.special($0)] } ?? []
    if let defaultSystem, let first = messages.first, first.role != "system" {
      parts += try turn(.system(defaultSystem))
    }
    return parts
  }

  /// Returns the parts of a whole turn with what separates it from the next.
  ///
  /// - Parameter message: The turn.
  /// - Returns: Opening, content, end of turn and separator.
  /// - Throws: `TextError.unknownRole` where the template has no mark for the role.
  package func turn(_ message: Message) throws -> [Part] {
    try opening(role: message.role)
      + [.text(content(message.content)), .special(endOfTurn), .text(separator)]
  }

  /// Returns the parts of a conversation.
  ///
  /// - Parameters:
  ///   - messages: The conversation.
  ///   - addsGenerationPrompt: Whether an assistant's turn is opened at the end.
  /// - Returns: Special tokens and text.
  /// - Throws: `TextError.unknownRole` where the template has no mark for a role.
  package func parts(of messages: [Message], addsGenerationPrompt: Bool) throws -> [Part] {
    var parts = try beginning(of: messages)
    for message in messages { parts += try turn(message) }
    if addsGenerationPrompt { parts += try opening(role: "assistant") }
    return parts
  }

  /// Returns a conversation as text.
  ///
  /// For people and other tools: encode the parts rather than this text, in which contents may
  /// spell special tokens.
  ///
  /// - Parameters:
  ///   - messages: The conversation.
  ///   - addsGenerationPrompt: Whether an assistant's turn is opened at the end.
  /// - Returns: The text.
  /// - Throws: `TextError.unknownRole` where the template has no mark for a role.
  package func text(of messages: [Message], addsGenerationPrompt: Bool) throws -> String {
    try parts(of: messages, addsGenerationPrompt: addsGenerationPrompt).map { part in
      switch part {
      case .special(let token): token
      case .text(let text): text
      }
    }.joined()
  }
}

extension ChatTemplate {
  /// The template in Jinja, for `tokenizer_config.json`; `bos_token` is the beginning.
  package var jinja: String {
    if let program { return program.source }
    let content = trimsContent ? "message['content'] | trim" : "message['content']"
    let close = "'\(Self.quoted(endOfTurn + separator))'"
    let open: String
    let prompt: String
    switch roleMark {
    case .tokens(let tokens):
      var branches = ""
      for (index, (role, token)) in tokens.sorted(by: { $0.key < $1.key }).enumerated() {
        branches += "{% \(index == 0 ? "if" : "elif") message['role'] == '\(Self.quoted(role))' %}"
        branches += "{{ '\(Self.quoted(token))' }}"
      }
      open =
        branches + "{% else %}{{ raise_exception('Unknown role: ' + message['role']) }}{% endif %}"
      prompt = Self.quoted(tokens["assistant"] ?? "")
    case .named(let opening, let closing, let separator):
      let behind = Self.quoted((closing ?? "") + separator)
      open = "{{ '\(Self.quoted(opening))' + message['role'] + '\(behind)' }}"
      prompt = Self.quoted(opening) + "assistant" + behind
    case .none: (open, prompt) = ("", "")
    }
    var system = ""
    if let defaultSystem, let parts = try? turn(.system(defaultSystem)) {
      let text = parts.map { part in
        switch part {
        case .special(let token): token
        case .text(let text): text
        }
      }.joined()
      system = "{% if loop.first and message['role'] != 'system' %}{{ '\(Self.quoted(text))' }}"
      system += "{% endif %}"
    }
    return (beginning == nil ? "" : "{{ bos_token }}")
      + "{% for message in messages %}\(system)\(open){{ \(content) }}{{ \(close) }}{% endfor %}"
      + "{% if add_generation_prompt %}{{ '\(prompt)' }}{% endif %}"
  }

  private static func quoted(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "'": result += "\\'"
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension String {
  /// The text without white space around it, as Python's `strip` and Jinja's `trim` have it.
  package var trimmedAsPython: String {
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }
    var scalars = unicodeScalars[...]
    while let first = scalars.first, isSpace(first) { scalars.removeFirst() }
    while let last = scalars.last, isSpace(last) { scalars.removeLast() }
    return String(scalars)
  }
}
