import AssayData
import AssayModel
import AssayReward
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
    leadIn: String,
    seed: Int
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
      return Self.filled(front, tokens, with: renderer.endOfTurnID)
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
    case .verdicts(let wording, let bothOrders, let isScored):
      let sequences = JudgeSequences(renderer: renderer, prompts: wording)
      items = try pairs.map { pair in
        try JudgementOrder.allCases.prefix(bothOrders ? 2 : 1).map { order in
          let conversation = sequences.conversation(pair, order, .token)
          return isScored
            ? try sequences.scored(conversation)
            : try sequences.letter(conversation, order.right)
        }
      }
    case .judgements(let part, let each, let isContrasted):
      items = try part.conversations(pairs, seed).flatMap { conversation in
        let front = try renderer.generationPrefix(prompt: conversation)
        return (0..<each).map { draw in
          // What is written differs, so that texts share their questions alone.
          (isContrasted ? [2 * draw, 2 * draw + 1] : [draw]).map {
            Self.filled(front, part.tokens, with: Int32($0))
          }
        }
      }
    }
  }

  /// A text as long as it may be, all of whose own tokens are learnt, the last one scored.
  private static func filled(_ front: [Int32], _ tokens: Int, with filler: Int32)
    -> TrainingSequence
  {
    let whole = front + [Int32](repeating: filler, count: tokens)
    return TrainingSequence(
      tokens: whole,
      targets: Array(front.count..<whole.count),
      scoredIndex: whole.count - 1
    )
  }

  /// Tokens of each item.
  var tokens: [Int] { items.map { $0.map(\.tokens.count).reduce(0, +) } }

  /// The items of the largest part of a step over an epoch, its tokens, and those of a step on average.
  ///
  /// - Parameters:
  ///   - plan: The batches.
  ///   - accumulation: Parts of a process's step.
  ///   - processes: How many share a step.
  /// - Returns: All three.
  func load(_ plan: ShuffledBatches, accumulation: Int, processes: Int) -> (
    largestPart: [[TrainingSequence]], partTokens: Int, meanStep: Double
  ) {
    let tokens = tokens
    var order = EpochOrder(plan)
    var largest: (items: [Int], tokens: Int) = ([], 0)
    for step in 0..<plan.batchesPerEpoch {
      let shares = parts(of: order.items(step: step), count: processes)
      for part in shares.flatMap({ parts(of: $0, count: accumulation) }) {
        let count = part.map { tokens[$0] }.reduce(0, +)
        if count > largest.tokens { largest = (part, count) }
      }
    }
    return (
      largest.items.map { items[$0] }, largest.tokens,
      Double(tokens.reduce(0, +)) / Double(max(1, plan.batchesPerEpoch))
    )
  }

  /// Some items of a part, of about so many tokens, and about half of them.
  ///
  /// They are different ones, since what is alike would be read once.
  static func samples(of part: [[TrainingSequence]], tokens: Int) -> (
    few: [[TrainingSequence]], more: [[TrainingSequence]]
  ) {
    var (chosen, count) = ([[TrainingSequence]](), 0)
    for item in part where count < tokens {
      chosen.append(item)
      count += item.map(\.tokens.count).reduce(0, +)
    }
    guard chosen.count > 1 else { return (chosen.map { $0.map(\.half) }, chosen) }
    return (Array(chosen.prefix(chosen.count / 2)), chosen)
  }
}

extension TrainingSequence {
  /// The first half of its tokens, with what is learnt of them.
  fileprivate var half: TrainingSequence {
    let count = max(1, tokens.count / 2)
    return TrainingSequence(
      tokens: Array(tokens.prefix(count)),
      targets: targets.filter { $0 < count },
      scoredIndex: scoredIndex.map { min($0, count - 1) }
    )
  }
}
