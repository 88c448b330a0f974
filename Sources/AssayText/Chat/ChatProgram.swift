import AssayBase

/// A model's own chat template and the special tokens that it is given.
package struct ChatProgram: Hashable, Sendable {
  /// A part of a rendered conversation.
  enum Part: Hashable {
    /// A special token that the template wrote, by its id.
    case special(Int32)
    /// Text, and where it comes from.
    case text(String, TextOrigin)

    /// Whether it is text of a message.
    func isContent(of message: Int) -> Bool {
      if case .text(_, .content(message)) = self { true } else { false }
    }
  }

  private let template: JinjaTemplate
  /// The spellings of special tokens by the names of their variables, such as `bos_token`.
  package let specialTokens: [String: String]

  /// The text of the template.
  package var source: String { template.source }

  /// Reads a template.
  ///
  /// - Parameters:
  ///   - source: The text of the template.
  ///   - specialTokens: The spellings of special tokens by the names of their variables.
  /// - Throws: `JinjaError` of kind `syntax`.
  package init(source: String, specialTokens: [String: String]) throws {
    template = try JinjaTemplate(source)
    self.specialTokens = specialTokens
  }

  package static func == (left: ChatProgram, right: ChatProgram) -> Bool {
    left.source == right.source && left.specialTokens == right.specialTokens
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(source)
    hasher.combine(specialTokens)
  }

  /// Renders a conversation.
  ///
  /// - Parameters:
  ///   - messages: The conversation.
  ///   - addsGenerationPrompt: Whether an assistant's turn is opened at the end.
  /// - Returns: The text and where each part comes from.
  /// - Throws: `TextError.template` where the template refuses the conversation or fails.
  package func render(
    _ messages: [Message],
    addsGenerationPrompt: Bool
  ) throws -> RenderedText {
    do {
      return try template.render(
        JinjaTemplate.Input(
          messages: messages.map { message in
            var members = [
              JSONMember("role", .string(message.role)),
              JSONMember("content", .string(message.content)),
            ]
            if let name = message.name { members.append(JSONMember("name", .string(name))) }
            return .object(members)
          },
          addsGenerationPrompt: addsGenerationPrompt,
          specialTokens: specialTokens
        )
      )
    } catch let error as JinjaError {
      throw TextError.template(error)
    }
  }
}

/// Finds the special tokens that a template wrote, and none that a message spells.
struct SpanReader: Sendable {
  private let matcher: AddedTokenMatcher
  private let tokens: [Int32: AddedToken]

  /// Makes a reader for a vocabulary.
  init(_ tokenizer: any Tokenizer) {
    let special = tokenizer.addedTokens.filter(\.isSpecial)
    matcher = AddedTokenMatcher(special.map { ($0.content, $0) })
    tokens = Dictionary(special.map { ($0.id, $0) }) { first, _ in first }
  }

  /// Returns the special tokens of the template's stretches and the text between them.
  ///
  /// A token that takes the white space beside it takes that of a message too, as `tokenizers` does.
  func parts(of rendered: RenderedText) -> [ChatProgram.Part] {
    var parts: [ChatProgram.Part] = []
    for span in rendered.spans {
      guard span.origin == .template else {
        parts.append(.text(span.text, span.origin))
        continue
      }
      var text = span.text
      text.withUTF8 { bytes in
        for part in matcher.parts(of: bytes) {
          switch part {
          case .token(let id): parts.append(.special(id))
          case .text(let range):
            parts.append(.text(String(decoding: bytes[range], as: UTF8.self), span.origin))
          }
        }
      }
    }
    return stripped(parts)
  }

  private func stripped(_ parts: [ChatProgram.Part]) -> [ChatProgram.Part] {
    var parts = parts
    func trim(_ index: Int, front: Bool) {
      guard parts.indices.contains(index), case .text(let text, let origin) = parts[index] else {
        return
      }
      var scalars = text.unicodeScalars[...]
      func isSpace(_ scalar: Unicode.Scalar?) -> Bool { scalar?.properties.isWhitespace ?? false }
      while isSpace(front ? scalars.first : scalars.last) {
        if front { scalars.removeFirst() } else { scalars.removeLast() }
      }
      parts[index] = .text(String(scalars), origin)
    }
    for index in parts.indices {
      guard case .special(let id) = parts[index], let token = tokens[id] else { continue }
      if token.stripsRight { trim(index + 1, front: true) }
      if token.stripsLeft { trim(index - 1, front: false) }
    }
    return parts.filter { if case .text("", _) = $0 { false } else { true } }
  }
}

extension ChatTemplate {
  /// A model's own template, interpreted.
  ///
  /// What closes an assistant's turn is read off a conversation of one exchange; where it cannot be
  /// told, `endOfTurn` is empty, and critiques, which need it, are refused.
  ///
  /// - Parameters:
  ///   - program: The template.
  ///   - tokenizer: The model's tokenizer.
  ///   - endOfText: What ends a text where no token closes turns; `nil` where none is known.
  /// - Returns: The template.
  package static func own(
    _ program: ChatProgram,
    tokenizer: any Tokenizer,
    endOfText: String?
  ) -> ChatTemplate {
    var template = ChatTemplate.unknown(endOfText: endOfText ?? "")
    template.name = "own"
    template.program = program
    let exchange = [Message.user("What?"), .assistant("That.")]
    guard let rendered = try? program.render(exchange, addsGenerationPrompt: false) else {
      return template
    }
    let parts = SpanReader(tokenizer).parts(of: rendered)
    if let bos = program.specialTokens["bos_token"], let id = tokenizer.id(of: bos),
      parts.first == .special(id)
    {
      template.beginning = bos
    }
    guard let last = parts.lastIndex(where: { $0.isContent(of: 1) }) else { return template }
    let closing = parts[(last + 1)...]
    for (index, part) in zip(closing.indices, closing) {
      guard case .special(let id) = part,
        let token = tokenizer.addedTokens.first(where: { $0.id == id })
      else { continue }
      template.endOfTurn = token.content
      if closing.count == index - closing.startIndex + 2,
        case .text(let text, _) = closing[index + 1]
      {
        template.separator = text
      }
      break
    }
    return template
  }
}
