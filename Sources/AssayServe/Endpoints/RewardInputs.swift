import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayText
import Foundation

/// What a request of vLLM's or SGLang's shape is about.
struct RewardInputs {
  var items: [ScoringInput]
  /// Whether one text was given, and not a list of them.
  var isSingle = false
  var options: RewardOptions

  /// Reads the members that these protocols share.
  ///
  /// - Parameters:
  ///   - exchange: The request.
  ///   - key: What texts are called: `input`, `text`, or `input_ids` for tokens.
  ///   - encodes: Whether the protocol has numbers in base64.
  /// - Throws: `ServeError`, or `TextError` where the template does not fit.
  init(_ exchange: Exchange, key: String, encodes: Bool) throws {
    try exchange.requireReward()
    let model = exchange.model
    var fields = try RequestFields(exchange.body)
    if let messages = fields.value("messages") {
      items = [try Self.conversation(messages, &fields, model)]
    } else {
      let expected = "a rendered text or a list of them, or token ids"
      let value = try fields.required(key, expected)
      isSingle = value.string != nil || value.array?.first?.int != nil
      let addsSpecials = try fields.bool("add_special_tokens") ?? true
      let (size, most) = (model.text.vocabularySize, model.text.contextTokens)
      if let lists = try fields.tokenLists(key, below: size, most: most) {
        items = lists.map { .conversation($0) }
      } else {
        items = (try fields.strings(key) ?? []).map { text in
          .conversation(model.closed(model.tokens(of: text, addsSpecials: addsSpecials)))
        }
      }
      guard !items.isEmpty else {
        throw ServeError.parameter(name: key, actual: "an empty list", expected: expected)
      }
    }
    options = try RewardOptions(&fields, exchange, encodes: encodes)
    try fields.finish()
  }

  /// A conversation whose last turn is scored, or, as vLLM has it, all of one that ends otherwise.
  private static func conversation(
    _ value: JSONValue,
    _ fields: inout RequestFields,
    _ model: ServedModel
  ) throws -> ScoringInput {
    let messages = try Message.conversation(value)
    try fields.refuse(
      "add_special_tokens",
      unless: { $0 == false },
      "the template writes them"
    )
    try fields.refuse("continue_final_message", unless: { $0 == false }, "turns are closed")
    if try fields.bool("add_generation_prompt") == true {
      return .conversation(try model.text.renderer.generationPrefix(prompt: messages))
    }
    if let last = messages.last, last.role == "assistant" {
      return .response(prompt: messages.dropLast(), response: last.content)
    }
    guard model.kind == .classic else {
      throw ServeError.parameter(
        name: "messages",
        actual: "without a response at its end",
        expected: "a conversation that ends with an assistant's turn"
      )
    }
    return .conversation(try model.conversation(messages))
  }
}

/// What requests of vLLM's shape say of numbers.
struct RewardOptions {
  var transform = Transform.none
  /// Whether numbers are asked for as the base64 text of float32, as OpenAI's client does.
  var isBase64 = false

  /// - Parameters:
  ///   - fields: The request's members.
  ///   - exchange: The request.
  ///   - encodes: Whether the protocol has numbers in base64.
  /// - Throws: `ServeError`.
  init(
    _ fields: inout RequestFields,
    _ exchange: Exchange,
    encodes: Bool = false
  ) throws(ServeError) {
    // The flag's names, the newest first.
    for name in ["use_activation", "activation", "softmax"] {
      guard try fields.bool(name) == true else { continue }
      guard let activation = Transform.activation(of: exchange.model.text.scoreKind) else {
        throw .unsupported(name: name, advice: "the scores are ratings, not logits; leave it out")
      }
      transform = activation
    }
    try fields.refuseTextChanges(exchange)
    if let task = try fields.string("task"), task != "classify" {
      throw .unsupported(name: "task", advice: "the only task of a reward model is 'classify'")
    }
    try fields.refuse("dimensions", "a reward has one number")
    isBase64 = encodes && fields.value("encoding_format")?.string == "base64"
    try fields.refuse(
      "encoding_format",
      unless: { $0.string == "float" || isBase64 },
      "numbers are sent as JSON numbers" + (encodes ? " or in base64" : "")
    )
    fields.ignore("user", "priority", "request_id", "cache_salt", "rid")
  }

  /// A vector of one number: a list, or base64 of its little-endian float32.
  func json(_ score: Score) -> JSONValue {
    let value = transform.json(score.value)
    guard isBase64 else { return [value] }
    let bits = Float(value.double ?? .nan).bitPattern.littleEndian
    return .string(withUnsafeBytes(of: bits) { Data($0).base64EncodedString() })
  }
}

extension Message {
  /// Reads the messages of a request.
  ///
  /// - Throws: `ServeError.parameter`.
  static func conversation(
    _ value: JSONValue,
    key: String = "messages"
  ) throws(ServeError) -> [Message] {
    do throws(RowRefusal) {
      return try list(value, key: key)
    } catch {
      throw .parameter(
        name: key,
        actual: error.detail,
        expected: "a list of messages with role and content"
      )
    }
  }
}

extension RequestFields {
  /// Refuses what would change how texts are read, or take something away.
  fileprivate mutating func refuseTextChanges(_ exchange: Exchange) throws(ServeError) {
    try refuse(
      "truncate_prompt_tokens",
      unless: { ($0.int ?? 0) == -1 || ($0.int ?? 0) >= exchange.model.text.contextTokens },
      "texts are never cut; shorten them"
    )
    ignore("truncation_side")
    try refuse("padding", unless: { $0.string == "do_not_pad" }, "nothing is padded")
    try refuse(
      "chat_template_kwargs",
      unless: { $0.members?.isEmpty ?? false },
      "the model's own template has no variables"
    )
    try refuse("chat_template", "the model's own template is used")
    let opensTurn = exchange.body["messages"] != nil
    try refuse(
      "add_generation_prompt",
      unless: { opensTurn || $0 == false },
      "it belongs to 'messages'"
    )
    try refuse("mm_processor_kwargs", "texts only")
  }
}

extension ServedModel {
  /// The tokens of a rendered text, with the special tokens around them that the tokenizer adds.
  ///
  /// vLLM's and SGLang's servers add them unless they are told not to, so that clients take the
  /// beginning token off before they ask; a text that begins with it is not given another.
  func tokens(of text: String, addsSpecials: Bool) -> [Int32] {
    let ids = self.text.tokenizer.encode(text)
    return addsSpecials ? framing.around(ids) : ids
  }

  /// The tokens of a conversation that ends with a response, its turn closed where a critic is to
  /// write behind it: it would go on with the response.
  func closed(_ tokens: [Int32]) -> [Int32] {
    kind.writes ? closedTurn(tokens) : tokens
  }

  /// The tokens with the last turn closed, as the model was trained to see it.
  func closedTurn(_ tokens: [Int32]) -> [Int32] {
    let renderer = text.renderer
    let separator = text.tokenizer.encodePlain(
      renderer.template.separator,
      isStart: false
    )
    let isSeparated = tokens.suffix(separator.count).elementsEqual(separator)
    let last = isSeparated ? tokens.dropLast(separator.count).last : tokens.last
    guard renderer.endOfTurnID >= 0, last != renderer.endOfTurnID, !tokens.isEmpty else {
      return tokens
    }
    let end = renderer.scoredToken == .lastOfTemplate ? separator : []
    return tokens + [renderer.endOfTurnID] + end
  }

  /// The tokens of a whole conversation, up to the place where the model is read.
  ///
  /// - Throws: `ServeError.tooLong`, or `TextError` where the template does not fit.
  func conversation(_ messages: [Message]) throws -> [Int32] {
    let sequence = try text.renderer.renderForLanguageModel(messages, targets: .all)
    guard sequence.removedTokenCount == 0 else {
      throw ServeError.tooLong(
        item: "the conversation",
        tokens: sequence.tokens.count + sequence.removedTokenCount,
        maximum: text.contextTokens
      )
    }
    let end = sequence.tokens.lastIndex(of: text.renderer.endOfTurnID)
    guard text.renderer.scoredToken == .endOfTurn, let end else { return sequence.tokens }
    return Array(sequence.tokens[...end])
  }
}
