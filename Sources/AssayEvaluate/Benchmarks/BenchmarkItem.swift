// The questions of a benchmark, and what it says of answers.
import AssayBase
import AssayText

/// A question of a benchmark: a prompt, and responses of which some should score above others.
package struct BenchmarkItem: Sendable, Equatable {
  /// The file's own `pair_id` or `id`, or the 0-based row; see `BenchmarkRow`.
  package var id: String
  /// The smallest part of the benchmark that has a figure of its own.
  package var subset: String
  /// The part that its subset belongs to, where the benchmark has such.
  package var section: String
  /// The conversation up to the assistant's turn.
  package var prompt: [Message]
  /// The responses that should win.
  package var chosen: [String]
  /// The responses that should lose.
  package var rejected: [String]
  /// Whether people found both equally good; `chosen` is then the file's first response.
  package var isTie = false
  /// Whether a judge sees the chosen response as A in the first of the two orders.
  package var isChosenFirst = true
  /// Whether the label prefers the response that the file calls rejected, which is `chosen` here.
  ///
  /// Files of records keep the file's names.
  package var isTurned = false
  /// What items are resampled together, such as the prompt that they share; `nil`: alone.
  package var cluster: String?
  /// What people rated the chosen responses, then the others, in any unit; empty where that is not known.
  package var ratings: [Double] = []
  /// Who wrote the chosen response and the rejected one; empty where that is not known.
  package var writers: [String] = []
  /// What single annotators said: 1 for the chosen response, 0 for the other, 0.5 for a tie; empty where
  /// that is not known.
  package var votes: [Double] = []
  /// The error that is marked in a rejected response, if any.
  package var error: MarkedError?
  /// The steps of a solution whose beginnings are the candidates; empty where they are responses.
  package var steps: [String] = []

  /// Makes an item.
  package init(
    id: String,
    subset: String,
    section: String = "",
    prompt: [Message],
    chosen: [String],
    rejected: [String]
  ) {
    self.id = id
    self.subset = subset
    self.section = section
    self.prompt = prompt
    self.chosen = chosen
    self.rejected = rejected
  }

  /// What must be scored: the chosen responses, then the others.
  package var candidates: [BenchmarkCandidate] {
    (chosen + rejected).map { BenchmarkCandidate(prompt: prompt, response: $0) }
  }
}

/// A response that a benchmark asks a score for.
package struct BenchmarkCandidate: Hashable, Sendable {
  /// The conversation up to the assistant's turn.
  package var prompt: [Message]
  /// The assistant's turn.
  package var response: String

  /// Makes a candidate.
  package init(prompt: [Message], response: String) {
    self.prompt = prompt
    self.response = response
  }
}

/// What a benchmark says of scores.
package struct BenchmarkResults: Sendable, Equatable {
  /// Sections, subsets and named figures, beside `overall`.
  package var sections: ResultsFile.Sections
  /// Figures that are no accuracies, such as correlations, by section and name.
  package var named: [String: [String: Double]] = [:]
  /// What a reader of the figures must know, such as subsets that were absent; one sentence each.
  package var notes: [String]

  /// Makes results.
  package init(sections: ResultsFile.Sections, notes: [String] = []) {
    self.sections = sections
    self.notes = notes
  }
}

extension BenchmarkItem {
  /// The hash of the ids and texts of all items.
  static func digest(_ items: [BenchmarkItem]) -> String {
    let texts = items.flatMap { item in
      [item.id] + item.prompt.flatMap { [$0.role, $0.content] } + item.chosen + [""]
        + item.rejected
    }
    return Digest.hex(texts.map { "\($0.utf8.count):\($0)" }.joined())
  }
}
