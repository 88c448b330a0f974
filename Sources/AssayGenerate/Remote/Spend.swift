/// What answers cost.
public struct Spend: Codable, Equatable, Sendable {
  /// Answers that the endpoint gave.
  public var requests = 0
  /// Times that a request was sent again.
  public var retries = 0
  /// Answers that were recorded before, or asked for twice, and cost nothing.
  public var recorded = 0
  /// Tokens that the endpoint read.
  public var promptTokens = 0
  /// Tokens that it wrote.
  public var completionTokens = 0
  /// Answers whose tokens the endpoint did not count.
  public var uncounted = 0
  /// Seconds of waiting for answers.
  public var seconds = 0.0

  enum CodingKeys: String, CodingKey {
    case requests, retries, recorded, uncounted, seconds
    case promptTokens = "prompt_tokens"
    case completionTokens = "completion_tokens"
  }

  /// Makes a count of nothing.
  public init() {}

  /// One line for people.
  public var text: String {
    var parts = [
      "\(requests) requests", "\(retries) retries", "\(recorded) taken from records",
      "\(promptTokens) prompt and \(completionTokens) completion tokens",
    ]
    if uncounted > 0 { parts.append("\(uncounted) answers without a count of tokens") }
    parts.append("\((10 * seconds).rounded() / 10) s")
    return parts.joined(separator: ", ")
  }

  mutating func add(_ completion: ChatCompletion) {
    requests += 1
    promptTokens += completion.usage?.promptTokens ?? 0
    completionTokens += completion.usage?.completionTokens ?? 0
    if completion.usage == nil { uncounted += 1 }
  }
}
