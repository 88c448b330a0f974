import AssayTensor
import AssayTestSupport
import Testing

@Suite struct TensorErrorTests {
  private func reason(_ body: () -> Void) -> String {
    do {
      try withTensorErrors(body)
      return "no error"
    } catch TensorError.operation(let name, let reason) {
      return "\(name): \(reason)"
    } catch {
      return "another error: \(error)"
    }
  }

  @Test("an error names the operation and the shapes")
  func shapes() {
    let (a, b) = (Tensor.ones([2, 3]), Tensor.ones([4, 5]))
    #expect(reason { _ = a.matmul(b) }.contains("2x3 and 4x5"))
    #expect(reason { _ = a + b }.hasPrefix("add: "))
    #expect(reason { _ = rmsNorm(a, .ones([4]), epsilon: 0) }.contains("[2, 3]"))
    #expect(reason { _ = addRMSNorm(a, residual: b, .ones([3]), epsilon: 0) }.contains("[4, 5]"))
    #expect(reason { _ = gatedUnit(a) }.contains("[2, 3]"))
    #expect(reason { checkShape(a, [2, 4]) }.contains("[2, 3], expected [2, 4]"))
    #expect(reason { a.copyInPlace(b) }.contains("[4, 5]"))
    #expect(reason { a.backward() } != "no error")
    #expect(reason { Tensor([1] as [Int64]).setRequiresGradientInPlace() } != "no error")
  }

  @Test("ids, targets, positions and pages outside of their range are errors")
  func ranges() {
    let (hidden, weight) = (Tensor.ones([1, 4]), Tensor.ones([3, 4]))
    for id: Int64 in [-1, 3, .max, .min] {
      let ids = Tensor([id])
      #expect(
        reason { _ = tokenNLL(hidden: hidden, weight: weight, targets: ids) }.contains("0..<3")
      )
      #expect(reason { _ = embedding(weight, ids) } != "no error")
    }
    let table = AttentionCase.table(positions: 10, width: 8)
    let rows = Tensor.ones([1, 32])
    let cache = KeyValueCache(pages: 2, groups: 1, width: 8, dtype: .float32)
    func attend(_ page: Int32, _ position: Int32) {
      _ = cache.attend(
        rows,
        tables: Tensor([page], [1, 1]),
        positions: Tensor([position]),
        table: table,
        options: AttentionOptions(heads: 2, groups: 1)
      )
    }
    #expect(reason { attend(1, 3) } == "no error")
    for position: Int32 in [-1, 10, .max, .min] {
      #expect(
        reason {
          _ = rotaryAttention(
            rows,
            positions: Tensor([position]),
            table: table,
            lengths: [1],
            options: AttentionOptions(heads: 2, groups: 1)
          )
        }.contains("position")
      )
      #expect(reason { attend(0, position) }.contains("position"))
      #expect(reason { attend(position, 0) }.contains("pages"))
    }
    let long = RotaryTable(cosine: .ones([20, 4]), sine: .ones([20, 4]))
    #expect(
      reason {
        _ = cache.attend(
          rows,
          tables: Tensor([0] as [Int32], [1, 1]),
          positions: Tensor([16] as [Int32]),
          table: long,
          options: AttentionOptions(heads: 2, groups: 1)
        )
      }.contains("0..<16")
    )
    #expect(
      reason {
        cache.storeInPlace(
          rows,
          cells: Tensor([32] as [Int32]),
          heads: 2,
          groups: 1
        )
      }.contains("0..<32")
    )
    for id: Int32 in [-1, 5, .max] {
      let row = SamplingRow(
        settings: SamplingSettings(repetitionPenalty: 2),
        seed: 0,
        step: 0,
        seen: [id]
      )
      #expect(reason { _ = sampleTokens(.ones([1, 5]), rows: [row]) }.contains("seen token"))
    }
    #expect(reason { _ = sampleTokens(.ones([2, 5]), rows: []) }.contains("0 rows"))
  }

  @Test("attention refuses heads, lengths, tables and caches that do not fit")
  func attentionArguments() {
    let table = AttentionCase.table(positions: 10, width: 8)
    func run(
      _ qkv: Tensor,
      lengths: [Int] = [3],
      heads: Int = 2,
      groups: Int = 1,
      positions: Tensor = Tensor([0, 1, 2] as [Int32]),
      table other: RotaryTable? = nil
    ) -> String {
      reason {
        _ = rotaryAttention(
          qkv,
          positions: positions,
          table: other ?? table,
          lengths: lengths,
          options: AttentionOptions(heads: heads, groups: groups)
        )
      }
    }
    let rows = Tensor.ones([3, 32])
    #expect(run(rows) == "no error")
    #expect(run(rows, lengths: [2]).contains("lengths add up to 2 for 3 rows"))
    #expect(run(rows, lengths: [3, 0]).contains("a sequence of 0 tokens"))
    #expect(run(rows, lengths: [4, -1]).contains("a sequence of -1 tokens"))
    #expect(run(rows, heads: 3, groups: 2).contains("heads"))
    #expect(run(rows, heads: 0, groups: 0).contains("heads"))
    #expect(run(.ones([3, 30])).contains("heads"))
    #expect(run(.ones([3, 0])).contains("heads"))
    #expect(run(rows, positions: Tensor([0, 1, 2] as [Int64])).contains("int32"))
    #expect(run(rows, table: AttentionCase.table(width: 16)).contains("rotary table"))
    let wide = RotaryTable(cosine: table.cosine.to(.float64), sine: table.sine.to(.float64))
    #expect(run(rows, table: wide).contains("rotary table"))
    let narrow = KeyValueCache(pages: 1, groups: 1, width: 4, dtype: .float32)
    #expect(
      reason {
        _ = narrow.attend(
          .ones([1, 32]),
          tables: Tensor([0] as [Int32], [1, 1]),
          positions: Tensor([0] as [Int32]),
          table: table,
          options: AttentionOptions(heads: 2, groups: 1)
        )
      }.contains("width 8")
    )
  }

  @Test("a huge allocation runs out of memory, and the next one works")
  func memory() throws {
    let error = #expect(throws: TensorError.self) {
      try withTensorErrors { Tensor.zeros([1 << 50]) }
    }
    guard case .outOfMemory(let name, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(name == "full")
    #expect(throws: TensorError.self) { try withTensorErrors { Tensor.zeros([1 << 40, 1 << 40]) } }
    #expect(try withTensorErrors { Tensor.ones([2]) }.floats == [1, 1])
  }

  @Test("the first of several errors is thrown, and what follows it does not stop the process")
  func first() {
    let error = #expect(throws: TensorError.self) {
      try withTensorErrors {
        let lost = Tensor.ones([2, 3]).matmul(.ones([2, 3]))
        _ = lost.shape[1]
        checkShape(lost, [2, 3])
        _ = (lost + Tensor.ones([7, 7])).sum().item
        _ = sampleTokens(lost, rows: [])
      }
    }
    guard case .operation("matmul", _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("an inner scope keeps its error from the outer one")
  func nesting() throws {
    try withTensorErrors {
      _ = #expect(throws: TensorError.self) {
        try withTensorErrors { _ = Tensor.ones([2]) + Tensor.ones([3]) }
      }
    }
  }

  @Test("outside of a scope a mistake ends the process")
  func exits() async {
    await #expect(processExitsWith: .failure) { _ = Tensor.ones([2]) + Tensor.ones([3]) }
    await #expect(processExitsWith: .failure) { checkShape(.ones([2]), [3]) }
    await #expect(processExitsWith: .failure) { _ = Tensor.ones([2]).item }
  }
}
