import AssayText
import Foundation

/// LLMBar: columns `input`, `output_1`, `output_2`, `label` (1 or 2: which output is better).
///
/// The path is one of its `dataset.json` files or a folder of them, as a clone of the repository; a
/// folder's `CaseStudy` and `Processed` parts are other sets and are left out. `Adversarial` is the mean of its four subsets'
/// accuracies, `overall` that of all five, as the paper's table has it. In other files the file's name
/// is the subset. Of judges, `both orders right` and `orders agree` are its script's `correct_both` and
/// `equal` over all items, and a note has Cohen's kappa; the script takes the second output for no answer in
/// the verdicts' kappa with the labels, which is why the published ones are lower.
///
/// Source: princeton-nlp/LLMBar, Dataset/ and LLMEvaluator/evaluate.py; Zeng et al. 2023 (arXiv:2310.07641),
/// table 2.
package struct LLMBar: Benchmark {
  package static let name = "llmbar"
  package static let summary = "LLMBar: instruction following against looks, five subsets"
  package static let unparseable: UnparseableRule? = .wrong
  private static let adversarial = ["Neighbor", "GPTInst", "GPTOut", "Manual"]
  private static let otherSets = ["CaseStudy", "Processed"]
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.items(in: Self.files) { row in
      let outputs = [try row.text("output_1"), try row.text("output_2")]
      let label = try row.integer("label")
      guard label == 1 || label == 2 else {
        throw row.failure("'label' must be 1 or 2, found \(label)")
      }
      // A dataset.json that is given alone has its subset in the folder's name.
      let place = row.stem == "dataset" ? row.file : row.stem
      let known = (Self.adversarial + ["Natural"]).first(where: place.contains)
      var item = BenchmarkItem(
        id: row.id,
        subset: known ?? row.stem,
        section: known.map { $0 == "Natural" ? "" : "Adversarial" } ?? "",
        prompt: [.user(try row.text("input"))],
        chosen: [outputs[label - 1]],
        rejected: [outputs[2 - label]]
      )
      item.isChosenFirst = label == 1
      return item
    }
  }

  /// The files of a clone that hold the sets: its evaluators' outputs lie beside them.
  private static func files(_ names: [String]) -> [String] {
    let own = names.filter { name in
      !name.split(separator: "/").contains { part in otherSets.contains(where: part.hasPrefix) }
    }
    let sets = own.filter { ($0 as NSString).lastPathComponent == "dataset.json" }
    return sets.isEmpty ? own : sets
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    var sections: ResultsFile.Sections = [:]
    let groups = tally.groups(\.subset)
    for group in groups { sections[group.name] = try tally.figure(group.indices) }
    func mean(_ isIncluded: (String) -> Bool) throws -> ResultsFile.Figure? {
      try tally.figure(weighted: groups.filter { isIncluded($0.name) }.map { ($0.indices, 1) })
    }
    sections["Adversarial"] = try mean(Self.adversarial.contains)
    sections["overall"] = try mean { _ in true }
    guard tally.records.contains(where: { !$0.pairs.isEmpty }) else {
      return try tally.results(of: Self.name, sections)
    }
    let all = Array(tally.items.indices)
    sections["both orders right"] = try tally.wholly.figure(all)
    sections["orders agree"] = try tally.replacing { content in
      guard case .verdicts(let said) = content, said.count == 2 else { return nil }
      return said[0] == said[1] ? 1 : 0
    }.figure(all)
    var results = try tally.results(of: Self.name, sections)
    if let kappa = tally.kappaSentence { results.notes.append(kappa) }
    return results
  }
}
