import CTorch

/// How the next token is picked from its logits.
package struct SamplingSettings: Hashable, Sendable {
  /// Divides the logits; 0 picks the most likely token.
  package var temperature: Float
  /// Only this many most likely tokens are picked from; 0 is all.
  package var topK: Int
  /// Only the most likely tokens that together have this probability are picked from; 1 is all.
  package var topP: Float
  /// Logits of tokens seen before are divided (positive) or multiplied (negative) by it; 1 is off.
  package var repetitionPenalty: Float

  /// Makes settings; the default is greedy.
  package init(
    temperature: Float = 0,
    topK: Int = 0,
    topP: Float = 1,
    repetitionPenalty: Float = 1
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.repetitionPenalty = repetitionPenalty
  }
}

/// One row of a sampling step.
package struct SamplingRow: Sendable {
  /// How to pick.
  package var settings: SamplingSettings
  /// The request's seed; the pick is a function of seed, step and logits alone.
  package var seed: UInt64
  /// The token's index in its request.
  package var step: Int
  /// Different ids that the repetition penalty applies to.
  package var seen: [Int32]
  /// How many of the likeliest tokens are told.
  package var topCount: Int

  /// Makes a row.
  package init(
    settings: SamplingSettings,
    seed: UInt64,
    step: Int,
    seen: [Int32] = [],
    topCount: Int = 0
  ) {
    self.settings = settings
    self.seed = seed
    self.step = step
    self.seen = seen
    self.topCount = topCount
  }
}

/// A token and its log probability under the tempered, untruncated softmax, in nats.
package struct TokenLogProbability: Codable, Equatable, Sendable {
  /// The token's id.
  package var id: Int32
  /// The log probability.
  package var logProbability: Float

  /// Makes one.
  package init(id: Int32, logProbability: Float) {
    self.id = id
    self.logProbability = logProbability
  }

  enum CodingKeys: String, CodingKey {
    case id
    case logProbability = "logprob"
  }
}

/// What a sampling step gives for each row.
package struct SampledTokens: Sendable {
  /// The picked ids.
  package var tokens: [Int32]
  /// Their log probabilities under the tempered, untruncated softmax, in nats.
  package var logProbabilities: [Float]
  /// As many of the likeliest tokens as the row asked for, the likeliest first.
  package var top: [[TokenLogProbability]]

  /// Gathers what was picked.
  package init(tokens: [Int32], logProbabilities: [Float], top: [[TokenLogProbability]]) {
    self.tokens = tokens
    self.logProbabilities = logProbabilities
    self.top = top
  }
}

/// Picks one token for each row of logits.
///
/// - Parameters:
///   - logits: `[S, V]`, float32 or bfloat16.
///   - rows: S rows.
/// - Returns: What was picked.
package func sampleTokens(_ logits: Tensor, rows: [SamplingRow]) -> SampledTokens {
  guard logits.shape.first == rows.count else {
    report(.operation(name: "sample", reason: "\(rows.count) rows for logits \(logits.shape)"))
    return SampledTokens(
      tokens: [Int32](repeating: 0, count: rows.count),
      logProbabilities: [Float](repeating: .nan, count: rows.count),
      top: rows.map { _ in [] }
    )
  }
  return sampled(rows, vocabularySize: logits.shape[1]) { arguments, tokens, logProbabilities in
    let code = ct_sample(
      logits.handle,
      arguments.settings,
      arguments.seen,
      arguments.seenCounts,
      tokens,
      logProbabilities
    )
    if code != 0 { report(failure(code, "sample")) }
  }
}

/// Rows as the C interface reads them.
struct SamplingArguments {
  let settings: [ct_sampling]
  let seen: [UnsafePointer<Int32>?]
  let seenCounts: [Int32]
}

/// Lays rows out as the C interface reads them, and what it writes as Swift does; a row that is
/// `nil` gets default settings.
func sampled(
  _ rows: [SamplingRow?],
  vocabularySize: Int,
  _ body: (SamplingArguments, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Float>) -> Void
) -> SampledTokens {
  let told = rows.map { min(max(0, $0?.topCount ?? 0), vocabularySize) }
  let seenCounts = rows.map { Int32($0?.seen.count ?? 0) }
  let flat = rows.flatMap { $0?.seen ?? [] }
  var tokens = [Int32](repeating: 0, count: rows.count)
  var logProbabilities = [Float](repeating: 0, count: rows.count)
  var topTokens = [Int32](repeating: 0, count: told.reduce(0, +))
  var topValues = [Float](repeating: 0, count: topTokens.count)
  flat.withUnsafeBufferPointer { seen in
    topTokens.withUnsafeMutableBufferPointer { topTokens in
      topValues.withUnsafeMutableBufferPointer { topValues in
        var (start, place) = (0, 0)
        var settings: [ct_sampling] = []
        var pointers: [UnsafePointer<Int32>?] = []
        for (index, row) in rows.enumerated() {
          settings.append(
            ct_sampling(
              temperature: row?.settings.temperature ?? 0,
              top_p: row?.settings.topP ?? 1,
              repetition_penalty: row?.settings.repetitionPenalty ?? 1,
              top_k: Int32(row?.settings.topK ?? 0),
              seed: row?.seed ?? 0,
              step: UInt64(row?.step ?? 0),
              top_count: Int32(told[index]),
              top_tokens: topTokens.baseAddress.map { $0 + place },
              top_log_probabilities: topValues.baseAddress.map { $0 + place }
            )
          )
          let count = Int(seenCounts[index])
          pointers.append(count == 0 ? nil : seen.baseAddress.map { $0 + start })
          start += count
          place += told[index]
        }
        body(
          SamplingArguments(settings: settings, seen: pointers, seenCounts: seenCounts),
          &tokens,
          &logProbabilities
        )
      }
    }
  }
  var place = 0
  let top = told.map { count -> [TokenLogProbability] in
    defer { place += count }
    return (place..<place + count).map {
      TokenLogProbability(id: topTokens[$0], logProbability: topValues[$0])
    }
  }
  return SampledTokens(tokens: tokens, logProbabilities: logProbabilities, top: top)
}
