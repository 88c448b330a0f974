import AssayText

/// The pairwise test set of Auto-J: columns `scenario`, `label` (0: the first response is better, 1: the
/// second, 2: a tie), `prompt`, `response 1`, `response 2`.
///
/// `overall` is the agreement with people over all items, ties among them: there a judge must say
/// `A=B`, and scores must be equal. `preferences` and `ties` are its two parts; scenarios and their eight
/// groups are keys. For a tie, the score called chosen is that of response 1.
///
/// Source: GAIR-NLP/auto-j, README (the format) and codes/usage/constants_prompt.py; Li et al. 2023
/// (arXiv:2310.05470). Their table, codes/leaderboard/pairwise_eval.py, counts a pair only where both
/// orders are right: that is `both orders right`, of a group `GROUP, both orders right`; in `overall` the two
/// orders are averaged, as it counts each.
package struct AutoJ: Benchmark {
  package static let name = "auto-j"
  package static let summary = "Auto-J: pairs of 58 scenarios, with ties"
  package static let unparseable: UnparseableRule? = .wrong
  package let items: [BenchmarkItem]

  package init(_ source: BenchmarkSource) throws {
    items = try source.items { row in
      let responses = [try row.text("response 1"), try row.text("response 2")]
      let label = try row.integer("label")
      guard (0...2).contains(label) else {
        throw row.failure("'label' must be 0, 1 or 2, found \(label)")
      }
      return BenchmarkItem(
        id: row.id,
        subset: try row.optionalText("scenario") ?? "",
        section: try row.optionalText("scenario").flatMap(Self.group) ?? "",
        prompt: [.user(try row.text("prompt"))],
        responses: responses,
        label: label
      )
    }
  }

  package func results(_ tally: BenchmarkTally) throws -> BenchmarkResults {
    var results = try tally.resultsWithTies(of: Self.name)
    let groups = tally.groups(\.section)
    for group in groups { results.sections[group.name] = try tally.figure(group.indices) }
    guard tally.records.contains(where: { !$0.pairs.isEmpty }) else { return results }
    let wholly = tally.wholly
    results.sections["both orders right"] = try wholly.figure(Array(tally.items.indices))
    for group in groups {
      results.sections["\(group.name), both orders right"] = try wholly.figure(group.indices)
    }
    return results
  }

  /// The group of a scenario; `nil` of one that the benchmark does not have.
  private static func group(_ scenario: String) -> String? {
    groups.first { $0.scenarios.split(separator: " ").contains(scenario[...]) }?.name
  }

  /// The groups of the published table, and their scenarios.
  private static let groups: [(name: String, scenarios: String)] = [
    ("Summarization", "post_summarization text_summarization note_summarization"),
    (
      "Exam Questions",
      "math_reasoning solving_exam_question_with_math solving_exam_question_without_math"
    ),
    (
      "Code",
      "code_simplification code_generation explaining_code code_correction_rewriting "
        + "code_to_code_translation"
    ),
    (
      "Rewriting",
      "text_simplification language_polishing instructional_rewriting text_correction paraphrasing"
    ),
    (
      "Creative Writing",
      "writing_song_lyrics writing_social_media_post writing_blog_post writing_personal_essay "
        + "creative_writing writing_advertisement writing_marketing_materials "
        + "writing_presentation_script counterfactual"
    ),
    (
      "Functional Writing",
      "writing_product_description writing_job_application writing_news_article writing_biography "
        + "writing_email writing_legal_document writing_technical_document "
        + "writing_scientific_paper functional_writing writing_cooking_recipe"
    ),
    (
      "General Communication",
      "asking_how_to_question open_question analyzing_general explaining_general seeking_advice "
        + "recommendation value_judgement verifying_fact chitchat roleplay planning brainstorming"
    ),
    (
      "NLP Tasks",
      "ranking text_to_text_translation data_analysis classification_identification "
        + "title_generation question_generation reading_comprehension keywords_extraction "
        + "information_extraction topic_modeling others"
    ),
  ]
}

extension BenchmarkItem {
  /// An item of two responses: `label` is the index of the better one, or 2 for a tie.
  init(
    id: String,
    subset: String,
    section: String = "",
    prompt: [Message],
    responses: [String],
    label: Int
  ) {
    let isFirst = label != 1
    self.init(
      id: id,
      subset: subset,
      section: section,
      prompt: prompt,
      chosen: [responses[isFirst ? 0 : 1]],
      rejected: [responses[isFirst ? 1 : 0]]
    )
    isTie = label == 2
    isChosenFirst = isFirst
  }
}

extension BenchmarkTally {
  /// Pooled figures, and those of the items that people preferred one response of, and of the others.
  func resultsWithTies(of name: String) throws -> BenchmarkResults {
    var sections = try pooled(\.subset)
    sections["preferences"] = try figure(indices { !$0.isTie })
    sections["ties"] = try figure(indices(where: \.isTie))
    return try results(of: name, sections)
  }
}
