import CTorch

/// How the next token is picked from its logits.
public struct SamplingSettings: Hashable, Sendable {
  /// Divides the logits; 0 picks the most likely token.
  public var temperature: Float
  /// Only this many most likely tokens are picked from; 0 is all.
  public var topK: Int
  /// Only the most likely tokens that together have this probability are picked from; 1 is all.
  public var topP: Float
  /// Logits of tokens seen before are divided (positive) or multiplied (negative) by it; 1 is off.
  public var repetitionPenalty: Float

  /// Makes settings; the default is greedy.
  public init(
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
public struct SamplingRow: Sendable {
  /// How to pick.
  public var settings: SamplingSettings
  /// The request's seed; the pick is a function of seed, step and logits alone.
  public var seed: UInt64
  /// The token's index in its request.
  public var step: Int
  /// Different ids that the repetition penalty applies to.
  public var seen: [Int32]

  /// Makes a row.
  public init(settings: SamplingSettings, seed: UInt64, step: Int, seen: [Int32] = []) {
    self.settings = settings
    self.seed = seed
    self.step = step
    self.seen = seen
  }
}

/// Picks one token for each row of logits.
///
/// - Parameters:
///   - logits: `[S, V]`, float32 or bfloat16.
///   - rows: S rows.
/// - Returns: The picked ids and their log probabilities under the tempered, untruncated softmax.
public func sampleTokens(
  _ logits: Tensor,
  rows: [SamplingRow]
) -> (tokens: [Int32], logProbabilities: [Float]) {
  guard logits.shape.first == rows.count else {
    report(.operation(name: "sample", reason: "\(rows.count) rows for logits \(logits.shape)"))
    return ([Int32](repeating: 0, count: rows.count), [Float](repeating: .nan, count: rows.count))
  }
  let settings = rows.map {
    ct_sampling(
      temperature: $0.settings.temperature,
      top_p: $0.settings.topP,
      repetition_penalty: $0.settings.repetitionPenalty,
      top_k: Int32($0.settings.topK),
      seed: $0.seed,
      step: UInt64($0.step)
    )
  }
  let flat = rows.flatMap(\.seen)
  var tokens = [Int32](repeating: 0, count: rows.count)
  var logProbabilities = [Float](repeating: 0, count: rows.count)
  let code = flat.withUnsafeBufferPointer { buffer in
    var pointers: [UnsafePointer<Int32>?] = []
    var start = 0
    for row in rows {
      pointers.append(row.seen.isEmpty ? nil : buffer.baseAddress.map { $0 + start })
      start += row.seen.count
    }
    return ct_sample(
      logits.handle,
      settings,
      pointers,
      rows.map { Int32($0.seen.count) },
      &tokens,
      &logProbabilities
    )
  }
  if code != 0 { report(failure(code, "sample")) }
  return (tokens, logProbabilities)
}
