import AssayText

/// What answers cost.
package struct Spend: Codable, Equatable, Sendable {
  /// Answers that the endpoint gave.
  package var requests = 0
  /// Times that a request was sent again.
  package var retries = 0
  /// Answers that were recorded before, or asked for twice, and cost nothing.
  package var recorded = 0
  /// Tokens that the endpoint read.
  package var promptTokens = 0
  /// Tokens that it wrote.
  package var completionTokens = 0
  /// Answers whose tokens the endpoint did not count.
  package var uncounted = 0
  /// Answers that were asked for without a seed, which the endpoint does not take; `nil` where none was.
  package var unseeded: Int?
  /// Answers that were asked for without a temperature, which the endpoint does not take; `nil` where
  /// none was.
  package var untempered: Int?
  /// Seconds of waiting for answers.
  package var seconds = 0.0

  enum CodingKeys: String, CodingKey {
    case requests, retries, recorded, uncounted, unseeded, untempered, seconds
    case promptTokens = "prompt_tokens"
    case completionTokens = "completion_tokens"
  }

  /// Makes a count of nothing.
  package init() {}

  /// One line for people.
  package var text: String {
    var parts = [
      "\(requests) requests", "\(retries) retries", "\(recorded) taken from records",
      "\(promptTokens) prompt and \(completionTokens) completion tokens",
    ]
    if uncounted > 0 { parts.append("\(uncounted) answers without a count of tokens") }
    if let unseeded {
      parts.append("\(unseeded) answers without a seed, which the endpoint refuses: not repeatable")
    }
    if let untempered {
      parts.append(
        "\(untempered) answers without a temperature, which the endpoint refuses: drawn as it likes"
      )
    }
    parts.append("\((10 * seconds).rounded() / 10) s")
    return parts.joined(separator: ", ")
  }

  mutating func add(_ completion: ChatCompletion, _ dialect: ChatDialect) {
    requests += 1
    promptTokens += completion.usage?.prompt ?? 0
    completionTokens += completion.usage?.completion ?? 0
    if completion.usage == nil { uncounted += 1 }
    if !dialect.takesSeeds { unseeded = (unseeded ?? 0) + 1 }
    if !dialect.takesSampling { untempered = (untempered ?? 0) + 1 }
  }
}
