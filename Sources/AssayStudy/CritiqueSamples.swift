import AssayEvaluate
import AssayReward
import AssayTrain

/// Chooses critiques that are worth reading.
enum CritiqueSamples {
  /// Picks a pair of each section that is ranked right, with the longest critique, and one that is
  /// ranked wrong.
  ///
  /// - Parameters:
  ///   - outcomes: What a method made of pairs; those of the first suite are looked at.
  ///   - method: The method's name.
  ///   - items: The pairs.
  /// - Returns: Those with the longest critiques first, the wrong one last; none where the method
  ///   writes no critiques.
  static func pick(
    _ outcomes: [PairOutcome],
    of method: String,
    items: [Study.Item]
  ) -> [HTMLReport.Sample] {
    let written = outcomes.filter {
      $0.suite == outcomes.first?.suite && $0.chosenCritiques?.first != nil
        && $0.rejectedCritiques?.first != nil
    }
    var picked: [PairOutcome] = []
    for subset in Set(written.compactMap(\.subset)).sorted() {
      let right = written.filter { $0.subset == subset && $0.grade(0..<1).isRight }
      if let best = right.max(by: { length($0) < length($1) }) { picked.append(best) }
    }
    if picked.isEmpty { picked = Array(written.prefix(2)) }
    picked.sort { length($0) > length($1) }
    if let wrong = written.first(where: { !$0.grade(0..<1).isRight }), !picked.contains(wrong) {
      picked.append(wrong)
    }
    return picked.compactMap { outcome in
      items.first { $0.id == outcome.id && $0.suite == outcome.suite }
        .map { sample(outcome, method, $0) }
    }
  }

  private static func sample(
    _ outcome: PairOutcome,
    _ method: String,
    _ item: Study.Item
  ) -> HTMLReport.Sample {
    func response(
      _ text: String,
      _ critiques: [String]?,
      _ scores: [Double]?,
      _ isRight: Bool
    ) -> HTMLReport.Sample.Answer {
      .init(
        text: text,
        critique: critiques?.first ?? "",
        score: scores?.first ?? 0,
        isRight: isRight
      )
    }
    return HTMLReport.Sample(
      section: outcome.subset ?? outcome.suite,
      method: method,
      prompt: item.prompt,
      responses: [
        response(item.chosen, outcome.chosenCritiques, outcome.chosen, true),
        response(item.rejected, outcome.rejectedCritiques, outcome.rejected, false),
      ]
    )
  }

  private static func length(_ outcome: PairOutcome) -> Int {
    (outcome.chosenCritiques?.first ?? "").count + (outcome.rejectedCritiques?.first ?? "").count
  }
}
