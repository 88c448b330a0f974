import AssayBase
import AssayReward
import AssayStudy
import Foundation
import Testing

@Suite struct StudentTests {
  @Test("tails and quantiles of Student's t")
  func student() {
    // Of 4 degrees, with t = 2 tan(a): 1 - sin(a) (1 + cos(a)^2 / 2); here a is 45 degrees.
    let tail = 1 - 0.5.squareRoot() * 1.25
    #expect(abs(Statistics.studentTail(2, degrees: 4) - tail) < 1e-12)
    #expect(abs(Statistics.studentTail(-2, degrees: 4) - tail) < 1e-12)
    // Of one degree it is Cauchy's: tan(0.475 pi); of two, 2 x / sqrt(2 (1 - x^2)) / 2 at x = 0.95.
    #expect(abs(Statistics.studentQuantile(degrees: 1) - tan(0.475 * .pi)) < 1e-9)
    let two = 0.95 * (2 / (1 - 0.95 * 0.95)).squareRoot()
    #expect(abs(Statistics.studentQuantile(degrees: 2) - two) < 1e-9)
    // Tables have 2.776445 for 4 and 2.042272 for 30.
    #expect(abs(Statistics.studentQuantile(degrees: 4) - 2.776445) < 1e-6)
    #expect(abs(Statistics.studentQuantile(degrees: 30) - 2.042272) < 1e-6)
    #expect(abs(Statistics.studentQuantile(degrees: .infinity) - 1.959964) < 1e-6)
    #expect(Statistics.studentTail(.infinity, degrees: 4) == 0)
    #expect(Statistics.studentTail(0, degrees: 4) == 1)
  }

  @Test("an interval's p is below 0.05 where the limit is outside")
  func p() {
    var figure = StudyInterval(value: 0.03, lower: 0.01, upper: 0.05, n: 100)
    figure.degrees = 4
    #expect(figure.p(against: 0) < 0.05 && figure.p(against: 0.02) > 0.05)
    #expect(abs(figure.p(against: 0.01) - 0.05) < 1e-9 && figure.p(against: 0.03) == 1)
    // Three halves of the half-width: t = 1.5 * 2.776 of 4 degrees.
    #expect(
      abs(figure.p(against: 0) - Statistics.studentTail(1.5 * 2.776445, degrees: 4)) < 1e-6
    )
    #expect(StudyInterval(value: 0.1, lower: 0.1, upper: 0.1, n: 1).p(against: 0) == 0)
  }
}

/// Whether 95 % intervals hold what they promise, where the truth is known.
@Suite struct CoverageTests {
  /// Standard normal draws, by Box and Muller.
  private func normal(_ random: inout SeededRandom) -> Double {
    (-2 * log(1 - random.unit())).squareRoot() * cos(2 * .pi * random.unit())
  }

  /// Outcomes of two equal methods: items differ much, and every training moves a method's accuracy.
  private func draw(
    _ seeds: Int,
    _ items: Int,
    spread: Double,
    _ random: inout SeededRandom
  ) -> [[[Double]]] {
    // From 0.5 to 0.86: the mean is 0.68, and hardly a seed reaches 0 or 1.
    let chances = (0..<items).map { _ in 0.5 + 0.36 * random.unit() }
    return (0..<2).map { _ in
      (0..<seeds).map { _ in
        let shift = spread * normal(&random)
        return chances.map { random.unit() < $0 + shift ? 1 : 0 }
      }
    }
  }

  @Test(
    "95 % intervals over 5 seeds hold the truth in 93 to 97 %, whatever the seeds vary",
    arguments: [0, 0.005, 0.01, 0.02, 0.04]
  )
  func coverage(_ spread: Double) throws {
    var random = SeededRandom(13, UInt64(spread * 1000))
    let repeats = 1500
    var (means, differences) = (0, 0)
    for _ in 0..<repeats {
      let drawn = try draw(5, 200, spread: spread, &random).map { try SeedsAndItems($0) }
      let mean = try drawn[0].mean()
      if mean.lower <= 0.68, 0.68 <= mean.upper { means += 1 }
      let difference = try drawn[0].difference(from: drawn[1])
      if difference.lower <= 0, 0 <= difference.upper { differences += 1 }
    }
    for count in [means, differences] {
      #expect((0.93...0.97).contains(Double(count) / Double(repeats)), "\(count) of \(repeats)")
    }
  }

  @Test(
    "and so they do where every seed has pairs of its own",
    arguments: [0, 0.005, 0.01, 0.02, 0.04]
  )
  func ownPairs(_ spread: Double) throws {
    var random = SeededRandom(14, UInt64(spread * 1000))
    let repeats = 1500
    var (means, differences) = (0, 0)
    for _ in 0..<repeats {
      var (figures, gains): ([StudyInterval], [StudyInterval]) = ([], [])
      for _ in 0..<5 {
        let drawn = try draw(1, 200, spread: spread, &random).map { try SeedsAndItems($0) }
        figures.append(.init(try drawn[0].mean(resamples: 200)))
        gains.append(.init(try drawn[0].difference(from: drawn[1], resamples: 200)))
      }
      let mean = StudyInterval.pooled(figures, isShare: true)
      if mean.lower <= 0.68, 0.68 <= mean.upper { means += 1 }
      let difference = StudyInterval.pooled(gains, isShare: false)
      if difference.lower <= 0, 0 <= difference.upper { differences += 1 }
    }
    for count in [means, differences] {
      #expect((0.93...0.97).contains(Double(count) / Double(repeats)), "\(count) of \(repeats)")
    }
  }
}
