// What clients that people use send, and what they make of the answer.

import AssayBase
import AssayModel
import AssayServe
import AssayTestSupport
import AssayText
import Foundation
import NIOHTTP1
import Testing

@Suite struct ServeClientTests {
  private let text = "<|user|>How many?<|eot|><|assistant|>3<|eot|>"

  private func reward(_ client: TestClient) async throws -> Double {
    let answer = try await client.post("/classify", ["input": .string(text)])
    return try #require(answer.json?["data"]?.array?.first?["probs"]?.array?.first?.double)
  }

  @Test("LLaMA-Factory's client sends a name of its own")
  func llamaFactory() async throws {
    try await withServer(.classic) { client, _ in
      let answer = try await client.post(
        "/v1/score/evaluation",
        ["model": "model", "messages": [.string(text)]]
      )
      #expect(answer.status == 200, "\(answer.text)")
      #expect(answer.json?["scores"]?.array?.first?.double == (try await reward(client)))
    }
  }

  @Test("OpenAI's client asks for embeddings in base64", arguments: ["/v1/embeddings", "/pooling"])
  func base64(path: String) async throws {
    try await withServer(.classic) { client, _ in
      let answer = try await client.post(
        path,
        ["model": "tiny", "input": .string(text), "encoding_format": "base64"]
      )
      #expect(answer.status == 200, "\(answer.text)")
      let item = answer.json?["data"]?.array?.first
      let value = try #require(item?["embedding"] ?? item?["data"]).string ?? ""
      let bytes = try #require(Data(base64Encoded: value))
      #expect(bytes.count == 4)
      let bits = bytes.enumerated().map { UInt32($1) << (8 * $0) }.reduce(0, |)
      #expect(Float(bitPattern: bits) == Float(try await reward(client)))
      let other = try await client.post(
        "/classify",
        ["input": .string(text), "encoding_format": "base64"]
      )
      #expect(other.status == 400)
    }
  }

  @Test(
    "SGLang answers an object to a text, and a list to a list",
    arguments: ["/classify", "/encode"]
  )
  func single(path: String) async throws {
    try await withServer(.classic) { client, _ in
      let reward = try await reward(client)
      let one = try await client.post(path, ["text": .string(text)])
      #expect(one.json?["embedding"]?.array?.first?.double == reward, "\(one.text)")
      let list = try await client.post(path, ["text": [.string(text)]])
      #expect(list.json?.array?.first?["embedding"]?.array?.first?.double == reward)
    }
  }

  @Test("a record alone is refused where an option is misspelt")
  func misspelt() async throws {
    try await withServer(.cloud) { client, _ in
      for name in ["sample", "temprature", "use_activation"] {
        let row = JSONValue.object([
          JSONMember("id", "a"), JSONMember("prompt", "hi"), JSONMember("response", "hello"),
          JSONMember(name, 1),
        ])
        let answer = try await client.post("/v1/rewards", row)
        #expect(answer.status == 400 && answer.text.contains("'\(name)'"), "\(answer.text)")
      }
    }
    try await withServer(.judge) { client, _ in
      let answer = try await client.post(
        "/v1/judgements",
        ["prompt": "hi", "chosen": "a", "rejected": "b", "vote": 3]
      )
      #expect(answer.status == 400 && answer.text.contains("'vote'"), "\(answer.text)")
    }
  }

  @Test("members that ask for nothing are taken")
  func nothing() async throws {
    try await withServer(.languageModel) { client, _ in
      let body = """
        {"messages": [{"role": "user", "content": "hi"}, \
        {"role": "assistant", "content": "hello", "tool_calls": []}, \
        {"role": "user", "content": "hm"}], "max_tokens": 3, "best_of": 1, "ignore_eos": false, \
        "min_tokens": 0, "skip_special_tokens": true, "add_generation_prompt": true, \
        "modalities": ["text"], "tool_choice": "auto", "reasoning_effort": "low", \
        "chat_template_kwargs": {"enable_thinking": false}, \
        "include_stop_str_in_output": false, "spaces_between_special_tokens": true, \
        "stop_token_ids": [], "prompt_logprobs": null, "separate_reasoning": true, "logit_bias": {}, \
        "repetition_penalty": 1.03, "top_p": 0.9}
        """
      let answer = try await client.send(.POST, "/v1/chat/completions", body)
      #expect(answer.status == 200, "\(answer.text)")
      let asking = body.replacingOccurrences(of: "\"best_of\": 1", with: "\"best_of\": 2")
      #expect(try await client.send(.POST, "/v1/chat/completions", asking).status == 400)
      for (none, some) in [
        ("\"stop_token_ids\": []", "\"stop_token_ids\": [3]"),
        ("in_output\": false", "in_output\": true"),
        ("\"prompt_logprobs\": null", "\"prompt_logprobs\": 1"),
      ] {
        let asking = body.replacingOccurrences(of: none, with: some)
        #expect(
          try await client.send(.POST, "/v1/chat/completions", asking).status == 400,
          "\(some)"
        )
      }
    }
  }

  @Test("a seed is told as it was given", arguments: ["-7", "7", "18446744073709551609"])
  func seed(digits: String) async throws {
    try await withServer(.languageModel) { client, _ in
      let answer = try await client.post(
        "/v1/chat/completions",
        [
          "messages": [["role": "user", "content": "hi"]], "max_tokens": 2, "seed": .number(digits),
        ]
      )
      #expect(answer.json?["seed"] == .number(digits), "\(answer.text)")
    }
  }

  @Test("a critique by chat ends where that of /v1/rewards ends, and has its reward")
  func critique() async throws {
    try await withServer(.cloud) { client, _ in
      let record = try await client.post(
        "/v1/rewards",
        ["prompt": "hi there", "response": "hello"]
      )
      let messages: JSONValue = [
        ["role": "user", "content": "hi there"], ["role": "assistant", "content": "hello"],
      ]
      let chat = try await client.post(
        "/v1/chat/completions",
        ["messages": messages, "temperature": 0]
      )
      let choice = chat.json?["choices"]?.array?.first
      let critique = record.json?["critiques"]?.array?.first
      #expect(choice?["message"]?["content"] == critique?["text"])
      #expect(choice?["reward"] == critique?["score"])
    }
  }

  @Test("the model is told about by its name, and no other is")
  func model() async throws {
    try await withServer(.classic, name: "org/a b") { client, _ in
      let answer = try await client.get("/v1/models/org/a%20b")
      #expect(answer.status == 200 && answer.json?["id"] == "org/a b", "\(answer.text)")
      let other = try await client.get("/v1/models/other")
      #expect(other.status == 404 && other.code == "model_not_found")
      #expect(try await client.get("/v1/models/").json?["data"]?.array?.count == 1)
    }
  }
}
