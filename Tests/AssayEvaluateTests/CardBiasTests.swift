import AssayBase
import AssayEvaluate
import Foundation
import Testing

/// Planted biases: the tester is tested with raters whose bias is known.
@Suite struct CardBiasTests {
  private static let items = 200
  private static let seeds = 200

  /// How a mock rater gives its preference.
  enum Form: CaseIterable { case probability, votes }

  /// Changes of preference of a rater whose logits have noise, one of whose biases is planted.
  ///
  /// An item's worse response loses by a logit of about 1; a bias adds to its logit.
  private func changes(
    _ form: Form,
    bias: Double,
    count: Int,
    _ random: inout SeededRandom
  ) -> [Double] {
    func gauss() -> Double {
      (-2 * log(1 - random.unit())).squareRoot() * cos(2 * .pi * random.unit())
    }
    func preference(_ logit: Double) -> Double {
      switch form {
      case .probability: return 1 / (1 + exp(-(logit + 0.5 * gauss())))
      case .votes:
        // Two votes, each drawn.
        let share = 1 / (1 + exp(-logit))
        return (random.unit() < share ? 0.5 : 0) + (random.unit() < share ? 0.5 : 0)
      }
    }
    return (0..<count).map { _ in
      let logit = -1 + 1.5 * gauss()
      return preference(logit + bias) - preference(logit)
    }
  }

  private struct Tally {
    var (planted, above, found, falseCards, cards) = (0, 0, 0, 0, 0)
  }

  /// Cards of one bias that is planted and seven that are not.
  private func tally(_ form: Form, _ kind: Int, _ bias: Double, size: Double) throws -> Tally {
    var tally = Tally()
    for seed in 0..<Self.seeds {
      var random = SeededRandom(11, UInt64(seed), UInt64(kind), bias.bitPattern)
      let all = Probe.allCases.enumerated().map { index, probe in
        ProbeFinding.Changes(
          probe: probe,
          gains: changes(form, bias: index == kind ? bias : 0, count: Self.items, &random),
          clusters: Array(0..<Self.items)
        )
      }
      let findings = try ProbeFinding.all(all, smallest: 0.05)
      tally.cards += 1
      if size > findings[kind].detectable {
        tally.above += 1
        tally.found += findings[kind].verdict == .found ? 1 : 0
      }
      let others = findings.enumerated().filter { $0.offset != kind }
      tally.falseCards += others.contains { $0.element.verdict == .found } ? 1 : 0
    }
    return tally
  }

  @Test(
    "a planted bias above the detectable size is found in 95 % of seeds, and none elsewhere",
    arguments: Form.allCases
  )
  func planted(_ form: Form) throws {
    var (above, falseCards, cards) = (0, 0, 0)
    for bias in [0.3, 0.8, 2.0] {
      // The true effect is the mean of very many.
      var random = SeededRandom(3)
      let many = 100_000
      let size = changes(form, bias: bias, count: many, &random).reduce(0, +) / Double(many)
      for kind in Probe.allCases.indices {
        let own = try tally(form, kind, bias, size: size)
        above += own.above
        falseCards += own.falseCards
        cards += own.cards
        guard own.above > Self.seeds / 2 else { continue }
        let power = Double(own.found) / Double(own.above)
        #expect(power >= 0.95, "\(form) \(Probe.allCases[kind]) \(bias): \(power)")
      }
    }
    // The largest bias is above the detectable size in every card.
    #expect(above >= cards / 3)
    let rate = Double(falseCards) / Double(cards)
    #expect(rate <= 0.05, "\(form): \(rate)")
  }

  @Test("an effect that could not have been found is not called absent")
  func verdicts() throws {
    var random = SeededRandom(7)
    func finding(_ count: Int) throws -> ProbeFinding {
      let gains = changes(.probability, bias: 0, count: count, &random)
      let own = ProbeFinding.Changes(
        probe: .padding,
        gains: gains,
        clusters: Array(gains.indices)
      )
      return try #require(try ProbeFinding.all([own], smallest: 0.05).first)
    }
    #expect(try finding(20).verdict == .cannotTell)
    #expect(try finding(1000).verdict == .none)
  }
}
