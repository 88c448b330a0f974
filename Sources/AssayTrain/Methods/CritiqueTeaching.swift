// The critiques that a critic learns, of whichever teacher.

import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayText

extension RunContext {
  /// The same with the critiques of a section's teacher in the pairs.
  ///
  /// - Parameter section: How critiques are learnt.
  /// - Returns: For `pairs` this context itself; what is made from it is told apart by the teacher, and
  ///   by the critiques where the start model wrote them.
  /// - Throws: `TrainingError.recipe` where the world has no such teacher; what writing throws.
  func taught(by section: CritiqueSection) async throws -> RunContext {
    var context = self
    switch section.teacher {
    case .pairs: return self
    case .own:
      let written = try await ownCritiques(section)
      let records = try written.records(of: CritiqueRecord.self).records()
      context.inputs["critiques"] = written.digest
      func taught(_ pairs: [PreferencePair], from first: Int) -> [PreferencePair] {
        pairs.enumerated().map { index, pair in
          var pair = pair
          pair.chosenCritique = records[2 * (first + index)].critique
          pair.rejectedCritique = records[2 * (first + index) + 1].critique
          return pair
        }
      }
      context.pairs = taught(pairs, from: 0)
      context.heldOut = taught(heldOut, from: pairs.count)
    case .equal, .stronger, .exact:
      guard let teachers else {
        throw TrainingError.recipe(
          reason:
            "critique.teacher: \(section.teacher.rawValue) needs a world with teachers, such as the "
            + "Playground; take `pairs` or `self`"
        )
      }
      func taught(_ pair: PreferencePair) -> PreferencePair {
        var pair = pair
        pair.chosenCritique = teachers(section.teacher, pair, pair.chosen)
        pair.rejectedCritique = teachers(section.teacher, pair, pair.rejected)
        return pair
      }
      context.pairs = pairs.map(taught)
      context.heldOut = heldOut.map(taught)
    }
    return context
  }

  /// A critique of every response by the start model, drawn and asked for as Critic-RM's are, before any
  /// filter and without its stated score.
  private func ownCritiques(_ section: CritiqueSection) async throws -> Stage {
    let (asked, sides) = (wording ?? .english, (pairs + heldOut).flatMap(PairSide.both))
    let start = try startFolder()
    return try await stages.run(
      "own-critiques",
      from: ["tokens": section.critiqueTokens, "prompts": asked.name, "compute": compute],
      inputs: inputs
    ) { stage in
      let writer = try compute.writer(start, for: stage, events: events)
      var settings = WritingSettings()
      settings.temperature = 1
      settings.topP = 0.95
      settings.maximumTokens = writer.limit(section.critiqueTokens, .critique)
      _ = try await stage.write(sides, by: writer, stretch: 1024, events: events) { side in
        [
          WritingRequest(
            asked.opening(
              prompt: side.pair.prompt,
              response: side.response,
              leadIn: asked.scoredCritiqueLeadIn
            ),
            settings: settings,
            seed: UInt64(compute.seed),
            cutsFront: true
          )
        ]
      } record: { index, written in
        let text = written[0][0]
        return CritiqueRecord(
          id: sides[index].pair.id,
          side: sides[index].name,
          critique: asked.scoredCritique(in: text.text)?.critique ?? text.text,
          finishReason: text.finishReason
        )
      }
    }
  }
}
