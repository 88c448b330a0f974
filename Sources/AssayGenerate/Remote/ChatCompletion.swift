import AssayBase
import AssayText

/// What an endpoint answered.
package struct ChatCompletion: Sendable, Equatable {
  /// The answer.
  package var text: String
  /// Why it ended.
  package var finishReason: FinishReason
  /// Tokens read and written, as the endpoint counts them; `nil` where it does not say.
  package var usage: TokenCount?
  /// Log probabilities of what the token that is the answer could have been; empty where nobody asked.
  package var firstAlternatives: [String: Double]

  /// Makes a completion.
  package init(
    text: String,
    finishReason: FinishReason = .stop,
    usage: TokenCount? = nil,
    firstAlternatives: [String: Double] = [:]
  ) {
    self.text = text
    self.finishReason = finishReason
    self.usage = usage
    self.firstAlternatives = firstAlternatives
  }
}

extension ChatCompletion {
  /// Reads the body of an answer to `/chat/completions`; `nil` where it is none.
  package init?(body bytes: [UInt8]) {
    guard let value = try? JSONValue(parsing: bytes),
      let choice = value["choices"]?.array?.first,
      let message = choice["message"], message.members != nil || message.isNull
    else { return nil }
    let content = Self.text(message["content"])
    // A reasoning model that was cut before its answer has `null`, as has one that refuses to answer; a
    // filter may leave no message at all.
    let isSilent = message["content"]?.isNull ?? true
    guard content != nil || isSilent && choice["finish_reason"] != nil else { return nil }
    let reason = choice["finish_reason"]?.string.map { FinishReason(rawValue: $0) }
    self.init(
      text: content ?? message["refusal"]?.string ?? "",
      finishReason: reason ?? .stop
    )
    usage = TokenCount(value["usage"])
    let tokens = choice["logprobs"]?["content"]?.array ?? []
    let place = Self.answer(text, among: tokens.map { $0["token"]?.string ?? "" })
    for entry in place.flatMap({ tokens[$0]["top_logprobs"]?.array }) ?? [] {
      guard let token = entry["token"]?.string, let value = entry["logprob"]?.double else {
        continue
      }
      firstAlternatives[token] = value
    }
  }

  /// What an answer says: a text, or the texts among its parts, or of its one part; `nil` where it is
  /// neither, or a text is spelt in no known way.
  ///
  /// Thoughts are parts of their own (`thinking`, `reasoning`) and not what the model says.
  private static func text(_ content: JSONValue?) -> String? {
    if let text = content?.string { return text }
    guard let parts = content?.array ?? (content?["type"] != nil ? content.map { [$0] } : nil)
    else {
      return nil
    }
    var texts: [String] = []
    for part in parts {
      switch part["type"]?.string {
      case nil, "text", "output_text":
        // As an object with a value: OpenAI's assistants.
        guard let text = part.string ?? part["text"]?.string ?? part["text"]?["value"]?.string
        else {
          return nil
        }
        texts.append(text)
      case "refusal": texts.append(part["refusal"]?.string ?? "")
      default: break
      }
    }
    return texts.joined()
  }

  /// What stands in the place of an answer that a filter of contents refuses with a status of 400: one
  /// without text, so that one row does not end the work on all; `nil` for another refusal.
  ///
  /// Source: learn.microsoft.com/azure/ai-services/openai/concepts/content-filter (`content_filter`),
  /// OpenAI's `content_policy_violation`, Alibaba's `data_inspection_failed`.
  ///
  /// - Parameter bytes: The body of the refusal.
  init?(filtered bytes: [UInt8]) {
    guard let value = try? JSONValue(parsing: bytes) else { return nil }
    let error = value["error"] ?? value
    let words = [error["code"], error["innererror"]?["code"], error["type"]]
      .compactMap { $0?.string?.lowercased() }
    let filters = [
      "content_filter", "content_policy_violation", "responsibleaipolicyviolation",
      "data_inspection_failed",
    ]
    guard words.contains(where: { filters.contains($0) }) else { return nil }
    self.init(text: "", finishReason: FinishReason(rawValue: "content_filter"))
  }

  /// The status of an error within an answer of status 200; `nil` where there is none.
  ///
  /// Routers put the failure of the server behind them beside `choices` or into one, with a `code` that
  /// is a status where it is known; `error` and `abort` as reasons of an end are failures as well.
  ///
  /// - Parameter bytes: The body.
  /// - Returns: A status of 400 or more.
  package static func failure(body bytes: [UInt8]) -> Int? {
    guard let value = try? JSONValue(parsing: bytes) else { return nil }
    let choice = value["choices"]?.array?.first
    let errors = [value["error"], choice?["error"], choice?["message"]?["error"]]
    let error = errors.compactMap(\.self).first { !$0.isNull && $0.members?.isEmpty != true }
    let reason = choice?["finish_reason"]
    let word = reason?.string ?? reason?["type"]?.string
    guard error != nil || word == "error" || word == "abort" else { return nil }
    let code = error?["code"]?.int ?? error?["status"]?.int ?? 502
    return (400...599).contains(code) ? code : 502
  }

  /// The place of the token that is the answer: of what is written behind a reasoning model's thoughts
  /// the one letter that stands alone, else the first token.
  ///
  /// - Parameters:
  ///   - text: The answer; the thoughts before it are not part of it.
  ///   - tokens: The tokens of all that was written, and perhaps of an end behind.
  /// - Returns: An index; `nil` where the answer is not among the tokens.
  static func answer(_ text: String, among tokens: [String]) -> Int? {
    func trimmed(_ text: some StringProtocol) -> Substring {
      var rest = Substring(text).drop(while: \.isWhitespace)
      while rest.last?.isWhitespace == true { rest.removeLast() }
      return rest
    }
    // Where tokens are not spelt, the first one is all there is to go by.
    if tokens.allSatisfy(\.isEmpty) { return tokens.indices.first }
    let answer = trimmed(text)
    guard !answer.isEmpty else { return nil }
    var tail = ""
    var start: Int?
    for (index, token) in tokens.enumerated().reversed() {
      tail = token + tail
      guard tail.drop(while: \.isWhitespace).hasPrefix(answer) else { continue }
      start = index
      break
    }
    guard let start else { return nil }
    let letters = tokens.indices[start...].filter { index in
      let word = trimmed(tokens[index])
      return word.count == 1 && word.allSatisfy(\.isLetter)
    }
    return letters.count == 1 ? letters[0] : start
  }

  /// Reads a record; `nil` where it is none.
  init?(record: JSONValue) {
    guard let text = record["text"]?.string, let reason = record["finish_reason"]?.string else {
      return nil
    }
    self.init(
      text: text,
      finishReason: FinishReason(rawValue: reason),
      usage: TokenCount(record["usage"])
    )
    for member in record["alternatives"]?.members ?? [] {
      guard let value = member.value.double else { return nil }
      firstAlternatives[member.key] = value
    }
  }

  /// The record of a request.
  func record(key: String) -> JSONValue {
    var members = [
      JSONMember("key", .string(key)), JSONMember("text", .string(text)),
      JSONMember("finish_reason", .string(finishReason.rawValue)),
    ]
    if let usage {
      members.append(
        JSONMember(
          "usage",
          [
            "prompt_tokens": .number("\(usage.prompt)"),
            "completion_tokens": .number("\(usage.completion)"),
          ]
        )
      )
    }
    if !firstAlternatives.isEmpty {
      let values = firstAlternatives.sorted { $0.key < $1.key }
      members.append(
        JSONMember(
          "alternatives",
          .object(values.map { JSONMember($0.key, .number("\($0.value)")) })
        )
      )
    }
    return .object(members)
  }
}

extension TokenCount {
  fileprivate init?(_ value: JSONValue?) {
    guard let prompt = value?["prompt_tokens"]?.int else { return nil }
    self.init(prompt: prompt, completion: value?["completion_tokens"]?.int ?? 0)
  }
}

/// What continues conversations.
package protocol ChatGenerator: Sendable {
  /// Answers requests.
  ///
  /// - Parameters:
  ///   - requests: What to answer.
  ///   - onCompletion: Called with the index and answer of each request, in the order of the
  ///     requests, once all before it are known; an error that it throws ends the work.
  /// - Returns: One answer a request, in their order.
  /// - Throws: What the generator or `onCompletion` throws.
  nonisolated(nonsending) func complete(
    _ requests: [ChatRequest],
    onCompletion: (Int, ChatCompletion) throws -> Void
  ) async throws -> [ChatCompletion]
}

extension ChatGenerator {
  /// Answers requests, all at once.
  nonisolated(nonsending) package func complete(
    _ requests: [ChatRequest]
  ) async throws -> [ChatCompletion] {
    try await complete(requests) { _, _ in }
  }
}
