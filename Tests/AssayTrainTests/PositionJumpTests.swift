import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import AssayTrain
import Testing

@Suite struct PositionJumpTests {
  init() { Engine.threads = 1 }

  private func text(_ index: Int, count: Int) -> [Int32] {
    (0..<count).map { Int32(($0 * 7 + index * 13) % 90) }
  }

  @Test("positions rise from 0 and jump over no more than they may", arguments: [2, 3, 50, 120])
  func bounds(count: Int) {
    var totals: Set<Int32> = []
    var still = 0
    for index in 0..<200 {
      let tokens = text(index, count: count)
      let positions = jumpingPositions(of: tokens, room: 40, limit: 128)
      #expect(positions.count == count)
      #expect(positions[0] == 0)
      #expect(zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 })
      let total = positions[count - 1] - Int32(count - 1)
      #expect((0...Int32(min(40, 128 - count))).contains(total))
      // Two places at most.
      #expect(zip(positions, positions.dropFirst()).count { $1 - $0 > 1 } <= 2)
      #expect(positions == jumpingPositions(of: tokens, room: 40, limit: 128))
      totals.insert(total)
      if total == 0 { still += 1 }
    }
    #expect((60...140).contains(still))
    // Every length of a jump is as likely as any other.
    #expect(totals.count > min(40, 128 - count) / 3)
  }

  @Test("without room there are no jumps")
  func noRoom() {
    let tokens = text(1, count: 20)
    #expect(jumpingPositions(of: tokens, room: 0, limit: 128) == Array(0..<20))
    #expect(jumpingPositions(of: tokens, room: 9, limit: 20) == Array(0..<20))
    #expect(jumpingPositions(of: [5], room: 9, limit: 20) == [0])
  }

  @Test("a jump changes what lies behind it, and a shift of everything changes nothing")
  func forward() throws {
    let model = try TinyModel.make(corpus: [[.user("a b c"), .assistant("d e f")]])
    let tokens = text(3, count: 24)
    func hidden(_ positions: [Int32]?) -> [Float] {
      let batch = PackedBatch([tokens], positions: positions.map { [$0] })
      return withoutGradients {
        model.decoder(batch, rows: nil, training: false).to(.float32).floats
      }
    }
    let width = model.decoder.configuration.hiddenSize
    let plain = hidden(nil)
    #expect(plain.count == 24 * width)
    expectClose(hidden((0..<24).map { $0 + 300 }), plain, absolute: 1e-3)
    let jumped = hidden((0..<24).map { $0 < 10 ? $0 : $0 + 50 })
    #expect(Array(jumped.prefix(10 * width)) == Array(plain.prefix(10 * width)))
    #expect(zip(jumped, plain).dropFirst(10 * width).map { abs($0 - $1) }.max() ?? 0 > 1e-2)
  }

  @Test("a training's loss is that of the sequences at their jumping positions")
  func loss() throws {
    let model = try TinyModel.make(corpus: [[.user("a b c"), .assistant("d e f")]])
    model.parameters.forEach { $0.value.setRequiresGradientInPlace() }
    let tokens = try #require(
      (0..<99).map { text($0, count: 40) }.first {
        jumpingPositions(of: $0, room: 100, limit: model.decoder.configuration.contextTokens)[39]
          > 60
      }
    )
    let sequence = TrainingSequence(tokens: tokens, targets: Array(1..<40), scoredIndex: nil)
    func loss() -> Double {
      TokenObjective().step([sequence], items: [0], model: model, accumulation: 1).loss
    }
    let plain = loss()
    model.positionJumps = 100
    let jumped = loss()
    let limit = model.decoder.configuration.contextTokens
    let batch = PackedBatch(
      [tokens],
      positions: [jumpingPositions(of: tokens, room: 100, limit: limit)]
    )
    let nll = withoutGradients {
      tokenNLL(
        hidden: model.decoder(batch, rows: nil, training: false)
          .narrowed(axis: 0, start: 0, count: 39),
        weight: model.decoder.outputWeight(training: false),
        targets: Tensor(tokens.dropFirst().map(Int64.init))
      ).floats
    }
    #expect(abs(Double(nll.reduce(0, +) / 39) - jumped) < 1e-4)
    #expect(abs(plain - jumped) > 1e-4)
  }
}
