import AssayTensor
import AssayTestSupport
import AssayTrain
import Foundation
import Testing

@Suite struct PreferenceLossTests {
  struct Recorded: Decodable {
    struct Case: Decodable {
      let name: String
      // Doubles: some gradients are below the smallest float.
      let chosen, rejected: [Double]
      let margin: [Double]?
      let centring: Double?
      let loss: Double
      let chosen_gradient, rejected_gradient: [Double]
    }
    let cases: [Case]
  }

  private func loss(
    _ chosen: [Float],
    _ rejected: [Float],
    margin: [Float]? = nil,
    probability: [Float]? = nil,
    centring: Double = 0
  ) -> Float {
    bradleyTerryLoss(
      chosen: Tensor(chosen),
      rejected: Tensor(rejected),
      margin: margin.map { Tensor($0) },
      probability: probability.map { Tensor($0) },
      centring: centring
    ).item
  }

  private func leaf(_ values: [Float]) -> Tensor {
    let tensor = Tensor(values)
    tensor.setRequiresGradientInPlace()
    return tensor
  }

  @Test("values and gradients are TRL's")
  func recorded() throws {
    let url = try #require(
      Bundle.module.url(forResource: "losses", withExtension: "json", subdirectory: "Fixtures")
    )
    let cases = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: url)).cases
      .filter { $0.name.hasPrefix("bradley-terry") }
    #expect(cases.count == 5)
    for test in cases {
      let (chosen, rejected) = (
        leaf(test.chosen.map(Float.init)), leaf(test.rejected.map(Float.init))
      )
      let loss = bradleyTerryLoss(
        chosen: chosen,
        rejected: rejected,
        margin: test.margin.map { Tensor($0.map(Float.init)) },
        centring: test.centring ?? 0
      )
      loss.backward()
      expectClose([loss.item], [Float(test.loss)], test.name)
      expectClose(
        try #require(chosen.gradient).floats,
        test.chosen_gradient.map(Float.init),
        test.name
      )
      expectClose(
        try #require(rejected.gradient).floats,
        test.rejected_gradient.map(Float.init),
        test.name
      )
    }
  }

  @Test("equal rewards cost ln 2, whatever they are")
  func equalRewards() {
    expectClose([loss([3, -7], [3, -7])], [0.693_147_18])
  }

  @Test("a margin moves the point where the loss is ln 2")
  func margin() {
    // d = 2 - 0.5 - 1.5 = 0 in the first pair; d = 1 - 0 - 3 = -2 in the second:
    // (ln 2 + ln(1 + e^2)) / 2 = (0.693147 + 2.126928) / 2 = 1.410038.
    expectClose([loss([2, 1], [0.5, 0], margin: [1.5, 3])], [1.410_038])
  }

  @Test("a tie of probability 0.5 costs the same both ways round, least where rewards are equal")
  func tie() throws {
    #expect(
      loss([1.25], [-0.5], probability: [0.5]) == loss([-0.5], [1.25], probability: [0.5])
    )
    expectClose([loss([2], [2], probability: [0.5])], [0.693_147_18])
    #expect(loss([1], [0], probability: [0.5]) > loss([0], [0], probability: [0.5]))
    let (chosen, rejected) = (leaf([4]), leaf([4]))
    let half = Tensor([Float(0.5)])
    bradleyTerryLoss(chosen: chosen, rejected: rejected, probability: half).backward()
    #expect(try #require(chosen.gradient).floats == [0])
    #expect(try #require(rejected.gradient).floats == [0])
  }

  @Test("a probability of p is p of one label and 1 - p of the other")
  func probability() {
    // d = 2: 0.9 ln(1 + e^-2) + 0.1 ln(1 + e^2) = 0.9 * 0.126928 + 0.1 * 2.126928 = 0.326928.
    expectClose([loss([2], [0], probability: [0.9])], [0.326_928])
    expectClose([loss([0], [2], probability: [0.1])], [0.326_928])
  }

  @Test("swapping the responses and negating the rewards changes nothing")
  func symmetry() {
    let (a, b): ([Float], [Float]) = ([0.3, -2, 5], [1.1, 0.4, -3])
    expectClose([loss(a, b)], [loss(b.map { -$0 }, a.map { -$0 })], relative: 1e-6)
  }

  @Test("logits of ten thousand give finite losses and gradients")
  func extremes() throws {
    // One pair is right by 2e4, at no cost, the other wrong by 2e4: the mean is 1e4.
    let (chosen, rejected) = (leaf([1e4, -1e4]), leaf([-1e4, 1e4]))
    let certain = Tensor([Float(1), 1])
    let loss = bradleyTerryLoss(chosen: chosen, rejected: rejected, probability: certain)
    loss.backward()
    expectClose([loss.item], [1e4])
    expectClose(try #require(chosen.gradient).floats, [0, -0.5])
    expectClose(try #require(rejected.gradient).floats, [0, 0.5])
  }

  @Test("centring adds the mean square of the sums")
  func centring() {
    // Sums 4 and -2: 0.25 * (16 + 4) / 2 = 2.5 on top of the same loss.
    let plain = loss([3, -1], [1, -1])
    expectClose([loss([3, -1], [1, -1], centring: 0.25) - plain], [2.5])
  }

  @Test("a margin is right by the label; equal scores and ties count one half")
  func credit() {
    let cases: [(Float, Double?, Double)] = [
      (1, nil, 1), (-1, nil, 0), (0, nil, 0.5), (1, 0.9, 1), (1, 0.1, 0), (-1, 0.1, 1),
      (1, 0.5, 0.5),
    ]
    for (margin, label, expected) in cases {
      #expect(PartLoss.credit(margin: margin, probability: label) == expected)
    }
  }
}
