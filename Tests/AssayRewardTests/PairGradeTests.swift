import AssayReward
import AssayText
import Testing

@Suite struct PairGradeTests {
  /// Votes of both orders in turn: 1 for chosen, 0 for rejected, `nil` for nothing.
  private func judged(_ votes: [Double?]) -> PairOutcome {
    PairOutcome(
      id: "7",
      suite: "test",
      subset: nil,
      votes: votes.enumerated().map {
        .init(order: $0 % 2 == 0 ? .chosenFirst : .rejectedFirst, chosen: $1)
      },
      promptTokens: 1,
      completionTokens: 1
    )
  }

  private func scored(_ chosen: [Double], _ rejected: [Double]) -> PairOutcome {
    PairOutcome(
      id: "7",
      suite: "test",
      subset: nil,
      chosen: chosen,
      rejected: rejected,
      promptTokens: 1,
      completionTokens: 1
    )
  }

  @Test("whoever knows nothing has one half, whether it scores or judges")
  func chance() {
    // The first always, no text that ends, and the same score for all.
    for outcome in [judged([1, 0]), judged([nil, nil]), scored([1], [1])] {
      #expect(outcome.grade().credit == 0.5 && !outcome.grade().isRight)
    }
  }

  @Test("ties and what cannot be read count one half in their order")
  func halves() {
    #expect(judged([1, nil]).grade().credit == 0.75)
    #expect(judged([nil, 0]).grade().credit == 0.25)
    // The first order ties, 1 : 1; the second has 0 : 2.
    #expect(judged([1, 0, 0, 0]).grade().credit == 0.25)
    #expect(scored([1, 3], [2, 1]).grade().credit == 1)
  }

  @Test("contradiction, inconsistency and strict rightness are told apart")
  func rates() throws {
    let grades = [[1, 1], [1, 0], [1, nil], [nil, nil], [0, 0]].map { judged($0).grade() }
    #expect(grades.map(\.isRight) == [true, false, false, false, false])
    #expect(grades.map(\.contradicts) == [false, true, false, false, false])
    #expect(grades.map(\.isInconsistent) == [false, true, true, false, false])
    let rates = try #require(GradeRates(grades))
    #expect(rates.strict == 0.2 && rates.contradicting == 0.2 && rates.inconsistent == 0.4)
    #expect(rates.missing == 0.3)
    #expect(GradeRates([]) == nil)
  }

  @Test("the credit of fewer votes is that of the orders they are of")
  func groups() {
    // One vote each: 1, 0, 1, 1. Two: (1 + 0) / 2 and 1. All: one order is right, the other ties.
    let outcome = judged([1, 0, 1, 1])
    #expect(outcome.credit(samples: 1) == 0.75)
    #expect(outcome.credit(samples: 2) == 0.75)
    #expect(outcome.credit() == 0.75)
    // A majority of each order outvotes the one that errs.
    #expect(judged([1, 1, 0, 1, 1, 0]).credit() == 1)
    #expect(abs(judged([1, 1, 0, 1, 1, 0]).credit(samples: 2) - 2.0 / 3) < 1e-12)
  }

  @Test("a probability of votes is the mean of the orders' shares")
  func probability() {
    #expect(judged([1, 0, 1, nil, 1, nil]).probability == 0.5)
    #expect(judged([1, nil]).probability == 0.75)
    #expect(judged([nil, nil]).probability == nil)
  }
}
