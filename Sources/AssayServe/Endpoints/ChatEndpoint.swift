// POST /v1/chat/completions and /v1/completions, of models that continue texts.

import AssayBase
import AssayGenerate
import AssayModel
import AssayText

/// `POST /v1/chat/completions`.
enum ChatEndpoint {
  static let endpoint = Endpoint.post(
    "/v1/chat/completions",
    summary: "Answers, judgements and critiques with rewards, as OpenAI's chat gives texts.",
    members: [
      "messages": "The conversation; one that ends with a response is criticized or scored.",
      "max_completion_tokens": "Tokens of an answer; also 'max_tokens'.", "n": "Answers.",
      "temperature": "0 is greedy.", "stream": "Whether tokens are sent as they come.",
      "logprobs": "Whether tokens are told with their log probabilities.",
    ]
  ) { exchange in
    if exchange.model.kind == .classic { return try await ChatReward.reply(exchange) }
    try exchange.requireWriter()
    return try await exchange.write(try TextRequest(chat: exchange))
  }
}

/// `POST /v1/completions`: texts behind a rendered one.
enum CompletionsEndpoint {
  static let endpoint = Endpoint.post(
    "/v1/completions",
    summary: "Texts that continue rendered ones, as OpenAI's completions.",
    members: [
      "prompt": "A rendered text, a list of them, or token ids.",
      "max_tokens": "Tokens of a text; 16.", "n": "Texts of each prompt.",
      "temperature": "0 is greedy.", "stream": "Whether tokens are sent as they come.",
      "logprobs": "How many alternatives of each token are told with their log probabilities.",
      "add_special_tokens":
        "Whether the tokenizer's special tokens are added where they are missing; true.",
    ]
  ) { exchange in
    try exchange.requireWriter()
    return try await exchange.write(try TextRequest(completion: exchange))
  }
}

extension Exchange {
  /// Checks that the model writes texts.
  ///
  /// - Throws: `ServeError.wrongKind`.
  fileprivate func requireWriter() throws(ServeError) {
    guard model.writes else {
      throw .wrongKind(
        endpoint: path,
        kind: model.kind.rawValue,
        needed: "a judge, a cloud or a language model"
      )
    }
  }

  /// Writes texts, whole or as they come.
  fileprivate func write(_ request: TextRequest) async throws -> Reply {
    if request.isStreamed { return TextStreaming(self, request).reply() }
    let texts = try await port.texts(request.requests)
    let choices = texts.enumerated().map { index, text in
      request.form.choice(
        text,
        at: index,
        wantsTokens: request.wantsLogProbabilities,
        model.text.tokenizer
      )
    }
    return .json(
      .object(
        head(request.form.idPrefix, request.form.object) + [
          JSONMember("choices", .array(choices)),
          JSONMember("usage", TextForm.usage(texts, choices: request.choices)),
          JSONMember("seed", request.seed),
        ]
      )
    )
  }
}
