import AssayReward

/// RewardBench v1: columns `prompt`, `chosen`, `rejected`, `subset`, `id`.
///
/// A section is the mean of its subsets' accuracies weighted by the published counts, where `math-prm`
/// counts 984; `overall` is the plain mean of the four sections. Each subset is a key too, and
/// `Reasoning (flat)` counts every pair of that section once. Where subsets are absent, a section is
/// the weighted mean of those present, as the leaderboard's code has it, a section without any has no
/// figure, and a note says so. Subsets that no section has are keys and count nowhere else.
///
/// Source: allenai/reward-bench, rewardbench/utils.py (`calculate_scores_per_section`). It differs in
/// that it calls an absent section 0, as `BenchmarkQuirk.absentSections` does.
package struct RewardBench: Benchmark {
  package static let name = "rewardbench"
  package static let summary = "RewardBench v1: four sections by the published weights"
  package static let unparseable: UnparseableRule? = .half
  package let items: [BenchmarkItem]
  /// Whether absent sections count as 0.
  private let countsAbsent: Bool

  package init(_ source: BenchmarkSource) throws {
    countsAbsent = source.quirks.contains(.absentSections)
    items = try source.items { row in
      let subset = try row.text("subset")
      let section = RewardBenchWeights.sections.first { $0.subsets.contains { $0.name == subset } }
      let item = try BenchmarkItem(pairRow: row, subset: subset, section: section?.name ?? "")
      guard item.chosen.count == 1, item.rejected.count == 1 else {
        throw row.failure(
          "RewardBench v1 has one chosen and one rejected response; is it version 2?"
        )
      }
      return item
    }
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    var sections: ResultsFile.Sections = [:]
    var notes: [String] = []
    let subsets = tally.groups(\.subset)
    for subset in subsets { sections[subset.name] = try tally.figure(subset.indices) }
    var whole: [BenchmarkTally.Part] = []
    for section in RewardBenchWeights.sections {
      let parts = section.subsets.compactMap { weighted -> BenchmarkTally.Part? in
        guard sections[weighted.name] != nil,
          let subset = subsets.first(where: { $0.name == weighted.name })
        else { return nil }
        return (subset.indices, Double(weighted.count))
      }
      let absent = section.subsets.map(\.name).filter { sections[$0] == nil }
      guard !parts.isEmpty else {
        notes.append(
          "\(section.name) is absent, and overall is the mean of "
            + (countsAbsent ? "0 and the others" : "the other sections")
        )
        continue
      }
      if !absent.isEmpty {
        notes.append("\(section.name) lacks \(absent.joined(separator: ", "))")
      }
      sections[section.name] = try tally.figure(weighted: parts)
      let total = parts.reduce(0) { $0 + $1.weight }
      whole += parts.map { ($0.indices, $0.weight / total) }
    }
    let reasoning = tally.indices { $0.section == "Reasoning" }
    sections["Reasoning (flat)"] = try tally.figure(reasoning)
    let overall = try tally.figure(weighted: whole)
    let present = Double(whole.reduce(0) { $0 + $1.weight })
    sections["overall"] =
      countsAbsent
      ? overall?.scaled(by: present / Double(RewardBenchWeights.sections.count)) : overall
    guard tally.items.contains(where: { !$0.section.isEmpty }) else {
      throw EvaluateError.nothingCounted(
        benchmark: Self.name,
        reason:
          "no section has a subset named '\(subsets.first?.name ?? "")'; see pairs for own data"
      )
    }
    return try tally.results(of: Self.name, sections, notes: notes)
  }
}
