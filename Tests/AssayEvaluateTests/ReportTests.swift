import AssayEvaluate
import Foundation
import Testing

@Suite struct ResultsFileTests {
  @Test("reads and writes the JSON of the contract")
  func contract() throws {
    let text = """
      {"seconds": 512.3, "methods": {"classic": {"test": {"Reasoning": {"accuracy": 0.61,
      "ci95": [0.58, 0.64], "n": 1000}, "overall": {"accuracy": 0.83, "ci95": [0.82, 0.85],
      "n": 4000}}, "ood": {}}, "cloud": {}}}
      """
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("results-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: url) }
    try Data(text.utf8).write(to: url)
    let results = try ResultsFile(contentsOf: url)
    #expect(results.seconds == 512.3)
    #expect(results.methods["cloud"] == [:])
    #expect(results.methods["classic"]?["ood"] == [:])
    let figure = ResultsFile.Figure(accuracy: 0.61, lower: 0.58, upper: 0.64, n: 1000)
    #expect(results.methods["classic"]?["test"]?["Reasoning"] == figure)
    #expect(results.splits == ["test"])
    #expect(results.sections(of: "test") == ["overall", "Reasoning"])
    try results.json().write(to: url)
    #expect(try ResultsFile(contentsOf: url) == results)
  }

  @Test(
    "says what is wrong with a file",
    arguments: [
      ("{\"seconds\": 1}", "the key methods is missing"), ("[", "the given data"),
      (
        "{\"seconds\":1,\"methods\":{\"a\":{\"t\":{\"s\":{\"accuracy\":1,\"ci95\":[1],\"n\":1}}}}}",
        "methods.a.t.s.ci95: ci95 needs two numbers"
      ),
    ]
  )
  func errors(text: String, reason: String) throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("results-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: url) }
    try Data(text.utf8).write(to: url)
    do {
      _ = try ResultsFile(contentsOf: url)
      Issue.record("no error")
    } catch {
      #expect("\(error)".localizedCaseInsensitiveContains(reason), "\(error)")
    }
  }

  @Test("the table aligns, with missing figures as dashes")
  func table() {
    var results = ResultsFile(seconds: 1)
    results.methods["b"] = [
      "test": ["overall": .init(accuracy: 1, lower: 0.987, upper: 1, n: 300)], "extra": [:],
    ]
    results.methods["a"] = ["ood": ["Chat": .init(accuracy: 0.5, lower: 0.4, upper: 0.6, n: 90)]]
    var partial = results
    partial.methods["b"]?["test"]?["overall"]?.isPartial = true
    #expect(partial.table().text.contains("test   overall (partial)  "))
    #expect(
      results.table(order: ["b"]).text == """
        split  section                    b                  a    n
        -----  -------  -------------------  -----------------  ---
        test   overall  100.0 [98.7, 100.0]                  -  300
        ood    Chat                       -  50.0 [40.0, 60.0]   90

        """
    )
  }
}

@Suite struct TextTableTests {
  @Test("pads left and right, counts wide characters twice, and keeps a row on a line")
  func table() {
    var table = TextTable([("name", .left), ("n", .right)])
    table.rows = [["\u{4e2d}\u{6587}", "1"], ["a\nb", "10000"], ["x"]]
    #expect(
      table.text == """
        name      n
        ----  -----
        \u{4e2d}\u{6587}      1
        a b   10000
        x

        """
    )
  }
}

@Suite struct HTMLReportTests {
  /// Made-up figures, shaped like those of the demo.
  static func example() -> HTMLReport {
    let sections = ["Chat", "Chat Hard", "Reasoning", "Safety"]
    func split(_ accuracies: [Double], n: Int) -> ResultsFile.Sections {
      var figures: ResultsFile.Sections = [:]
      let names = sections + ["overall"]
      for (name, accuracy) in zip(names, accuracies + [accuracies.reduce(0, +) / 4]) {
        let count = name == "overall" ? 4 * n : n
        let half = 1.96 * (accuracy * (1 - accuracy) / Double(count)).squareRoot() + 0.002
        figures[name] = .init(
          accuracy: accuracy,
          lower: accuracy - half,
          upper: min(1, accuracy + half),
          n: count
        )
      }
      return figures
    }
    var results = ResultsFile(seconds: 512.3)
    results.methods["classic"] = [
      "test": split([0.972, 0.781, 0.612, 0.934], n: 1000),
      "ood": split([0.951, 0.655, 0.541, 0.902], n: 500),
    ]
    results.methods["cloud"] = [
      "test": split([0.981, 0.902, 0.962, 0.968], n: 1000),
      "ood": split([0.97, 0.781, 0.664, 0.941], n: 500),
    ]
    results.methods["judge"] = [
      "test": split([0.964, 0.832, 0.773, 0.951], n: 1000),
      "ood": split([0.942, 0.711, 0.588, 0.927], n: 500),
    ]
    var report = HTMLReport(title: "Do critiques make better reward models?", results: results)
    report.summary =
      "Three reward models trained on the same 8,000 Playground pairs, from the "
      + "same 1.1 M parameter base model."
    report.methodOrder = ["classic", "cloud", "judge"]
    let counts = HTMLReport.Chart(
      title: "Accuracy against critiques averaged",
      xLabel: "critiques per response",
      yLabel: "accuracy on test",
      isShare: true,
      isLogarithmic: true,
      series: [
        .init(
          method: "cloud",
          points: [(1, 0.938), (2, 0.944), (4, 0.951), (8, 0.953), (16, 0.955)].map {
            .init(x: $0.0, y: $0.1, lower: $0.1 - 0.007, upper: $0.1 + 0.006)
          }
        )
      ]
    )
    report.parts = [
      .init(title: "What critiques add", charts: [counts]),
      .init(title: "Training", charts: [loss(), accuracy()]),
    ]
    report.samples = samples()
    report.facts = [
      .init("model", "1.1 M parameters, 4 layers, hidden 128"), .init("time", "512 s on 2 cores"),
      .init("seeds", "17, 18, 19"), .init("command", "assay demo --out runs/demo"),
    ]
    report.footer = ["Assay 0.1.0, LibTorch 2.11.0, Swift 6.3.1"]
    return report
  }

  static func loss() -> HTMLReport.Chart {
    .init(
      title: "Training loss",
      xLabel: "step",
      yLabel: "nats per pair",
      series: ["classic", "cloud", "judge"].enumerated().map { index, method in
        .init(
          method: method,
          points: (1...1500).map { step in
            let noise = Double((step * 7919 + index * 31) % 97) / 97 - 0.5
            let fall = exp(-Double(step) / (400 + 250 * Double(index)))
            return .init(x: Double(step), y: 0.16 + 0.53 * fall + 0.1 * noise * (0.3 + fall))
          }
        )
      }
    )
  }

  static func accuracy() -> HTMLReport.Chart {
    .init(
      title: "Accuracy on held-out pairs",
      xLabel: "step",
      yLabel: "accuracy",
      isShare: true,
      series: ["classic", "cloud", "judge"].enumerated().map { index, method in
        .init(
          method: method,
          points: (0...15).map { step in
            let rise = 1 - exp(-Double(step) / (3 + Double(index)))
            return .init(x: Double(step * 100), y: 0.5 + (0.33 + 0.06 * Double(index)) * rise)
          }
        )
      }
    )
  }

  static func samples() -> [HTMLReport.Sample] {
    [
      .init(
        section: "Reasoning, test",
        method: "cloud",
        prompt: "Ann has 7 apples. She gives 3 to Bo, then buys 5. How many does she have?",
        responses: [
          .init(
            text: "Ann has 9 apples.",
            critique: "Start 7. Gives 3: 7 - 3 = 4. Buys 5: 4 + 5 = 9. The response says 9. "
              + "That is right.",
            score: 2.31,
            isRight: true
          ),
          .init(
            text: "Ann has 8 apples.",
            critique: "Start 7. Gives 3: 7 - 3 = 4. Buys 5: 4 + 5 = 9. The response says 8. "
              + "That is wrong.",
            score: -1.94,
            isRight: false
          ),
        ]
      ),
      .init(
        section: "Chat Hard, out of distribution",
        method: "cloud",
        prompt: "Name exactly three fruits, in reverse alphabetical order.",
        responses: [
          .init(
            text: "Plum, kiwi, fig.",
            critique: "Three fruits: yes. Reverse order: p, k, f: yes.",
            score: 0.42,
            isRight: true
          ),
          .init(
            text: "Fig, kiwi, plum.",
            critique: "Three fruits: yes. The order looks fine.",
            score: 0.61,
            isRight: false
          ),
        ]
      ),
    ]
  }

  @Test("is one page without scripts or anything from the network")
  func selfContained() throws {
    let html = Self.example().html
    for forbidden in ["<script", "http:", "https:", "url(", "@import", "<link", "src=", "href="] {
      #expect(!html.contains(forbidden), "\(forbidden)")
    }
    #expect(html.contains("prefers-color-scheme:dark"))
    #expect(html.contains("width=device-width"))
    if let path = ProcessInfo.processInfo.environment["ASSAY_KEEP_REPORT"] {
      try Data(html.utf8).write(to: URL(fileURLWithPath: path))
    }
  }

  @Test("shows figures, samples, facts and versions")
  func content() {
    let html = Self.example().html
    // (0.972 + 0.781 + 0.612 + 0.934) / 4 = 0.82475
    for text in [
      "82.5", "Out of distribution", "ranked right", "ranked wrong", "+2.31", "&minus;1.94",
      "assay demo --out runs/demo", "LibTorch 2.11.0", "critiques per response", "nats per pair",
    ] {
      #expect(html.contains(text), "\(text)")
    }
    #expect(html.ranges(of: "<line class=\"chance\"").count == 2)
    var other = Self.example()
    other.chance = nil
    #expect(!other.html.contains("<line class=\"chance\"") && !other.html.contains("is chance"))
    // Two splits of five sections of three methods.
    #expect(html.ranges(of: "<rect class=\"bar").count == 30)
    // Two charts with three lines each, one with one.
    #expect(html.ranges(of: "class=\"lineplot\"").count == 7)
  }

  @Test("text from models and files cannot become markup")
  func injection() {
    let attack = "</pre><script>alert('1')</script><img src=x onerror=\"a\">&\u{0}"
    var report = Self.example()
    report.title = attack
    report.summary = attack
    report.facts = [.init(attack, attack)]
    report.footer = [attack]
    report.results.methods = [
      attack: [attack: [attack: .init(accuracy: 0.5, lower: 0.4, upper: 0.6, n: 1)]]
    ]
    let chart = HTMLReport.Chart(
      title: attack,
      xLabel: attack,
      yLabel: attack,
      series: [.init(method: attack, points: [.init(x: 0, y: 0)])]
    )
    let table = HTMLReport.Table(title: attack, columns: [attack], rows: [[attack]])
    report.parts = [.init(title: attack, note: attack, charts: [chart], tables: [table])]
    report.samples = [
      .init(
        section: attack,
        method: attack,
        prompt: attack,
        responses: [.init(text: attack, critique: attack, score: 0, isRight: true)]
      )
    ]
    let html = report.html
    for forbidden in ["<script", "<img", "\u{0}", "alert('"] {
      #expect(!html.contains(forbidden), "\(forbidden)")
    }
    #expect(html.contains("&lt;script&gt;alert(&#39;1&#39;)"))
    // A quotation mark must not end an attribute such as aria-label.
    #expect(!html.contains("onerror=\"a\""))
  }

  @Test("every tag that opens closes")
  func balance() {
    let html = Self.example().html
    for tag in [
      "section", "div", "svg", "figure", "article", "table", "tr", "td", "th", "pre", "g", "ul",
      "li", "dl", "main", "span", "text", "blockquote", "header",
    ] {
      let opened = html.ranges(of: "<\(tag)>").count + html.ranges(of: "<\(tag) ").count
      #expect(opened == html.ranges(of: "</\(tag)>").count, "\(tag)")
    }
  }

  @Test("empty results, single points and numbers out of range still make a page")
  func extremes() {
    var report = HTMLReport(title: "empty", results: ResultsFile(seconds: 0))
    #expect(report.html.contains("<h1>empty</h1>"))
    report.results.methods["m"] = [
      "test": ["overall": .init(accuracy: .nan, lower: -.infinity, upper: .infinity, n: 0)]
    ]
    let values = [Double.nan, .infinity, 0, 1e308, -1e308, .leastNonzeroMagnitude]
    let curves: [HTMLReport.Chart] = [
      .init(title: "none", xLabel: "", yLabel: "", series: []),
      .init(
        title: "one",
        xLabel: "",
        yLabel: "",
        series: [.init(method: "m", points: [.init(x: 3, y: 3, lower: .nan, upper: .infinity)])]
      ),
      .init(
        title: "wild",
        xLabel: "",
        yLabel: "",
        series: [
          .init(
            method: "m",
            points: values.flatMap { x in
              values.map { .init(x: x, y: $0) }
            }
          )
        ]
      ),
    ]
    report.parts = [.init(title: "curves", charts: curves), .init(title: "nothing at all")]
    let html = report.html
    #expect(!html.contains("nothing at all"))
    #expect(html.contains("No points were recorded."))
    #expect(!html.contains("M nan") && !html.contains("=\"nan\"") && !html.contains("=\"inf\""))
  }
}
