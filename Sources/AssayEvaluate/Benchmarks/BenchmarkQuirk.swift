/// A habit of a benchmark's published script that its figures do better without: off unless asked for, to
/// compare with tables that have it.
package enum BenchmarkQuirk: String, CaseIterable, Sendable {
  /// RewardBench v1: a section without any item counts as 0 in `overall`.
  ///
  /// Source: allenai/reward-bench, rewardbench/utils.py (`calculate_scores_per_section`).
  case absentSections = "absent-sections"
  /// HHH: of responses that share the highest score one is chosen by a hash of all scores.
  ///
  /// Source: google/BIG-bench, bigbench/api/task_metrics.py (`argmax`).
  case hashedTies = "hashed-ties"

  /// The benchmark that has it.
  package var benchmark: String {
    switch self {
    case .absentSections: RewardBench.name
    case .hashedTies: HHH.name
    }
  }

  /// What it does to the figures, in a sentence for their reader.
  package var note: String {
    switch self {
    case .absentSections: "quirk \(rawValue): an absent section counts as 0 in overall"
    case .hashedTies: "quirk \(rawValue): of equal scores a hash of them says which wins"
    }
  }
}
