import AssayTensor
import AssayTestSupport
import AssayTrain
import Foundation
import Testing

@Suite struct PolicyLossTests {
  struct Recorded: Decodable {
    struct Case: Decodable {
      let name: String
      let beta: Double?
      let chosen, rejected: [Double]
      let chosen_reference, rejected_reference: [Double]?
      let chosen_tokens, rejected_tokens: [Double]?
      let loss: Double
      let chosen_gradient, rejected_gradient: [Double]
    }
    let cases: [Case]
  }

  private func leaf(_ values: [Float]) -> Tensor {
    let tensor = Tensor(values)
    tensor.setRequiresGradientInPlace()
    return tensor
  }

  @Test("values and gradients of DPO and IPO are TRL's")
  func recorded() throws {
    let url = try #require(
      Bundle.module.url(forResource: "losses", withExtension: "json", subdirectory: "Fixtures")
    )
    let cases = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: url)).cases
      .filter { ["dpo", "ipo"].contains($0.name) }
    #expect(cases.count == 4)
    for test in cases {
      // IPO reads means a token; the fixture has sums.
      let isIPO = test.name == "ipo"
      let counts = (
        isIPO ? try #require(test.chosen_tokens) : test.chosen.map { _ in 1 },
        isIPO ? try #require(test.rejected_tokens) : test.rejected.map { _ in 1 }
      )
      func floats(_ sums: [Double]?, _ counts: [Double]) throws -> [Float] {
        zip(try #require(sums), counts).map { Float($0 / $1) }
      }
      let chosen = leaf(try floats(test.chosen, counts.0))
      let rejected = leaf(try floats(test.rejected, counts.1))
      let references = (
        Tensor(try floats(test.chosen_reference, counts.0)),
        Tensor(try floats(test.rejected_reference, counts.1))
      )
      let beta = try #require(test.beta)
      let loss =
        isIPO
        ? identityPreferenceLoss(
          chosen: chosen,
          rejected: rejected,
          referenceChosen: references.0,
          referenceRejected: references.1,
          beta: beta
        )
        : directPreferenceLoss(
          chosen: chosen,
          rejected: rejected,
          referenceChosen: references.0,
          referenceRejected: references.1,
          beta: beta
        )
      loss.backward()
      #expect(isClose(Double(loss.item), test.loss, 1e-5), "\(test.name): \(loss.item)")
      for (leaf, gradient, count) in [
        (chosen, test.chosen_gradient, counts.0), (rejected, test.rejected_gradient, counts.1),
      ] {
        let own = try #require(leaf.gradient).floats
        for (index, value) in own.enumerated() {
          #expect(isClose(Double(value) / count[index], gradient[index], 1e-5), "\(test.name)")
        }
      }
    }
  }

  private func isClose(_ a: Double, _ b: Double, _ tolerance: Double) -> Bool {
    abs(a - b) <= tolerance * max(1, abs(b))
  }

  private func dpo(_ c: Float, _ r: Float, _ rc: Float, _ rr: Float, probability: Float?) -> Float {
    directPreferenceLoss(
      chosen: Tensor([c]),
      rejected: Tensor([r]),
      referenceChosen: Tensor([rc]),
      referenceRejected: Tensor([rr]),
      beta: 0.5,
      probability: probability.map { Tensor([$0]) }
    ).item
  }

  @Test("a policy that is its reference loses log 2 by DPO, and 1 / (2 beta)^2 by IPO")
  func reference() {
    #expect(abs(dpo(-3, -7, -3, -7, probability: nil) - 0.693_147) < 1e-5)
    let ipo = identityPreferenceLoss(
      chosen: Tensor([Float(-3)]),
      rejected: Tensor([Float(-7)]),
      referenceChosen: Tensor([Float(-3)]),
      referenceRejected: Tensor([Float(-7)]),
      beta: 0.4
    ).item
    #expect(abs(ipo - 1.5625) < 1e-5)
  }

  @Test("a tie is symmetric, and certainty of the other one exchanges the texts")
  func softLabels() {
    #expect(
      abs(
        dpo(-3, -7, -4, -5, probability: 0.5) - dpo(-7, -3, -5, -4, probability: 0.5)
      ) < 1e-6
    )
    #expect(
      abs(dpo(-3, -7, -4, -5, probability: 0) - dpo(-7, -3, -5, -4, probability: nil)) < 1e-6
    )
  }

  @Test("log ratios of thousands stay finite", arguments: [Float(-4000), 4000])
  func extremes(value: Float) {
    let loss = dpo(value, -value, 0, 0, probability: nil)
    #expect(loss.isFinite)
    #expect(value > 0 ? loss < 1e-6 : abs(loss - 4000) < 1)
  }
}
