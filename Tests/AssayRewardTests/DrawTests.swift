import AssayBase
import AssayData
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayTestSupport
import AssayText
import Testing

@Suite struct DrawTests {
  let world: TinyReward
  init() throws { world = try TinyReward() }

  @Test("the seed of a draw is that of seed, content and draw alone")
  func seeds() {
    var seen: Set<UInt64> = []
    let contents: [[Int32]] = [[], [0], [0, 0], [1, 2], [2, 1], [-1]]
    for seed: UInt64 in [0, 1, 0x9e37_79b9_7f4a_7c15] {
      for content in contents {
        for draw in 0..<3 { seen.insert(DrawSeed.value(seed, content: content, draw: draw)) }
      }
    }
    #expect(seen.count == 3 * contents.count * 3)
    // SplitMix64's mix m(z), chained as h' = m(h + golden + part) from 0, then one step m(h + golden):
    // worked out with big integers in Python.
    #expect(DrawSeed.value(1, content: [5, 7], draw: 2) == 0x64e22de002f8a671)
  }

  @Test(
    "a response gets the same critiques alone, among 300, in another order, and twice",
    .kernels
  )
  func critiques() async throws {
    let model = world.cloud()
    model.decoder.execution.isBatchInvariant = true
    var options = ModelScorer.Options()
    options.critiques.samples = 2
    options.critiques.temperature = 1
    options.critiques.seed = 7
    let scorer = try ModelScorer(model, options: options)
    let playground = Playground(PlaygroundConfiguration(seed: 9))
    var inputs = (0..<299).map { index -> ScoringInput in
      let item = playground.item(.train, index)
      return .response(prompt: [.user(item.prompt)], response: item.chosen)
    }
    inputs.append(inputs[0])
    let all = try await scorer.score(inputs)
    #expect(all[299] == all[0])
    #expect(Set(all.compactMap { $0.critiques?.map(\.text) }).count > 250)
    for index in [0, 1, 150, 298] {
      #expect(try await scorer.score([inputs[index]]) == [all[index]])
    }
    var random = SeededRandom(3)
    let order = random.shuffled(Array(inputs.indices))
    #expect(try await scorer.score(order.map { inputs[$0] }) == order.map { all[$0] })
  }

  @Test("a pair gets the same judgements alone and in another order")
  func judgements() async throws {
    let model = world.judge(task: .chain)
    model.decoder.execution.isBatchInvariant = true
    var settings = JudgeSettings()
    settings.votes = 4
    let judge = try JudgeRater(model, settings: settings)
    let all = try await judge.judge(world.pairs)
    #expect(Set(all.map { $0.judgements.map(\.text) }).count == all.count)
    #expect(try await judge.judge(world.pairs.reversed()) == all.reversed())
    #expect(try await judge.judge([world.pairs[7]]) == [all[7]])
  }
}
