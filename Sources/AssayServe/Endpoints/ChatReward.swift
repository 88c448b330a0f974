// Source: NVIDIA NIM's reward models, which answer a conversation by "reward:NUMBER" and tell the number
// as the log probability of a token "reward".

import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayText

/// Rewards of a model that writes nothing, through chat: clients that know nothing else can use it.
enum ChatReward {
  static func reply(_ exchange: Exchange) async throws -> Reply {
    try exchange.requireReward()
    var fields = try RequestFields(exchange.body)
    let expected = "a conversation that ends with an assistant's turn"
    let value = try fields.required("messages", expected)
    let messages = try Message.conversation(value)
    guard let last = messages.last, last.role == "assistant" else {
      throw ServeError.parameter(
        name: "messages",
        actual: "without a response at its end",
        expected: expected
      )
    }
    try fields.refuse("stream", unless: { $0 == false }, "a reward comes whole")
    try fields.refuse("n", unless: { $0 == 1 }, "a reward has one number")
    // How texts are drawn changes no reward.
    fields.ignore("temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop")
    fields.ignore("logprobs", "top_logprobs", "user", "metadata", "store", "stream_options")
    fields.ignore("frequency_penalty", "presence_penalty", "top_k", "repetition_penalty")
    try fields.finish()
    let score = try await exchange.score([
      .response(prompt: messages.dropLast(), response: last.content)
    ])[0]
    let number = Transform.none.json(score.value)
    let reward = JSONMember("reward", number)
    let text = TextForm.message("reward:\(Transform.none.apply(score.value))")
    let entry: JSONValue = [
      "token": "reward", "logprob": number, "bytes": nil, "top_logprobs": [],
    ]
    return Reply.json(
      .object(
        exchange.head("chatcmpl", "chat.completion") + [
          JSONMember(
            "choices",
            [
              .object([
                JSONMember("index", 0), JSONMember("message", .object(text + [reward])),
                JSONMember("finish_reason", "stop"),
                JSONMember("logprobs", ["content": [entry]]), reward,
              ])
            ]
          ), JSONMember("usage", ClassifyEndpoints.usage([score])),
        ]
      )
    ).with(Reply.transformHeader, Transform.none.rawValue)
  }
}
