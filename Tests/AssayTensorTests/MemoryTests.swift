import AssayTensor
import Foundation
import Testing

/// In processes of their own: the tests beside them have tensors too.
@Suite struct MemoryTests {
  @Test("tensors of many sizes, one behind the other, take no more memory than the largest ones")
  func sizes() async {
    await #expect(processExitsWith: .success) {
      // 20 sizes from 40 to 116 MiB, 1.5 GiB together; up to 256 MiB may be kept of them.
      for index in 0..<20 {
        guard Tensor.uninitialized([(10 + index) << 20]).count > 0 else { exit(2) }
      }
      exit(Engine.heldBytes <= 256 << 20 ? 0 : 1)
    }
  }

  @Test("the most that was in use is that of tensors that were there together")
  func peak() async {
    await #expect(processExitsWith: .success) {
      let measured = Engine.measuringPeak {
        for _ in 0..<4 { _ = Tensor.zeros([4 << 20]) }
        let both = (Tensor.zeros([4 << 20]), Tensor.zeros([4 << 20]))
        return both.0.count + both.1.count
      }
      // Two of 16 MiB each.
      let isRight = measured.result == 8 << 20 && (32 << 20...33 << 20).contains(measured.peakBytes)
      exit(isRight ? 0 : 1)
    }
  }
}
