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
  /// A bit an id, the lowest first: only tokens of set bits are picked, the others have no
  /// probability; at least one is set.
  ///
  /// `nil` allows all.
  package var mask: [UInt64]?
  /// Ids whose log probability is told as the logits have it: of all tokens, whatever the mask, the
  /// temperature and the penalty.
  package var readTokens: [Int32]

  /// Makes a row.
  package init(
    settings: SamplingSettings,
    seed: UInt64,
    step: Int,
    seen: [Int32] = [],
    topCount: Int = 0,
    mask: [UInt64]? = nil,
    readTokens: [Int32] = []
  ) {
    self.settings = settings
    self.seed = seed
    self.step = step
    self.seen = seen
    self.topCount = topCount
    self.mask = mask
    self.readTokens = readTokens
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
  /// As many of the likeliest tokens as the row asked for, or as its mask allows, the likeliest first.
  package var top: [[TokenLogProbability]]
  /// The tokens that the row wanted read, in their order.
  package var read: [[TokenLogProbability]]

  /// Gathers what was picked.
  package init(
    tokens: [Int32],
    logProbabilities: [Float],
    top: [[TokenLogProbability]],
    read: [[TokenLogProbability]]
  ) {
    self.tokens = tokens
    self.logProbabilities = logProbabilities
    self.top = top
    self.read = read
  }

  /// Nothing of so many rows.
  package init(empty count: Int, logProbability: Float = 0) {
    self.init(
      tokens: [Int32](repeating: 0, count: count),
      logProbabilities: [Float](repeating: logProbability, count: count),
      top: [[TokenLogProbability]](repeating: [], count: count),
      read: [[TokenLogProbability]](repeating: [], count: count)
    )
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
    return SampledTokens(empty: rows.count, logProbability: .nan)
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
  var layout = SamplingLayout(rows, vocabularySize: vocabularySize)
  var tokens = [Int32](repeating: 0, count: rows.count)
  var logProbabilities = [Float](repeating: 0, count: rows.count)
  layout.withArguments { body($0, &tokens, &logProbabilities) }
  return SampledTokens(
    tokens: tokens,
    logProbabilities: logProbabilities,
    top: layout.top,
    read: layout.read
  )
}

/// The memory that rows are read from and what is told of them is written to: all rows one behind another.
private struct SamplingLayout {
  private let rows: [SamplingRow?]
  private let topCounts: [Int]
  private let seen: [Int32]
  private let masks: [UInt64]
  private let readCounts: [Int]
  private let readTokens: [Int32]
  private var topTokens: [Int32]
  private var topValues: [Float]
  private var readValues: [Float]

  init(_ rows: [SamplingRow?], vocabularySize: Int) {
    self.rows = rows
    topCounts = rows.map { min(max(0, $0?.topCount ?? 0), vocabularySize) }
    seen = rows.flatMap { $0?.seen ?? [] }
    masks = rows.flatMap { $0?.mask ?? [] }
    let read = rows.map { row in
      (row?.readTokens ?? []).filter { (0..<vocabularySize).contains(Int($0)) }
    }
    readCounts = read.map(\.count)
    readTokens = Array(read.joined())
    topTokens = [Int32](repeating: 0, count: topCounts.reduce(0, +))
    topValues = [Float](repeating: 0, count: topTokens.count)
    readValues = [Float](repeating: 0, count: readTokens.count)
  }

  mutating func withArguments(_ body: (SamplingArguments) -> Void) {
    seen.withUnsafeBufferPointer { seen in
      masks.withUnsafeBufferPointer { masks in
        readTokens.withUnsafeBufferPointer { readTokens in
          topTokens.withUnsafeMutableBufferPointer { topTokens in
            topValues.withUnsafeMutableBufferPointer { topValues in
              readValues.withUnsafeMutableBufferPointer { readValues in
                var places = (seen: 0, mask: 0, read: 0, top: 0)
                var settings: [ct_sampling] = []
                var pointers: [UnsafePointer<Int32>?] = []
                for (index, row) in rows.enumerated() {
                  var setting = Self.setting(row)
                  setting.top_count = Int32(topCounts[index])
                  setting.top_tokens = topTokens.baseAddress.map { $0 + places.top }
                  setting.top_log_probabilities = topValues.baseAddress.map { $0 + places.top }
                  setting.read_count = Int32(readCounts[index])
                  setting.read_tokens = readTokens.baseAddress.map { $0 + places.read }
                  setting.read_log_probabilities = readValues.baseAddress.map { $0 + places.read }
                  if let mask = row?.mask {
                    setting.mask = masks.baseAddress.map { $0 + places.mask }
                    setting.mask_words = Int64(mask.count)
                    places.mask += mask.count
                  }
                  settings.append(setting)
                  let count = row?.seen.count ?? 0
                  pointers.append(count == 0 ? nil : seen.baseAddress.map { $0 + places.seen })
                  places.seen += count
                  places.top += topCounts[index]
                  places.read += readCounts[index]
                }
                body(
                  SamplingArguments(
                    settings: settings,
                    seen: pointers,
                    seenCounts: rows.map { Int32($0?.seen.count ?? 0) }
                  )
                )
              }
            }
          }
        }
      }
    }
  }

  private static func setting(_ row: SamplingRow?) -> ct_sampling {
    var setting = ct_sampling()
    setting.temperature = row?.settings.temperature ?? 0
    setting.top_p = row?.settings.topP ?? 1
    setting.repetition_penalty = row?.settings.repetitionPenalty ?? 1
    setting.top_k = Int32(row?.settings.topK ?? 0)
    setting.seed = row?.seed ?? 0
    setting.step = UInt64(row?.step ?? 0)
    return setting
  }

  /// What is told of each row; a mask may allow fewer tokens than were asked for.
  var top: [[TokenLogProbability]] {
    Self.split(topTokens, topValues, topCounts).enumerated().map { index, told in
      rows[index]?.mask == nil ? told : told.filter { $0.logProbability > -.infinity }
    }
  }

  /// What is read of each row.
  var read: [[TokenLogProbability]] { Self.split(readTokens, readValues, readCounts) }

  private static func split(
    _ tokens: [Int32],
    _ values: [Float],
    _ counts: [Int]
  ) -> [[TokenLogProbability]] {
    var place = 0
    return counts.map { count in
      defer { place += count }
      return (place..<place + count).map {
        TokenLogProbability(id: tokens[$0], logProbability: values[$0])
      }
    }
  }
}
