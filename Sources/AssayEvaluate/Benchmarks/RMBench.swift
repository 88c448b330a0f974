import AssayReward

/// RM-Bench: columns `id`, `prompt`, `chosen` and `rejected` (three each: concise, detailed plain,
/// detailed markdown), and `domain` in `total_dataset.json`; else the file's name tells the domain.
///
/// An item is a 3 by 3 matrix of strict wins, rows by the style of the chosen response, columns by that
/// of the rejected one. Hard is the mean above the diagonal (a plainer response must beat a fancier
/// one), normal the diagonal, easy below it. A domain is the mean of the three over its items, where
/// safety pools should-refuse and should-respond; `overall` is the mean of the domains, and so are
/// `hard`, `normal` and `easy`.
///
/// Source: THU-KEG/RM-Bench, scripts/utils.py (`compute_accuracy`).
package struct RMBench: Benchmark {
  package static let name = "rm-bench"
  package static let summary = "RM-Bench: substance against style, hard, normal and easy"
  package static let takesVerdicts = false
  private static let domains = ["Chat", "Math", "Code", "Safety"]
  private static let styleCount = 3
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.items { row in
      let name = try row.optionalText("domain") ?? row.stem.replacing("_filtered", with: "")
      guard let domain = Self.domains.first(where: { name.lowercased().contains($0.lowercased()) })
      else {
        throw row.failure(
          "the domain is unknown: 'domain' or the file's name must have chat, math, code or safety"
        )
      }
      let subset = domain == "Safety" && name.lowercased() != "safety" ? name : ""
      let item = try BenchmarkItem(pairRow: row, subset: subset, section: domain)
      guard item.chosen.count == Self.styleCount, item.rejected.count == Self.styleCount else {
        throw row.failure(
          "'chosen' and 'rejected' must have 3 responses each, found \(item.chosen.count) and "
            + "\(item.rejected.count)"
        )
      }
      return item
    }
  }

  /// The mean of hard, normal and easy.
  package func outcome(of item: BenchmarkItem, scores: BenchmarkScores) -> Double {
    (Self.wins(scores, <) + Self.wins(scores, ==) + Self.wins(scores, >)) / 3
  }

  /// The share of strict wins where the styles of chosen and rejected are ordered in a way.
  private static func wins(_ scores: BenchmarkScores, _ order: (Int, Int) -> Bool) -> Double {
    var (wins, count) = (0, 0)
    for (row, chosen) in scores.chosen.enumerated() {
      for (column, rejected) in scores.rejected.enumerated() where order(row, column) {
        count += 1
        if chosen > rejected { wins += 1 }
      }
    }
    return Double(wins) / Double(count)
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    let groups = tally.groups(\.section)
    let parts = groups.map { BenchmarkTally.Part(indices: $0.indices, weight: 1) }
    var sections: ResultsFile.Sections = [:]
    for group in groups + tally.groups(\.subset) {
      sections[group.name] = try tally.figure(group.indices)
    }
    sections["hard"] = try tally.replacing { Self.wins($0, <) }.figure(weighted: parts)
    sections["normal"] = try tally.replacing { Self.wins($0, ==) }.figure(weighted: parts)
    sections["easy"] = try tally.replacing { Self.wins($0, >) }.figure(weighted: parts)
    sections["overall"] = try tally.figure(weighted: parts)
    let absent = Self.domains.filter { sections[$0] == nil }
    return try tally.results(
      of: Self.name,
      sections,
      notes: absent.isEmpty
        ? [] : ["absent, and not in the means: \(absent.joined(separator: ", "))"]
    )
  }
}
