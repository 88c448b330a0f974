import AssayBase
import AssayData
import AssayText

/// Pairs whose worse response has an error that people marked.
///
/// Rows of one's own have `prompt`, `chosen`, `rejected`, and `error` (what is wrong, in words),
/// `error_step` (the first wrong step, from 0, of the response's lines or, of a single line, its
/// sentences; or of `steps`, where these are given), or both. Published files are read too: MathDial's
/// (`student_incorrect_solution`, `teacher_described_confusion`) and Shepherd's `human_data_raw.jsonl`.
/// Beside the accuracy, `eval` says how often a critique names what is marked.
///
/// Source: Macina et al. 2023 (arXiv:2305.14536), eth-nlped/mathdial; Wang et al. 2023
/// (arXiv:2308.04592), facebookresearch/Shepherd.
package struct MarkedErrors: Benchmark {
  package static let name = "errors"
  package static let summary =
    "pairs whose error is marked: MathDial, Shepherd, or rows of your own"
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.items { row in
      if row.optional("student_incorrect_solution") != nil { return try Self.mathDial(row) }
      if row.optional("latestLabel") != nil { return try Self.shepherd(row) }
      return try Self.own(row)
    }
  }

  package func outcome(of item: BenchmarkItem, scores: BenchmarkScores) -> Double {
    item.credit(scores)
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    try tally.results(of: Self.name, try tally.pooled(\.subset))
  }

  private static func own(_ row: BenchmarkRow) throws -> BenchmarkItem {
    var item = try BenchmarkItem(pairRow: row, subset: try row.optionalText("subset") ?? "")
    var error = MarkedError(reason: try row.optionalText("error"))
    if row.optional("error_step") != nil {
      let step = try row.integer("error_step")
      error.steps =
        row.optional("steps") == nil ? steps(of: item.rejected[0]) : try row.texts("steps")
      guard error.steps.indices.contains(step) else {
        throw row.failure(
          "'error_step' must be one of the \(error.steps.count) steps, from 0, found \(step)"
        )
      }
      error.step = step
    }
    guard error.reason != nil || error.step != nil else {
      throw row.failure("the keys 'error' and 'error_step' are missing; give one of them")
    }
    item.error = error
    return item
  }

  private static func mathDial(_ row: BenchmarkRow) throws -> BenchmarkItem {
    var item = BenchmarkItem(
      id: row.id,
      subset: row.stem,
      prompt: try row.prompt("question"),
      chosen: [try row.text("ground_truth")],
      rejected: [try row.text("student_incorrect_solution")]
    )
    item.error = try row.optionalText("teacher_described_confusion").map { MarkedError(reason: $0) }
    return item
  }

  private static func shepherd(_ row: BenchmarkRow) throws -> BenchmarkItem {
    let texts = try row.required("metadata")
    guard let prompt = texts["context"]?.string, let chosen = texts["output_correct"]?.string,
      let rejected = texts["output_candidate"]?.string
    else {
      throw row.failure(
        "'metadata' must hold the texts 'context', 'output_correct' and 'output_candidate'"
      )
    }
    var item = BenchmarkItem(
      id: row.id,
      subset: try row.optionalText("dataset") ?? row.stem,
      prompt: [.user(prompt)],
      chosen: [chosen],
      rejected: [rejected]
    )
    let label = row.optional("latestLabel")?["jsonResponse"]?["CLASSIFICATION_JOB_0"]
    let reasons = (label?["categories"]?.array ?? []).flatMap { category in
      (category["children"]?.members ?? []).compactMap { $0.value["text"]?.string }
    }
    if !reasons.isEmpty { item.error = MarkedError(reason: reasons.joined(separator: " ")) }
    return item
  }

  /// The lines of a response or, of a single line, its sentences.
  private static func steps(of text: String) -> [String] {
    let lines = text.split(whereSeparator: \.isNewline).map(String.init)
      .filter { !$0.allSatisfy(\.isWhitespace) }
    guard lines.count < 2 else { return lines }
    return Sentences.ranges(of: text).map { String(text[$0]) }
  }
}
