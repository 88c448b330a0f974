import AssayRun
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
