import AssayTrain
import Testing

@Suite struct ProcessStepsTests {
  @Test("neighbouring weights are shared out by their numbers")
  func owners() {
    #expect(ProcessSteps.owners(of: [4, 4, 4, 4], among: 2) == [0, 0, 1, 1])
    // A large one leaves the others to the other process.
    #expect(ProcessSteps.owners(of: [100, 10, 10, 10, 70], among: 2) == [0, 1, 1, 1, 1])
    #expect(ProcessSteps.owners(of: [1, 1], among: 4) == [1, 3])
    #expect(ProcessSteps.owners(of: [5], among: 1) == [0])
    #expect(ProcessSteps.owners(of: [], among: 3).isEmpty)
  }
}
