// What is written in a stage, as far as memory depends on it, and what that takes beside weights and cache.

import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import Foundation

/// The questions of a stage that writes.
struct PlannedTexts {
  /// What is generated together.
  let requests: [GenerationRequest]
  /// How many texts are written in all.
  let textCount: Int
  /// Tokens of the longest question with its text.
  let longest: Int

  /// Texts that are begun together.
  private static let stretch = 2048

  /// Renders the questions; critiques in them are as long as they may be.
  init(
    _ shape: WritingShape,
    pairs: [PreferencePair],
    renderer: SequenceRenderer,
    leadIn: String,
    seed: Int
  ) throws {
    func sides(_ reserved: Int) throws -> [[Int32]] {
      try pairs.flatMap { pair in
        try [pair.chosen, pair.rejected].map {
          try renderer.critiquePrefix(
            prompt: pair.prompt,
            response: $0,
            leadIn: leadIn,
            reservedTokens: reserved
          )
        }
      }
    }
    let prompts =
      switch shape.asks {
      case .critiques: try sides(shape.tokens + 1)
      case .judgements(let part):
        try part.conversations(pairs, seed).map { try renderer.generationPrefix(prompt: $0) }
      case .opinions(let count, let tokens):
        try sides(count * tokens + shape.tokens + 1).map {
          $0 + [Int32](repeating: renderer.endOfTurnID, count: count * tokens)
        }
      }
    textCount = prompts.count * shape.draws
    let sorted = prompts.sorted { $0.count > $1.count }
    longest = (sorted.first?.count ?? 0) + shape.tokens
    requests = sorted.prefix(max(1, Self.stretch / shape.draws)).flatMap { prompt in
      (0..<shape.draws).map { draw in
        GenerationRequest(
          promptTokens: prompt,
          settings: SamplingSettings(temperature: 1),
          maximumTokens: shape.tokens,
          draw: draw
        )
      }
    }
  }
}

/// Measures what writing takes beside weights and cache, with one layer of a model's widths.
struct WritingMeasurement {
  let configuration: ModelConfiguration
  let compute: ComputeSection
  /// The type of the weights.
  let weights: DType
  /// The model whose tokenizer the measured one has.
  let folder: URL

  /// Bytes of weights in another form beside them: packed ones, and casts.
  static func copiedBytes(_ configuration: ModelConfiguration, _ weights: DType, _ dtype: DType)
    -> Int
  {
    let products = configuration.productParameterCount
    guard dtype == .bfloat16 else { return Decoder.packsSteps(configuration) ? 4 * products : 0 }
    let casts = weights == dtype ? 0 : configuration.parameterCount * dtype.byteCount
    return products * dtype.byteCount + casts
  }

  /// The most bytes of tensors beside weights, their copies and the cache.
  ///
  /// - Parameter texts: What is written; as many prompts are read as are read between two steps.
  /// - Returns: Bytes.
  /// - Throws: What computing throws.
  func bytes(_ texts: PlannedTexts) throws -> Int {
    let options = GenerationEngine.Options()
    var (requests, tokens) = ([GenerationRequest](), 0)
    for request in texts.requests.prefix(options.batchSequences) {
      // A prompt is read once for all of its texts.
      let isNew = requests.last.map { $0.promptTokens != request.promptTokens } ?? true
      guard !isNew || tokens < options.prefillTokens else { break }
      tokens += isNew ? request.promptTokens.count : 0
      requests.append(request)
    }
    // The rest of the batch writes too, behind prompts that need no reading.
    let batch = min(options.batchSequences, texts.requests.count)
    if let last = requests.last {
      for draw in 0..<(batch - requests.count) {
        requests.append(last)
        requests[requests.count - 1].draw = texts.requests.count + draw
      }
    }
    for index in requests.indices {
      requests[index].maximumTokens = min(2, requests[index].maximumTokens)
    }
    var shallow = configuration
    shallow.layerCount = 1
    var decoder = Decoder(
      random: shallow,
      seed: 1,
      device: try compute.chosenDevice(),
      dtype: weights
    )
    decoder.execution = Execution(dtype: compute.dtype.dtype)
    let engine = GenerationEngine(
      decoder: decoder,
      head: nil,
      tokenizer: try ModelFiles.tokenizer(at: folder),
      options: options
    )
    Engine.releaseMemory()
    let before = Engine.heldBytes
    let peak = try Engine.measuringPeak { _ = try engine.run(requests) }.peakBytes
    let cache = try GenerationEngine.cacheBytes(
      of: requests,
      pageBytes: DecoderCache.pageBytes(shallow, compute.dtype.dtype),
      options: options
    )
    let casts = weights == compute.dtype.dtype ? 0 : shallow.parameterCount * 2
    return max(0, peak - before - cache - casts)
  }
}
