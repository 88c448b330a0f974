// What is worth knowing of pairs before a model learns from them.

import AssayData
import AssayEvaluate
import AssayReward
import AssayText
import Foundation

/// What may be wrong with training pairs, a sentence each.
package enum PairWarnings {
  /// Pairs below this number tell too little of lengths.
  private static let leastPairs = 50
  /// A share of pairs beyond which one side is the longer one too often.
  private static let longerShare = 0.65

  /// Looks at pairs, and at the suites that are to test what was learnt from them.
  ///
  /// - Parameters:
  ///   - pairs: What is learnt from.
  ///   - suites: What is tested on.
  /// - Returns: Sentences; none where nothing is to be said.
  package static func texts(_ pairs: [PreferencePair], suites: [Suite]) -> [String] {
    lengths(pairs) + repetitions(pairs) + leaks(pairs, suites)
  }

  private static func lengths(_ pairs: [PreferencePair]) -> [String] {
    let longer = pairs.compactMap { pair -> Bool? in
      let (chosen, rejected) = (pair.chosen.count, pair.rejected.count)
      return chosen == rejected ? nil : chosen > rejected
    }
    guard longer.count >= leastPairs else { return [] }
    let count = longer.count { $0 }
    let share = Statistics.wilson(successes: count, trials: longer.count)
    guard share.lower > longerShare || share.upper < 1 - longerShare else { return [] }
    let side = count * 2 > longer.count ? "longer" : "shorter"
    let percent = Int((100 * max(share.value, 1 - share.value)).rounded())
    return [
      "the \(side) response is the preferred one in \(percent) % of pairs: a model may learn lengths; "
        + "look at accuracy where the other side is preferred"
    ]
  }

  private static func repetitions(_ pairs: [PreferencePair]) -> [String] {
    var seen: Set<[String]> = []
    var (repeated, contradicting) = (0, 0)
    for pair in pairs {
      let prompt = text(pair.prompt)
      if !seen.insert([prompt, pair.chosen, pair.rejected]).inserted { repeated += 1 }
      if seen.contains([prompt, pair.rejected, pair.chosen]) { contradicting += 1 }
    }
    return [
      repeated == 0 ? nil : "\(repeated) pairs are repetitions of earlier ones",
      contradicting == 0
        ? nil : "\(contradicting) pairs prefer the response that an earlier one rejects",
    ].compactMap(\.self)
  }

  private static func leaks(_ pairs: [PreferencePair], _ suites: [Suite]) -> [String] {
    let known = Set(pairs.map { normalized($0.prompt) })
    return suites.compactMap { suite in
      let count = suite.pairs.count { !$0.prompt.isEmpty && known.contains(normalized($0.prompt)) }
      return count == 0
        ? nil
        : "\(count) of \(suite.pairs.count) prompts of the suite \(suite.name) are among those that are "
          + "learnt from: its figure says less of new prompts"
    }
  }

  private static func text(_ prompt: [Message]) -> String {
    prompt.map { "\($0.role): \($0.content)" }.joined(separator: "\n")
  }

  /// A prompt without what copies of it differ in: case, spaces and marks.
  private static func normalized(_ prompt: [Message]) -> String {
    text(prompt).lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: " ")
  }
}
