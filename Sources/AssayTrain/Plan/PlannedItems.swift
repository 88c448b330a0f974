import AssayData
import AssayText

/// The items of a training as tokens.
struct PlannedItems {
  /// The sequences of each item.
  let items: [[TrainingSequence]]

  /// Renders the items of a training; critiques that are not in the pairs are as long as they may be.
  init(
    _ shape: TrainingShape,
    pairs: [PreferencePair],
    ratings: [RatedResponse],
    renderer: SequenceRenderer,
    leadIn: String
  ) throws {
    func scored(_ prompt: [Message], _ response: String) throws -> TrainingSequence {
      TrainingSequence(try renderer.render(prompt: prompt, response: response), withTargets: false)
    }
    func critiqued(
      _ pair: PreferencePair,
      _ response: String,
      _ critique: String?,
      _ tokens: Int
    ) throws -> TrainingSequence {
      if let critique {
        return TrainingSequence(
          try renderer.render(
            prompt: pair.prompt,
            response: response,
            critique: critique,
            leadIn: leadIn,
            trainsLeadIn: false
          ),
          withTargets: true
        )
      }
      let front = try renderer.critiquePrefix(
        prompt: pair.prompt,
        response: response,
        leadIn: leadIn,
        reservedTokens: tokens
      )
      let whole = front + [Int32](repeating: renderer.endOfTurnID, count: tokens)
      return TrainingSequence(
        tokens: whole,
        targets: Array(front.count..<whole.count),
        scoredIndex: whole.count - 1
      )
    }
    switch shape.reads {
    case .pairs:
      items = try pairs.map {
        [try scored($0.prompt, $0.chosen), try scored($0.prompt, $0.rejected)]
      }
    case .ratings: items = try ratings.map { [try scored($0.prompt, $0.response)] }
    case .critiquedPairs(let tokens):
      items = try pairs.map {
        [
          try critiqued($0, $0.chosen, $0.chosenCritique, tokens),
          try critiqued($0, $0.rejected, $0.rejectedCritique, tokens),
        ]
      }
    case .critiques(let tokens):
      items = try pairs.flatMap { pair in
        try [(pair.chosen, pair.chosenCritique), (pair.rejected, pair.rejectedCritique)].map {
          [try critiqued(pair, $0.0, $0.1, tokens)]
        }
      }
    }
  }

  /// Tokens of each item.
  var tokens: [Int] { items.map { $0.map(\.tokens.count).reduce(0, +) } }

  /// Tokens of the largest part of a step over an epoch, and of a step on average.
  ///
  /// - Parameters:
  ///   - plan: The batches.
  ///   - accumulation: Parts of a step.
  /// - Returns: Both, in tokens.
  func load(_ plan: ShuffledBatches, accumulation: Int) -> (largestPart: Int, meanStep: Double) {
    let tokens = tokens
    var order = EpochOrder(plan)
    var largest = 0
    for step in 0..<plan.batchesPerEpoch {
      let batch = order.items(step: step).map { tokens[$0] }
      largest = max(
        largest,
        parts(of: batch, count: accumulation).map { $0.reduce(0, +) }.max() ?? 0
      )
    }
    return (largest, Double(tokens.reduce(0, +)) / Double(max(1, plan.batchesPerEpoch)))
  }
}
