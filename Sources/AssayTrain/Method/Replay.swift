// Replay: a model that is tuned on few kinds of texts forgets what it could do with others, such as
// working longer than any of its examples. Some of the texts that it was pretrained on, read again
// beside every batch, keep that.
//
// Source: Ouyang et al. 2022 (arXiv:2203.02155) section 3.5, there beside policy gradients
// (PPO-ptx).

import AssayBase
import AssayModel
import AssayRun
import AssayText
import Foundation

/// How much of an older corpus is read again while a model is tuned.
package struct ReplaySection: RecipeSection {
  /// Conversations that are read again for each item of a batch: a pair, a demonstration, a
  /// judgement.
  ///
  /// Default: 0, none.
  package var share = 0.0
  /// Weight of their mean token loss beside the batch's own.
  ///
  /// Default: 1.
  package var weight = 1.0
  /// The corpus: lines `{"messages": [...]}` or `{"text": ...}`; what the assistant says is learnt.
  ///
  /// Default: none; comparisons take their world's.
  package var data: String?

  /// Makes a section of defaults.
  package init() {}

  /// Reports settings that cannot be used.
  package func validate(_ checks: inout RecipeChecks) {
    checks.require(share >= 0 && share <= 16, "share", "a number from 0 to 16")
    checks.require(weight > 0, "weight", "a number above 0")
  }

  /// Opens the corpus.
  ///
  /// - Parameter corpus: Where it is, if the section does not say.
  /// - Returns: What to read again, `nil` where the share is 0.
  /// - Throws: `DataError.notFound`, `FileError.fileSystem`, or `TrainingError.recipe` where no
  ///   corpus is named.
  package func replay(_ corpus: URL? = nil) throws -> Replay? {
    guard share > 0 else { return nil }
    guard let url = data.map(URL.init(fileURLWithPath:)) ?? corpus else {
      throw TrainingError.recipe(
        reason: "replay.share is \(share) without replay.data: name a corpus to read again"
      )
    }
    return Replay(
      section: self,
      corpus: try CorpusLines(url),
      digest: try Digest.fingerprint(of: url)
    )
  }
}

/// A corpus that is read again.
package struct Replay: Sendable {
  /// How much of it.
  let section: ReplaySection
  /// The corpus.
  let corpus: CorpusLines
  /// The hash of its content.
  let digest: String

  /// What stages are made from besides.
  package struct Made: Encodable {
    let share: Double
    let weight: Double
    let corpus: String
  }

  /// What stages are made from besides.
  package var made: Made {
    Made(share: section.share, weight: section.weight, corpus: digest)
  }

  /// Whether there is a text for each batch of so many items.
  func reads(besideBatchOf items: Int) -> Bool {
    (section.share * Double(items)).rounded() > 0 && corpus.count > 0
  }

  /// Prepares to read beside a training's batches.
  ///
  /// - Parameters:
  ///   - plan: The training's batches.
  ///   - seed: Same seed, same texts.
  ///   - renderer: What makes tokens of them.
  /// - Returns: The texts of every step.
  /// - Throws: `TrainingError.recipe` where there is no text for a batch.
  func reading(beside plan: ShuffledBatches, seed: Int, renderer: SequenceRenderer) throws
    -> ReplayReading
  {
    let size = Int((section.share * Double(plan.batchSize)).rounded())
    guard size > 0, corpus.count > 0 else {
      throw TrainingError.recipe(
        reason: corpus.count > 0
          ? "replay.share \(section.share) of a batch of \(plan.batchSize) is less than half a text, so that none "
            + "would be read: raise the share, or the batch"
          : "the corpus of replay.data has no text"
      )
    }
    // Texts of their own order, not that in which they were pretrained on.
    let own = ShuffledBatches(
      itemCount: corpus.count,
      batchSize: min(size, corpus.count),
      seed: UInt64(seed) ^ 0x5245_504c_4159
    )
    return ReplayReading(
      corpus: corpus,
      weight: section.weight,
      renderer: renderer,
      order: EpochOrder(own)
    )
  }
}

/// The texts that are read again beside a training's batches.
struct ReplayReading {
  let corpus: CorpusLines
  let weight: Double
  let renderer: SequenceRenderer
  var order: EpochOrder

  /// Adds a step's gradients to those of its batch.
  ///
  /// - Returns: The loss in nats a token, before its weight.
  mutating func step(_ step: Int, model: Model) throws -> StepReport {
    let items = order.items(step: step)
    let sequences = try items.map {
      TrainingSequence(
        try renderer.renderForLanguageModel(try corpus.conversation($0), targets: .assistant)
      )
    }
    return TokenObjective().step(sequences, items: items, model: model, weight: weight)
  }
}
