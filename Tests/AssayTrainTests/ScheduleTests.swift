import AssayTrain
import Testing

@Suite struct ScheduleTests {
  func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-12 * max(1, abs(b)) }

  // Peak 2, 10 steps, 2 of warm-up, floor 0.1, so p = (step - 2) / 8.
  // Cosine at p = 1/2: 2 (0.1 + 0.9 / 2) = 1.1; at p = 1/4: (1 + sqrt(1/2)) / 2 = 0.853553...
  @Test(
    "rises to the peak and falls to the floor",
    arguments: [
      (Schedule.Shape.cosine, [0: 0, 1: 1, 2: 2, 6: 1.1, 4: 1.736396103067893, 10: 0.2, 99: 0.2]),
      (.linear, [0: 0, 1: 1, 2: 2, 6: 1.1, 4: 1.55, 10: 0.2, 99: 0.2]),
      (.constant, [0: 0, 1: 1, 2: 2, 6: 2, 9: 2]),
    ]
  )
  func values(shape: Schedule.Shape, expected: [Int: Double]) {
    let schedule = Schedule(shape, learningRate: 2, warmupFraction: 0.2, floorFraction: 0.1)
    for (step, rate) in expected {
      #expect(isClose(schedule.rate(step: step, total: 10), rate), "step \(step)")
    }
  }

  @Test("starts at the peak without warm-up; steps win over the fraction, which rounds up")
  func warmup() {
    #expect(Schedule(.cosine, learningRate: 3).rate(step: 0, total: 1) == 3)
    let both = Schedule(.linear, learningRate: 1, warmupFraction: 0.5, warmupSteps: 4)
    #expect(isClose(both.rate(step: 3, total: 10), 0.75))
    // 0.05 of 30 steps is 1.5, so 2 warm up.
    let rounded = Schedule(.constant, learningRate: 1, warmupFraction: 0.05)
    #expect(isClose(rounded.rate(step: 1, total: 30), 0.5))
  }

  @Test("a run shorter than its warm-up stays below the peak")
  func shortRun() {
    let schedule = Schedule(.cosine, learningRate: 1, warmupSteps: 10)
    #expect(isClose(schedule.rate(step: 4, total: 5), 0.4))
    #expect(schedule.rate(step: 10, total: 5) == 1)
  }

  @Test("settings out of range are problems of the recipe")
  func validation() {
    #expect(throws: RunError.self) {
      try RecipeFile(text: "learning_rate: -1\nwarmup_fraction: 2", name: "s")
        .resolve(Schedule.self)
    }
  }
}

@Suite struct ScheduleBatchPlanTests {
  /// Lengths that are dense up to 200 and sparse up to 2000.
  let lengths = (0..<500).map { 10 + ($0 * 37) % 190 } + [400, 700, 1200, 2000]

  @Test(
    "keeps every item once, padding within 10 %, and the budget",
    arguments: [BatchPlan.Budget.tokens(1024), .items(16), .items(1), .tokens(1)]
  )
  func invariants(budget: BatchPlan.Budget) {
    let plan = BatchPlan(lengths: lengths, budget: budget, seed: 1)
    for epoch in 0..<3 {
      let batches = plan.batches(epoch: epoch)
      #expect(batches.flatMap(\.indices).sorted() == Array(lengths.indices))
      for batch in batches {
        let items = batch.indices.map { lengths[$0] }
        #expect(batch.longest == items.max())
        #expect(batch.tokens == items.reduce(0, +))
        #expect(batch.paddedTokens == batch.longest * items.count)
        #expect(batch.waste <= 0.1)
        switch budget {
        case .tokens(let limit): #expect(batch.paddedTokens <= limit || items.count == 1)
        case .items(let limit): #expect(items.count <= limit)
        }
      }
    }
  }

  @Test("dense lengths fill their batches")
  func fullness() {
    let plan = BatchPlan(lengths: lengths, budget: .items(16), seed: 1)
    // 504 items need at least 32 batches; the four long ones and the ends of the limit cost some.
    #expect((32...50).contains(plan.batches(epoch: 0).count))
    #expect(plan.summary(epoch: 0).waste < 0.08)
    #expect(plan.summary(epoch: 0).worstWaste <= 0.1)
  }

  @Test("is the same for the same seed and epoch, and another for another")
  func determinism() {
    let plan = BatchPlan(lengths: lengths, budget: .tokens(1024), seed: 1)
    let again = BatchPlan(lengths: lengths, budget: .tokens(1024), seed: 1)
    let other = BatchPlan(lengths: lengths, budget: .tokens(1024), seed: 2)
    #expect(plan.batches(epoch: 3) == again.batches(epoch: 3))
    #expect(plan.batches(epoch: 3) != plan.batches(epoch: 4))
    #expect(plan.batches(epoch: 3) != other.batches(epoch: 3))
    #expect(
      plan.stepCount(epochs: 2) == plan.batches(epoch: 0).count + plan.batches(epoch: 1).count
    )
  }

  @Test("the order of lengths is shuffled")
  func shuffled() {
    let longest = BatchPlan(lengths: lengths, budget: .items(8), seed: 1).batches(epoch: 0)
      .map(\.longest)
    #expect(longest != longest.sorted())
    #expect(longest != longest.sorted(by: >))
  }

  @Test("pairs count both sequences, padded to the longest")
  func pairs() {
    // Two pairs fit: 2 rows x 2 pairs x 100 = 400 tokens; a third would make 600.
    let plan = BatchPlan(
      pairLengths: [(100, 50), (98, 100), (10, 100)],
      budget: .tokens(400),
      seed: 1
    )
    let batches = plan.batches(epoch: 0)
    #expect(batches.map(\.indices.count).sorted() == [1, 2])
    #expect(batches.map(\.paddedTokens).sorted() == [200, 400])
    #expect(batches.reduce(0) { $0 + $1.tokens } == 458)
    #expect(plan.summary(epoch: 0).oversized == 0)
  }

  @Test("an item above the budget runs alone and is counted; no items are no batches")
  func edges() {
    let plan = BatchPlan(lengths: [5, 50, 0], budget: .tokens(10), seed: 1)
    #expect(plan.batches(epoch: 0).flatMap(\.indices).sorted() == [0, 1, 2])
    #expect(plan.summary(epoch: 0).oversized == 1)
    #expect(BatchPlan(lengths: [], budget: .items(2), seed: 1).batches(epoch: 0).isEmpty)
  }
}
