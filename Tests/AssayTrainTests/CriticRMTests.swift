import AssayData
import AssayText
import AssayTrain
import Testing

@Suite struct CriticRMTests {
  private func candidates(_ scores: [Int?]) -> [CandidateCritique] {
    scores.map { CandidateCritique(critique: "c", score: $0, finishReason: .stop) }
  }

  @Test("the mean rule keeps a pair whose scores agree, and of it what agrees")
  func mean() {
    let kept = ConsistencyRule.mean.filter(
      chosen: candidates([8, 2, 6]),
      rejected: candidates([3, 6, 1])
    )
    // Means 5.33 and 3.33: 2 goes from chosen, 6 from rejected.
    #expect(kept.isKept)
    #expect(kept.chosen == [0, 2])
    #expect(kept.rejected == [0, 2])
    #expect(kept.dropped == ["critique-contradicts-label": 2])
  }

  @Test("the mean rule drops a pair whose scores contradict the label, ties too")
  func contradiction() {
    for (chosen, rejected) in [([2, 3], [7, 8]), ([5, 5], [5, 5])] {
      let kept = ConsistencyRule.mean.filter(
        chosen: candidates(chosen),
        rejected: candidates(rejected)
      )
      #expect(kept.reason == .pairContradictsLabel)
      #expect(kept.chosen.isEmpty && kept.rejected.isEmpty)
      #expect(kept.dropped == ["pair-contradicts-label": 4])
    }
  }

  @Test("the pairwise rule keeps what is above one of the others")
  func pairwise() {
    let kept = ConsistencyRule.pairwise.filter(
      chosen: candidates([8, 2, 3]),
      rejected: candidates([2, 9, 8])
    )
    #expect(kept.chosen == [0, 2])
    #expect(kept.rejected == [0])
    #expect(kept.dropped == ["critique-contradicts-label": 3])
    let none = ConsistencyRule.pairwise.filter(chosen: candidates([1]), rejected: candidates([1]))
    #expect(none.reason == .pairContradictsLabel)
  }

  @Test("without filter everything stays whose score can be read")
  func unfiltered() {
    var chosen = candidates([1, nil])
    chosen.append(CandidateCritique(critique: "long", score: 9, finishReason: .length))
    let kept = ConsistencyRule.none.filter(chosen: chosen, rejected: candidates([9]))
    #expect(kept.chosen == [0])
    #expect(kept.rejected == [0])
    #expect(kept.dropped == ["cut": 1, "unscored": 1])
  }

  @Test(
    "a response without a readable critique drops the pair",
    arguments: ConsistencyRule.allCases
  )
  func nothing(rule: ConsistencyRule) {
    let kept = rule.filter(chosen: candidates([nil, nil]), rejected: candidates([3]))
    #expect(kept.reason == .nothingToCompare)
    #expect(kept.dropped == ["unscored": 2, "nothing-to-compare": 1])
    #expect(rule.filter(chosen: [], rejected: []).reason == .nothingToCompare)
  }

  @Test("lambda is 1 until the last epoch and falls by beta in it")
  func schedule() {
    let weight = CritiqueWeight.scheduled(beta: 0.9)
    func lambda(_ step: Int) -> Double {
      weight.weights(step: step, stepsPerEpoch: 10, epochs: 3).critique
    }
    #expect(lambda(0) == 1)
    #expect(lambda(19) == 1)
    #expect(abs(lambda(20) - 0.91) < 1e-12)
    #expect(abs(lambda(24) - 0.55) < 1e-12)
    #expect(abs(lambda(29) - 0.1) < 1e-12)
    for step in 0..<30 {
      let weights = weight.weights(step: step, stepsPerEpoch: 10, epochs: 3)
      #expect(abs(weights.preference + weights.critique - 1) < 1e-12)
    }
  }

  @Test("CLoud adds the losses, and a constant lambda shares them out")
  func constants() {
    let cloud = CritiqueWeight.added(lambda: 1.25).weights(step: 7, stepsPerEpoch: 4, epochs: 2)
    #expect(cloud == (1, 1.25))
    let constant = CritiqueWeight.constant(lambda: 0.25)
      .weights(step: 7, stepsPerEpoch: 4, epochs: 2)
    #expect(constant == (0.75, 0.25))
  }

  @Test("a stated score is taken from the end of a critique")
  func statedScore() {
    let prompts = RolePrompts.playground
    let scored = prompts.scoredCritique(in: "first tom has it. it is right. score : 8")
    #expect(scored == .init(critique: "first tom has it. it is right.", score: 8))
    #expect(scored.map(prompts.stating) == "first tom has it. it is right. score : 8")
    for text in [
      "", "it is right.", "score : 8", "it is right. score : 0", "it is right. score : 11",
      "it is right. score : high", "it is right. score : 8 or so",
    ] { #expect(prompts.scoredCritique(in: text) == nil, "\(text)") }
    let english = RolePrompts.english.scoredCritique(in: " Fine.\nScore: 10/10.")
    #expect(english == .init(critique: " Fine.", score: 10))
  }

  @Test("a candidate that was cut has no score, whatever it states")
  func cutCandidate() {
    let text = "it is right. score : 8"
    let cut = CandidateCritique(text: text, finishReason: .length, prompts: .playground)
    #expect(cut.score == nil)
    let whole = CandidateCritique(text: text, finishReason: .stop, prompts: .playground)
    #expect(whole.score == 8)
    #expect(whole.critique == "it is right.")
  }
}
