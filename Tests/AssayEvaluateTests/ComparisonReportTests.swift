import AssayEvaluate
import AssayReward
import AssayStudy
import Foundation
import Testing

@Suite struct ClaimTableTests {
  private func interval(_ value: Double, _ lower: Double, _ upper: Double)
    -> StudyInterval
  { .init(value: value, lower: lower, upper: upper, n: 100) }

  @Test("a claim holds above its limit, fails below, and is unclear around it")
  func outcomes() {
    #expect(ClaimTable.outcome(interval(0.2, 0.1, 0.3)) == .held)
    #expect(ClaimTable.outcome(interval(0.1, 0, 0.3)) == .unclear)
    #expect(ClaimTable.outcome(interval(-0.2, -0.3, -0.1)) == .notHeld)
    #expect(ClaimTable.outcome(interval(-0.2, -0.3, 0)) == .unclear)
    #expect(ClaimTable.outcome(nil) == .notMeasured)
    // Three points below, five allowed.
    #expect(ClaimTable.outcome(interval(-0.03, -0.04, -0.02), limit: -0.05) == .held)
    #expect(ClaimTable.outcome(interval(-0.03, -0.06, 0.01), limit: -0.05) == .unclear)
  }

  @Test("adds the distances to the ends of independent figures in squares")
  func independent() {
    // Value 0.6 - 0.3; lower: sqrt(0.03^2 + 0.04^2) = 0.05 below; upper: sqrt(0.06^2 + 0.08^2) = 0.1.
    let difference = ClaimTable.independentDifference(
      interval(0.6, 0.57, 0.66),
      interval(0.3, 0.22, 0.34)
    )
    #expect(abs(difference.value - 0.3) < 1e-12)
    #expect(abs(difference.lower - 0.25) < 1e-12)
    #expect(abs(difference.upper - 0.4) < 1e-12)
  }

  @Test("measures differences, the best of several, gains and given figures")
  func measures() throws {
    let tally = try Outcomes.tally()
    var results = try tally.results(seconds: 1)
    results.trials = [
      .init(method: "judge", factor: 1, accuracy: 0.6, isChosen: true),
      .init(method: "cloud", factor: 1, accuracy: 0.7, isChosen: true),
      .init(method: "none", factor: 1, accuracy: 0.9, isChosen: false),
    ]
    let claims = try ClaimTable.results(
      [
        .init(
          "a",
          "cloud beats classic",
          paper: "+1",
          .difference("cloud", "classic", suite: "test", section: "overall"),
          bar: 0.3
        ),
        .init(
          "b",
          "the best beats classic",
          paper: "+2",
          .best(["judge", "cloud", "none"], "classic", suite: "test", section: "overall")
        ),
        .init(
          "g",
          "better in each",
          paper: "",
          .everySection("judge", "classic", suite: "test"),
          isControl: true
        ),
        .init("c", "more help", paper: "", .sampleGain("cloud", suite: "test", section: "overall")),
        .init("d", "given", paper: "", .given),
        .init("e", "absent", paper: "", .given),
        .init(
          "f",
          "absent too",
          paper: "",
          .difference("cloud", "none", suite: "test", section: "overall")
        ),
      ],
      tally: tally,
      results: results,
      given: ["d": interval(-0.5, -0.6, -0.4)]
    )
    #expect(abs((claims[0].figure?.value ?? 0) - 0.25) < 1e-12)
    // Four pairs decide nothing: the bar of 0.3 is in the interval.
    #expect(claims[0].isBarReached == nil)
    #expect(claims[1].measure == "cloud (best on validation) - classic, test, overall")
    #expect(claims[1].figure == claims[0].figure)
    // Chat: a 0, b 0. Reasoning: c 1/2, d -1/4.
    #expect(claims[2].measure == "judge - classic, test, Chat" && claims[2].figure?.value == 0)
    #expect(claims[2].outcome == .unclear && claims[2].isControl)
    #expect(claims[3].measure == "cloud, 2 - 1, test, overall")
    #expect(abs((claims[3].figure?.value ?? 0) - 0.125) < 1e-12)
    #expect(claims[4].outcome == .notHeld)
    #expect(claims[5].outcome == .notMeasured)
    #expect(claims[6].outcome == .notMeasured)
  }

  @Test("chooses no method by the figures that are reported")
  func unchosen() throws {
    let tally = try Outcomes.tally()
    let claim = ClaimTable.Claim(
      "b",
      "the best beats classic",
      paper: "",
      .best(["judge", "cloud"], "classic", suite: "test", section: "overall")
    )
    let result = try #require(
      try ClaimTable.results([claim], tally: tally, results: try tally.results(seconds: 1)).first
    )
    #expect(result.figure == nil && result.outcome == .notMeasured)
  }

  @Test("bars are reached or missed by the interval")
  func bars() {
    func isReached(_ figure: StudyInterval) -> Bool? {
      ClaimTable.Result(
        id: "a",
        sentence: "",
        paper: "",
        measure: "",
        figure: figure,
        bar: 0.2,
        outcome: .held
      ).isBarReached
    }
    #expect(isReached(interval(0.3, 0.2, 0.4)) == true)
    #expect(isReached(interval(0.25, 0.15, 0.35)) == nil)
    #expect(isReached(interval(0.1, 0.05, 0.15)) == false)
  }

  @Test("claims are corrected for their number by Holm's rule, controls are not")
  func holm() throws {
    /// A figure whose two-sided p against 0 is as given, of a normal distribution.
    func figure(_ deviations: Double) -> StudyInterval {
      interval(deviations, deviations - Statistics.z95, deviations + Statistics.z95)
    }
    // p: 0.0027, 0.0124, 0.0164, 0.0278. Of four: 0.0125, 0.0167, 0.025, 0.05.
    let deviations = [3.0, -2.5, 2.4, 2.2]
    func outcomes(_ deviations: [Double], isControl: Bool = false) throws -> [ClaimTable.Outcome] {
      let claims = deviations.indices.map {
        ClaimTable.Claim("\($0)", "", paper: "", .given, isControl: isControl)
      }
      let given = Dictionary(
        uniqueKeysWithValues: deviations.enumerated().map { ("\($0)", figure($1)) }
      )
      let tally = try Outcomes.tally()
      return try ClaimTable.results(
        claims,
        tally: tally,
        results: try tally.results(seconds: 0),
        given: given
      ).map(\.outcome)
    }
    #expect(try outcomes(deviations) == [.held, .notHeld, .held, .held])
    // 0.0214 is above 0.05 / 3, and what comes behind it is open too, though below 0.05.
    #expect(try outcomes([3, 2.3, 2.2, 2.1]) == [.held, .unclear, .unclear, .unclear])
    #expect(try outcomes([3, 2.3, 2.2, 2.1], isControl: true) == [.held, .held, .held, .held])
  }

  @Test("the loss of gain with each step is the slope over pairs")
  func steps() throws {
    let outcomes = (0..<30).flatMap { index in
      [
        Outcomes.scores("one-\(index)", [1, 1, 1, -1, -1, 3], [0, 0, 0, 0, 0, 0]),
        Outcomes.scores("three-\(index)", [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]),
      ]
    }
    var input = ComparisonInput(
      methods: ["cloud"],
      outcomes: ["cloud": [1: outcomes, 2: outcomes]]
    )
    for index in 0..<30 {
      input.bins[.init(suite: "test", id: "one-\(index)")] = "1 step"
      input.bins[.init(suite: "test", id: "three-\(index)")] = "3 steps"
    }
    let tally = try ComparisonTally(input)
    let claim = ClaimTable.Claim("a", "", paper: "", .stepGain("cloud", suite: "test"))
    let result = try #require(
      try ClaimTable.results([claim], tally: tally, results: try tally.results(seconds: 0)).first
    )
    // One critique is right in 4 of 6, all are: 1/3 gained with one step, nothing with three.
    #expect(abs(try #require(result.figure).value - 1.0 / 6) < 1e-12)
    #expect(result.outcome == .held)
  }

  @Test("has a row a claim in Markdown, with bars escaped")
  func markdown() {
    let result = ClaimTable.Result(
      id: "a",
      sentence: "x | y",
      paper: "+5",
      measure: "x - y",
      figure: interval(0.2, 0.1, 0.3),
      limit: 0,
      bar: 0.25,
      outcome: .held
    )
    #expect(
      ClaimTable.markdown([result]) == """
        | claim | paper | measured | points [95 %] | outcome |
        | --- | --- | --- | --- | --- |
        | x \\| y | +5 | x - y | +20.0 [+10.0, +30.0] | held (asked 25: open) |

        """
    )
  }

  @Test("the papers' claims have ids of their own")
  func papers() {
    #expect(Set(ClaimTable.papers.map(\.id)).count == ClaimTable.papers.count)
  }
}

@Suite struct ComparisonReportTests {
  private func results() throws -> ComparisonResults {
    let tally = try Outcomes.tally()
    var results = try tally.results(seconds: 3)
    results.claims = try ClaimTable.results(tally: tally, results: results)
    let prompts = [BestOfNPrompt(id: "a", values: [1, 0, 0], scores: [2, 3, 1])]
    results.bestOf = [
      .init(
        method: "cloud",
        seed: nil,
        points: try BestOfN.curve(prompts),
        gain: .init(try BestOfN.gain(prompts))
      )
    ]
    results.revisions = [
      try RevisionFigure(
        [.init(id: "a", before: false, guided: true, unguided: false)],
        method: "cloud",
        seed: 1
      )
    ]
    results.star = [
      .init(
        method: "star-dpo",
        seed: 1,
        iteration: 1,
        allRight: 5,
        allWrong: 3,
        mixed: 2,
        unparseableRate: 0.25,
        rightAndTrue: 0.625
      )
    ]
    results.filters = [
      .init(
        method: "critic-rm-rank",
        seed: 1,
        pairs: 10,
        keptPairs: 4,
        droppedPairs: ["pair-contradicts-label": 6],
        droppedCritiques: [:]
      )
    ]
    results.trials = [.init(method: "cloud", factor: 0.5, accuracy: 0.75, isChosen: true)]
    results.startModel = ["judge": 0.58]
    return results
  }

  @Test("the page has every part, needs nothing else, and shows no broken number")
  func page() throws {
    var report = ComparisonReport(try results())
    report.title = "<b>A & B</b>"
    let html = report.html
    for part in [
      "The papers&#39; claims", "Differences from classic", "More critiques, more votes",
      "Fewer pairs", "Best of N", "Revisions", "Calibration", "Cost of a judgement",
      "What was learnt from", "Search", "pair-contradicts-label 6", "62.5", "oracle", "random",
      "perfect", "&lt;b&gt;A &amp; B&lt;/b&gt;",
    ] { #expect(html.contains(part), "\(part)") }
    // Sentences break into lines, so that the outcome beside them is in sight; names do not.
    #expect(html.contains("<td class=\"wrap\">CLoud beats Bradley-Terry</td>"))
    #expect(html.contains("<td><span class=\"key "))
    for word in ["http:", "https:", "<script", "nan", "inf<", "Optional("] {
      #expect(!html.contains(word), "\(word)")
    }
    for tag in ["section", "figure", "svg", "table", "tbody", "tr", "td", "g", "ul", "div"] {
      let opened = html.ranges(of: "<\(tag)>").count + html.ranges(of: "<\(tag) ").count
      #expect(opened == html.ranges(of: "</\(tag)>").count, "\(tag)")
    }
  }

  @Test("leaves out parts without figures")
  func empty() {
    let html = ComparisonReport(ComparisonResults(seconds: 0)).html
    for part in ["Best of N", "Calibration", "<table"] { #expect(!html.contains(part), "\(part)") }
  }

  @Test("gives sixteen methods colours of their own, the later ones dashed")
  func colors() throws {
    var results = ComparisonResults(seconds: 1)
    results.order = (0..<16).map { "method-\($0)" }
    for method in results.order {
      results.methods[method] = [
        "test": ["overall": .init(accuracy: 0.5, lower: 0.4, upper: 0.6, n: 9)]
      ]
    }
    let html = ComparisonReport(results).html
    for index in 0..<16 {
      let name = index < 8 ? "c\(index)" : "c\(index) alt"
      #expect(html.contains("<div class=\"tile \(name)\">"), "\(name)")
      #expect(html.contains("--c\(index):#"))
    }
  }

  @Test("the terminal has accuracies, differences, costs and claims")
  func terminal() throws {
    let text = ComparisonReport(try results()).text
    for part in ["Beside classic", "sign test p", "tokens written", "CLoud beats Bradley-Terry"] {
      #expect(text.contains(part), "\(part)")
    }
    #expect(text.contains("87.5 ["))
  }
}
