// P pairs of judgements.

import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// The second stage of an iteration: the model learns from its judgements.
struct StarTraining {
  let section: StarSection
  let variant: StarVariant
  let iteration: Int
  let context: RunContext

  func run(
    _ stage: Stage,
    start: URL,
    items: [ShownPair],
    records: [JudgementRecord]
  ) throws {
    // 1 model
    let (model, sequences) = try context.judge(
      from: start,
      toLearn: items,
      records,
      of: "iteration \(iteration)",
      section.wording,
      tokens: section.judgementTokens
    )

    // 2 data
    if variant.isContrastive {
      try contrast(stage, model, try judgementPairs(learnable(items, records), sequences))
    } else {
      try imitate(stage, model, try rightJudgements(learnable(items, records), sequences))
    }
  }

  private func train<Own: Objective>(
    _ stage: Stage,
    _ model: Model,
    _ items: [Own.Item],
    _ objective: Own
  ) throws {
    let share = 1 / Double(section.iterations)
    try context.training(stage, model, section.optimizer, share: share).run(
      items,
      batchSize: section.batchItems,
      accumulation: section.accumulation,
      epochs: section.epochs,
      seed: context.compute.seed &+ iteration
    ) { _ in objective }
  }

  /// A pair in one order, with judgements of it that may be learnt as right ones, the best first.
  private struct LearnableItem {
    let index: Int
    let shown: ShownPair
    let record: JudgementRecord
    let right: [JudgementRecord.Sample]
  }

  /// The items with something to learn; of pairs that are judged in both orders, those where both
  /// have.
  private func learnable(_ items: [ShownPair], _ records: [JudgementRecord]) -> [LearnableItem] {
    let found = zip(items, records).enumerated().map { index, item in
      LearnableItem(
        index: index,
        shown: item.0,
        record: item.1,
        right: likeliest(
          section.filter == .verdict ? item.1.right : item.1.samples.filter { $0.verdict != nil },
          item: index,
          agreement: section.agreement
        )
      )
    }
    let size = section.bothOrders ? JudgementOrder.allCases.count : 1
    return stride(from: 0, to: found.count, by: size).flatMap { start in
      let group = found[start..<min(start + size, found.count)]
      return group.allSatisfy { !$0.right.isEmpty } ? Array(group) : []
    }
  }

  // MARK: Right judgements alone

  private func rightJudgements(
    _ items: [LearnableItem],
    _ sequences: JudgeSequences
  ) throws -> [TrainingSequence] {
    try items.flatMap { item in
      let conversation = sequences.conversation(item.shown.pair, item.shown.order, .chain)
      return try item.right.prefix(section.learntPerItem).map {
        try sequences.answer(conversation, $0.text, isCut: false)
      }
    }
  }

  private func imitate(_ stage: Stage, _ model: Model, _ items: [TrainingSequence]) throws {
    guard !items.isEmpty else {
      throw TrainingError.noData(
        stage: stage.name,
        hint: section.filter == .verdict
          ? "no judgement has the right verdict" : "no judgement has a verdict that can be read"
      )
    }
    try train(stage, model, items, TokenObjective())
  }

  // MARK: Right against wrong

  private func judgementPairs(
    _ items: [LearnableItem],
    _ sequences: JudgeSequences
  ) throws -> [JudgementPair] {
    try items.flatMap { item -> [JudgementPair] in
      let (pair, record) = (item.shown.pair, item.record)
      let wrong = record.wrong + (section.unparseableIsWrong ? record.unparseable : [])
      let conversation = sequences.conversation(pair, record.order, .chain)
      func sequence(_ sample: JudgementRecord.Sample) throws -> TrainingSequence {
        try sequences.answer(conversation, sample.text, isCut: sample.finishReason.isCut)
      }
      guard let best = item.right.first else { return [] }
      return try likeliest(wrong, item: item.index, agreement: 1).prefix(section.learntPerItem).map
      {
        JudgementPair(
          right: try sequence(best),
          wrong: try sequence($0),
          probability: Float(pair.probability ?? 1)
        )
      }
    }
  }

  /// Different judgements of an item that enough samples agree on, the most frequent first, equals
  /// in a random order; or as they come of all samples in a random order.
  ///
  /// A verdict may be right by chance and its reasons false; false reasons differ among themselves
  /// more than true ones do, so what is written most often is most likely true.
  private func likeliest(
    _ samples: [JudgementRecord.Sample],
    item: Int,
    agreement: Int
  ) -> [JudgementRecord.Sample] {
    var counts: [String: Int] = [:]
    var different: [JudgementRecord.Sample] = []
    for sample in samples {
      if counts[sample.text] == nil { different.append(sample) }
      counts[sample.text, default: 0] += 1
    }
    different.removeAll { (counts[$0.text] ?? 0) < agreement }
    var random = SeededRandom(UInt64(context.compute.seed), UInt64(iteration), UInt64(item))
    if section.pick == .random {
      var seen: Set<String> = []
      return random.shuffled(samples).filter {
        (counts[$0.text] ?? 0) >= agreement && seen.insert($0.text).inserted
      }
    }
    return random.shuffled(different).enumerated().sorted {
      let (a, b) = (counts[$0.element.text] ?? 0, counts[$1.element.text] ?? 0)
      return a == b ? $0.offset < $1.offset : a > b
    }.map(\.element)
  }

  private func contrast(_ stage: Stage, _ model: Model, _ pairs: [JudgementPair]) throws {
    guard !pairs.isEmpty else {
      throw TrainingError.noData(
        stage: stage.name,
        hint: "no item has a right judgement and a wrong one"
      )
    }
    var pairs = pairs
    let means = variant == .ipo
    for start in stride(from: 0, to: pairs.count, by: section.batchItems) {
      try Interruption.check()
      let range = start..<min(start + section.batchItems, pairs.count)
      let values = try withTensorErrors {
        withoutGradients {
          logProbabilities(Array(pairs[range]), model: model, means: means)?.floats ?? []
        }
      }
      for (offset, index) in range.enumerated() {
        pairs[index].referenceRight = values[offset]
        pairs[index].referenceWrong = values[range.count + offset]
      }
    }
    try train(
      stage,
      model,
      pairs,
      ContrastiveObjective(
        variant: variant,
        beta: section.beta,
        tokenLossWeight: section.tokenLossWeight
      )
    )
  }
}

/// Log probabilities of right judgements, then of wrong ones: `[2P]`.
private func logProbabilities(
  _ pairs: [JudgementPair],
  model: Model,
  means: Bool
) -> Tensor? {
  let sequences = pairs.map(\.right) + pairs.map(\.wrong)
  return trainingForward(
    sequences,
    decoder: model.decoder,
    head: nil,
    positionJumps: model.positionJumps
  )
  .logProbabilities(of: sequences, means: means)
}
