import AssayData
import AssayEvaluate
import AssayText
import AssayTrain
import Foundation
import Testing

@Suite struct PairWarningsTests {
  private static func pair(_ number: Int, longer: Bool? = nil) -> PreferencePair {
    let (chosen, rejected) = longer.map { $0 ? ("yes, so", "no") : ("no", "yes, so") } ?? ("a", "b")
    return PreferencePair(
      id: "\(number)",
      prompt: [.user("Question \(number)?")],
      chosen: chosen,
      rejected: rejected
    )
  }

  @Test("lengths are one-sided where the interval of their share says so, and not of a few pairs")
  func lengths() {
    func texts(_ count: Int, longer: Int) -> [String] {
      PairWarnings.texts((0..<count).map { Self.pair($0, longer: $0 < longer) }, suites: [])
    }
    #expect(texts(200, longer: 160).map { $0.hasPrefix("the longer response") } == [true])
    #expect(texts(200, longer: 160)[0].contains("in 80 % of pairs"))
    #expect(
      texts(200, longer: 30)[0].hasPrefix("the shorter response is the preferred one in 85 %")
    )
    #expect(texts(200, longer: 120).isEmpty)
    #expect(texts(49, longer: 49).isEmpty)
    #expect(PairWarnings.texts((0..<200).map { Self.pair($0) }, suites: []).isEmpty)
  }

  @Test("repeated and contradicting pairs are counted")
  func repetitions() {
    var swapped = Self.pair(1)
    (swapped.chosen, swapped.rejected) = (swapped.rejected, swapped.chosen)
    let pairs = [Self.pair(1), Self.pair(2), Self.pair(1), swapped]
    #expect(
      PairWarnings.texts(pairs, suites: []) == [
        "1 pairs are repetitions of earlier ones",
        "1 pairs prefer the response that an earlier one rejects",
      ]
    )
  }

  @Test("prompts of a suite that are learnt from are counted, whatever their case and marks")
  func leaks() {
    var near = Self.pair(2)
    near.prompt = [.user("question  2")]
    var open = Self.pair(9)
    open.prompt = []
    let suite = Suite(name: "test", pairs: [near, Self.pair(8), open])
    let texts = PairWarnings.texts([Self.pair(1), Self.pair(2), open], suites: [suite])
    #expect(texts.map { $0.hasPrefix("1 of 3 prompts of the suite test are among") } == [true])
  }
}
