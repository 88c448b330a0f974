import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import Foundation

/// The judgements of one pair, as `records.jsonl` of a judgements stage has them.
package struct JudgementRecord: Codable, Equatable, Sendable {
  /// A judgement.
  package struct Sample: Codable, Equatable, Sendable {
    /// Rationale and verdict.
    package var text: String
    /// `A` or `B`; `nil` where none can be read.
    package var verdict: Verdict?
    /// `stop`, or `length` where it was cut.
    package var finishReason: FinishReason

    /// Makes a judgement.
    package init(text: String, verdict: Verdict?, finishReason: FinishReason) {
      self.text = text
      self.verdict = verdict
      self.finishReason = finishReason
    }

    enum CodingKeys: String, CodingKey {
      case text, verdict
      case finishReason = "finish_reason"
    }
  }

  /// The pair's id.
  package var id: String
  /// Which response was A.
  package var order: JudgementOrder
  /// The judgements.
  package var samples: [Sample]

  /// Makes a record.
  package init(id: String, order: JudgementOrder, samples: [Sample]) {
    self.id = id
    self.order = order
    self.samples = samples
  }

  /// Judgements whose verdict agrees with the label.
  var right: [Sample] { samples.filter { $0.verdict == order.right } }
  /// Judgements whose verdict contradicts the label.
  var wrong: [Sample] { samples.filter { $0.verdict == order.right.exchanged } }
  /// Judgements without a readable verdict.
  var unparseable: [Sample] { samples.filter { $0.verdict == nil } }
}

extension RunContext {
  /// The judge that is to learn from judgements, and what makes sequences of these.
  ///
  /// - Parameters:
  ///   - start: The model that it begins as.
  ///   - items: What was judged.
  ///   - records: The judgements.
  ///   - round: Which they are, as a user counts: `round 1`.
  ///   - wording: How the judge is asked.
  ///   - tokens: How long a judgement may be.
  /// - Returns: The judge, and what makes its sequences.
  /// - Throws: `TrainingError.recipe` where the judgements are those of other pairs; what reading the model
  ///   throws.
  func judge(
    from start: URL,
    toLearn items: [ShownPair],
    _ records: [JudgementRecord],
    of round: String,
    _ wording: RolePrompts,
    tokens: Int
  ) throws -> (model: Model, sequences: JudgeSequences) {
    guard items.map(\.pair.id) == records.map(\.id) else {
      throw TrainingError.recipe(
        reason:
          "the judgements of \(round) are not those of its pairs: the data changed since they "
          + "were written; use another --out"
      )
    }
    let model = try compute.modelToTrain(start)
    model.manifest = ModelManifest(kind: .judge)
    model.manifest.judge = JudgeManifest(task: .chain, prompts: wording, tokens: tokens)
    return (model, JudgeSequences(renderer: try model.renderer(), prompts: wording))
  }
}

/// The first stage of an iteration: its part of the pairs is judged.
struct Judgements {
  let section: StarSection
  let source: JudgementSource
  let iteration: Int
  let context: RunContext
  let endpoint: WriterEndpoint

  func run(_ stage: Stage, model folder: URL, items: [ShownPair]) async throws {
    let records = try await endpoint.withWriter(
      endpoint.place,
      else: folder,
      context.compute,
      for: stage,
      events: context.events,
      texts: draws
    ) { writer, stretch in
      do {
        return try await stage.write(
          items,
          by: writer,
          stretch: stretch,
          events: context.events,
          requests: requests
        ) { record(items[$0], Array($1.joined())) }
      } catch WritingError.tooLong(let item, let tokens, let maximum) {
        throw TrainingError.recipe(
          reason: "the pair \(items[item].pair.id) has \(tokens) tokens as a judge reads it, and "
            + "\(maximum) fit beside a judgement of \(section.judgementTokens); drop it with "
            + "data.maximum_tokens, or lower judgement_tokens"
        )
      }
    }
    try summarize(stage, records, items)
  }

  /// Judgements that are written of an item.
  private var draws: Int {
    switch source {
    case .sampled, .told: section.samples
    case .oracle: 0
    case .oracleAndSampled: max(1, section.samples - 1)
    }
  }

  private func requests(_ shown: ShownPair) throws -> [WritingRequest] {
    guard draws > 0 else { return [] }
    var settings = WritingSettings()
    settings.temperature = Float(section.temperature)
    settings.topP = Float(section.topP)
    settings.maximumTokens = section.judgementTokens
    settings.grammar = section.verdicts == .enforced ? try .verdict() : nil
    return [
      WritingRequest(
        .conversation(
          source == .told
            ? told(shown) : section.wording.judge(shown.pair, shown.order, task: .chain)
        ),
        settings: settings,
        seed: UInt64(context.compute.seed &+ iteration &* 7919),
        draws: draws
      )
    ]
  }

  private func record(_ shown: ShownPair, _ written: [Written]) -> JudgementRecord {
    var samples = written.map { text in
      // What the grammar let be written here ends with its verdict, whatever stands before it.
      let isHeld = section.verdicts == .enforced && text.generation != nil
      let said = isHeld ? text.text : text.answer
      return JudgementRecord.Sample(
        text: said,
        verdict: text.finishReason.isCut ? nil : RolePrompts.verdict(in: said),
        finishReason: text.finishReason
      )
    }
    if source == .oracle || source == .oracleAndSampled,
      let text = context.oracle?.judgement(shown.pair, shown.order)
    {
      let verdict = RolePrompts.verdict(in: text)
      samples.insert(.init(text: text, verdict: verdict, finishReason: .stop), at: 0)
    }
    return JudgementRecord(id: shown.pair.id, order: shown.order, samples: samples)
  }

  private func summarize(
    _ stage: Stage,
    _ records: [JudgementRecord],
    _ items: [ShownPair]
  ) throws {
    var summary = JudgementSummary()
    for (record, shown) in zip(records, items) {
      summary.add(record, pair: shown.pair, oracle: context.oracle)
    }
    try StageSummary.judgements(iteration: iteration, summary: summary).write(to: stage)
    context.events(
      .message(
        "iteration \(iteration): of \(summary.items) items \(summary.allRight) are all right, "
          + "\(summary.allWrong) all wrong, \(summary.mixed) mixed; \(summary.unparseable) of "
          + "\(summary.judgements) judgements have no verdict"
      )
    )
  }

  private func told(_ shown: ShownPair) -> [Message] {
    let pair = shown.pair
    let isFirst = shown.order == .chosenFirst
    return section.wording.rationale(
      prompt: pair.prompt,
      a: isFirst ? pair.chosen : pair.rejected,
      b: isFirst ? pair.rejected : pair.chosen,
      better: shown.order.right
    )
  }
}

extension JudgementSummary {
  /// Counts a record.
  mutating func add(
    _ record: JudgementRecord,
    pair: PreferencePair,
    oracle: JudgementOracle?
  ) {
    let right = record.right
    items += 1
    judgements += record.samples.count
    self.right += right.count
    unparseable += record.unparseable.count
    if right.count == record.samples.count {
      allRight += 1
    } else if right.isEmpty {
      allWrong += 1
    } else {
      mixed += 1
    }
    guard let oracle else { return }
    for sample in right {
      guard let isTrue = oracle.isTrue(pair, record.order, sample.text) else { continue }
      rightChecked += 1
      if isTrue { rightAndTrue += 1 }
    }
    for sample in record.wrong {
      guard let isTrue = oracle.isTrue(pair, record.order, sample.text) else { continue }
      wrongChecked += 1
      if isTrue { wrongButTrue += 1 }
    }
  }
}
