import AssayTensor
import AssayTestSupport
import Testing

// Of one process, whose sums are its own gradients: what counts is that none is lost, whenever it goes out.
@Suite(.enabled(if: ProcessGroup.isAvailable, "Linux has process groups"))
struct GradientSumTests {
  private func group() throws -> ProcessGroup {
    let group = try ProcessGroup(ProcessGroup.Place(rank: 0, size: 1, serves: true))
    try group.connect()
    return group
  }

  @Test("gradients are whole however often a step adds to them, and none is where there was none")
  func additions() throws {
    // The second is larger than a bucket, so that the first has its own.
    let values: [Tensor] = [
      Tensor([1, 2] as [Float]), .zeros([5 << 20]), Tensor([3] as [Float]), Tensor([4] as [Float]),
    ]
    values.forEach { $0.setRequiresGradientInPlace() }
    let sum = try ProcessGroup.GradientSum(of: values, in: try group())
    // What a first step teaches is wrong of those behind it, both ways.
    for (step, count) in [2, 2, 1, 3, 4, 2].enumerated() {
      values.forEach { $0.clearGradientInPlace() }
      for _ in 0..<count {
        (values[0].sum() * 2 + values[1].sum() * 3 + values[2].sum()).backward()
      }
      // What was added to as often as in the step before has gone out while the backward pass ran.
      if step < 3 { #expect(values.allSatisfy { $0.gradient == nil } == (step == 1)) }
      var numbers = [Double(count), 0.5]
      let holders = try sum.finish(&numbers)
      #expect(numbers == [Double(count), 0.5])
      #expect(holders.map { $0 > 0 } == [true, true, true, false])
      #expect(values[0].gradient?.floats == [Float](repeating: 2 * Float(count), count: 2))
      let large = values[1].gradient ?? .zeros([])
      #expect(large.shape == [5 << 20] && large.floats.allSatisfy { $0 == 3 * Float(count) })
      #expect(values[2].gradient?.floats == [Float(count)])
      #expect(values[3].gradient == nil)
    }
  }

  @Test("a weight that was idle is summed once it has a gradient")
  func later() throws {
    let values = [Tensor([1] as [Float]), Tensor([2] as [Float])]
    values.forEach { $0.setRequiresGradientInPlace() }
    let sum = try ProcessGroup.GradientSum(of: values, owners: [0, 0], in: try group())
    for used in [[0], [0], [0, 1], [1]] {
      values.forEach { $0.clearGradientInPlace() }
      for index in used { values[index].sum().backward() }
      var numbers: [Double] = []
      #expect(try sum.finish(&numbers).map { $0 > 0 } == [used.contains(0), used.contains(1)])
      for index in 0..<2 {
        #expect(values[index].gradient?.floats == (used.contains(index) ? [1] : nil))
      }
    }
  }
}
