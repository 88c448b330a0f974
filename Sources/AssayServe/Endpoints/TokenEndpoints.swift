// Source: the protocol of vllm-project/vllm, `vllm/entrypoints/serve/tokenize/protocol.py`.

import AssayBase
import AssayModel
import AssayText

/// `POST /tokenize` and `/detokenize` of vLLM.
enum TokenEndpoints {
  static let endpoints = [
    Endpoint.post(
      "/tokenize",
      summary: "The tokens of a text or a conversation.",
      members: [
        "prompt": "A text.", "messages": "A conversation instead.",
        "add_special_tokens": "Whether the tokenizer's special tokens are added; true for a text.",
        "add_generation_prompt": "Whether a conversation ends where a response is written; true.",
        "return_token_strs": "Whether the tokens' spellings are told too.",
      ],
      handle: tokenize
    ),
    Endpoint.post(
      "/detokenize",
      summary: "The text of tokens.",
      members: ["tokens": "Token ids."],
      handle: detokenize
    ),
  ]

  private static func tokenize(_ exchange: Exchange) throws -> Reply {
    let model = exchange.model
    var fields = try RequestFields(exchange.body)
    let tokens: [Int32]
    if let messages = fields.value("messages") {
      tokens = try conversation(messages, &fields, model)
    } else {
      _ = try fields.required("prompt", "a text, or 'messages' in its place")
      let text = try fields.string("prompt") ?? ""
      tokens = model.tokens(of: text, addsSpecials: try fields.bool("add_special_tokens") ?? true)
    }
    let spells = try fields.bool("return_token_strs") ?? false
    try fields.finish()
    let spellings = tokens.map { JSONValue.string(model.text.tokenizer.spelling(of: $0) ?? "") }
    return .json([
      "count": .number("\(tokens.count)"),
      "max_model_len": .number("\(model.text.contextTokens)"),
      "tokens": .array(tokens.map { .number("\($0)") }),
      "token_strs": spells ? .array(spellings) : nil,
    ])
  }

  private static func conversation(
    _ value: JSONValue,
    _ fields: inout RequestFields,
    _ model: ServedModel
  ) throws -> [Int32] {
    let messages = try Message.conversation(value)
    let opens = try fields.bool("add_generation_prompt") ?? true
    let addsSpecials = try fields.bool("add_special_tokens") ?? false
    try fields.refuse("continue_final_message", unless: { $0 == false }, "turns are closed")
    try fields.refuse("chat_template", "the model's own template is used")
    let isEmpty = { (value: JSONValue) in
      value.members?.isEmpty ?? value.array?.isEmpty ?? false
    }
    try fields.refuse("chat_template_kwargs", unless: isEmpty, "the template has no variables")
    try fields.refuse("tools", unless: isEmpty, "the template has no tools")
    let renderer = model.text.renderer.unlimited
    let tokens =
      opens
      ? try renderer.generationPrefix(prompt: messages)
      : try renderer.renderForLanguageModel(messages, targets: .all).tokens
    return addsSpecials ? model.framing.around(tokens) : tokens
  }

  private static func detokenize(_ exchange: Exchange) throws -> Reply {
    let text = exchange.model.text
    var fields = try RequestFields(exchange.body)
    let expected = "a list of token ids"
    let given = try fields.required("tokens", expected)
    // A text may have more tokens than the model reads.
    let lists = try fields.tokenLists("tokens", below: text.vocabularySize, most: .max)
    try fields.finish()
    guard given.array?.isEmpty ?? false || lists?.count == 1 else {
      throw RequestFields.wrong("tokens", given, expected)
    }
    return .json([
      "prompt": .string(text.tokenizer.decode(lists?.first ?? [], skipSpecialTokens: false))
    ])
  }
}
