// R rows, S sequences, P pairs.

import AssayModel
import AssayTensor
import AssayText

/// A sequence to train on: its tokens, which of them are learnt, and the one that is scored.
package struct TrainingSequence: Equatable, Sendable {
  /// The tokens.
  package var tokens: [Int32]
  /// Indices of the tokens that the language-model loss asks for, each above 0.
  package var targets: [Int]
  /// The index of the token that the reward head reads; `nil` where there is no reward.
  package var scoredIndex: Int?

  /// Makes a sequence.
  package init(tokens: [Int32], targets: [Int], scoredIndex: Int?) {
    self.tokens = tokens
    self.targets = targets
    self.scoredIndex = scoredIndex
  }

  /// Makes a sequence of a rendered response.
  package init(_ sequence: ScoredSequence, withTargets: Bool) {
    self.init(
      tokens: sequence.tokens,
      // A cut may put the first target where there is nothing to predict it from.
      targets: withTargets ? (sequence.targets.map { $0.filter { $0 > 0 } } ?? []) : [],
      scoredIndex: sequence.scoredIndex
    )
  }

  /// Makes a sequence without reward.
  package init(_ sequence: LanguageModelSequence) {
    self.init(
      tokens: sequence.tokens,
      targets: sequence.isTarget.indices.filter { $0 > 0 && sequence.isTarget[$0] },
      scoredIndex: nil
    )
  }
}

/// What one forward pass gives to losses.
package struct TrainingOutput {
  /// Rewards at the scored tokens, `[S]` in the order of the sequences that have one, float32; `[S, K]` of
  /// a head of K.
  package var rewards: Tensor?
  /// Negative log likelihood of all targets one behind the other, `[R]`, float32 nats.
  package var nll: Tensor?
  /// How many targets there are.
  package var targetCount: Int
  /// How many tokens were read.
  package var tokenCount: Int
}

/// Runs the decoder over packed sequences and reads rewards and token losses from the same pass.
///
/// Only the rows that a loss needs leave the last block.
///
/// - Parameters:
///   - sequences: What to read.
///   - decoder: The model.
///   - head: The reward head, for sequences with a scored token.
///   - positionJumps: How many positions every second sequence jumps over, at most.
/// - Returns: Rewards and token losses, with gradients.
package func trainingForward(
  _ sequences: [TrainingSequence],
  decoder: Decoder,
  head: RewardHead?,
  positionJumps: Int = 0
) -> TrainingOutput {
  let batch = PackedBatch(
    sequences.map(\.tokens),
    device: decoder.device,
    isRounded: true,
    positions: positionJumps == 0
      ? nil
      : sequences.map {
        jumpingPositions(
          of: $0.tokens,
          room: positionJumps,
          limit: decoder.configuration.contextTokens
        )
      },
    sharesPrefixes: decoder.sharesPrefixes
  )
  var lossRows: [Int64] = []
  var targets: [Int64] = []
  var scoredRows: [Int64] = []
  for (place, sequence) in sequences.enumerated() {
    for index in sequence.targets {
      lossRows.append(Int64(batch.row(index - 1, of: place)))
      targets.append(Int64(sequence.tokens[index]))
    }
    if head != nil, let scored = sequence.scoredIndex {
      scoredRows.append(Int64(batch.row(scored, of: place)))
    }
  }
  // Rows of no meaning round both parts up, as in the batch; nothing reads their results.
  let lossCount = targets.count + (targets.isEmpty ? 0 : PackedBatch.spareRows(targets.count))
  let spare = [Int64](repeating: 0, count: lossCount - targets.count)
  let tail = [Int64](
    repeating: 0,
    count: PackedBatch.spareRows(lossCount + scoredRows.count)
  )
  let rows = Tensor(lossRows + spare + scoredRows + tail)
  let hidden = decoder(batch, rows: rows.to(decoder.device), training: true)
  let nll =
    targets.isEmpty
    ? nil
    : decoder.tokenLosses(
      hidden.narrowed(axis: 0, start: 0, count: lossCount),
      targets: Tensor(targets + spare).to(decoder.device),
      training: true
    ).narrowed(axis: 0, start: 0, count: targets.count)
  let rewards =
    scoredRows.isEmpty
    ? nil
    : head?.each(hidden.narrowed(axis: 0, start: lossCount, count: scoredRows.count))
  return TrainingOutput(
    rewards: rewards,
    nll: nll,
    targetCount: targets.count,
    tokenCount: batch.tokenCount
  )
}
