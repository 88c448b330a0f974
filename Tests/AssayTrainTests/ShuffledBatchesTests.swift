import AssayTrain
import Testing

@Suite struct ShuffledBatchesTests {
  @Test("an epoch holds every item once, the last batch what is left")
  func everyItemOnce() {
    let plan = ShuffledBatches(itemCount: 10, batchSize: 4, seed: 3)
    #expect(plan.batchesPerEpoch == 3)
    let batches = (0..<3).map { plan.items(step: $0) }
    #expect(batches.map(\.count) == [4, 4, 2])
    #expect(batches.joined().sorted() == Array(0..<10))
  }

  @Test("a step is a function of the seed, and epochs differ")
  func function() {
    let plan = ShuffledBatches(itemCount: 50, batchSize: 50, seed: 3)
    #expect(
      plan.items(step: 1) == ShuffledBatches(itemCount: 50, batchSize: 50, seed: 3).items(step: 1)
    )
    #expect(plan.items(step: 0) != plan.items(step: 1))
    #expect(
      plan.items(step: 0) != ShuffledBatches(itemCount: 50, batchSize: 50, seed: 4).items(step: 0)
    )
  }
}
