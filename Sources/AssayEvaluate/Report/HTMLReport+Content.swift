// What a report consists of: facts, charts, tables, parts of them, and samples.

extension HTMLReport {
  /// A fact about the run, as `seeds: 17, 18, 19`.
  package struct Fact: Equatable, Sendable {
    /// What it is.
    package var label: String
    /// Its value.
    package var value: String

    /// Makes a fact.
    package init(_ label: String, _ value: String) {
      self.label = label
      self.value = value
    }
  }

  /// Points of one method in a chart.
  package struct Series: Equatable, Sendable {
    /// A point, with an interval where there is one.
    package struct Point: Equatable, Sendable {
      /// As the step, or the number of critiques.
      package var x: Double
      /// As the loss, or an accuracy.
      package var y: Double
      /// The lower end of the interval.
      package var lower: Double?
      /// The upper end of the interval.
      package var upper: Double?

      /// Makes a point.
      package init(x: Double, y: Double, lower: Double? = nil, upper: Double? = nil) {
        self.x = x
        self.y = y
        self.lower = lower
        self.upper = upper
      }
    }

    /// The method; gives the colour, the same as in all other charts.
    package var method: String
    /// In the order of `x`; points beyond 1e12 or that are no numbers are not drawn.
    package var points: [Point]

    /// Makes a series.
    package init(method: String, points: [Point]) {
      self.method = method
      self.points = points
    }
  }

  /// A chart of lines.
  package struct Chart: Equatable, Sendable {
    /// What is shown.
    package var title: String
    /// What the horizontal axis is, with its unit.
    package var xLabel: String
    /// What the vertical axis is, with its unit.
    package var yLabel: String
    /// Whether `y` is a share to be shown in percent.
    package var isShare: Bool
    /// Whether each doubling of `x` is as wide, with the points' own `x` as ticks.
    package var isLogarithmic: Bool
    /// One line each; long ones are averaged over equal stretches, with their range shaded.
    package var series: [Series]

    /// Makes a chart.
    package init(
      title: String,
      xLabel: String,
      yLabel: String,
      isShare: Bool = false,
      isLogarithmic: Bool = false,
      series: [Series]
    ) {
      self.title = title
      self.xLabel = xLabel
      self.yLabel = yLabel
      self.isShare = isShare
      self.isLogarithmic = isLogarithmic
      self.series = series
    }
  }

  /// A table of text.
  package struct Table: Equatable, Sendable {
    /// What is shown.
    package var title: String
    /// The heads of the columns; all but the first hold numbers or short words.
    package var columns: [String]
    /// The cells; a first cell that names a method is shown in its colour.
    package var rows: [[String]]
    /// Columns, by index from 0, whose text may wrap and stands on the left.
    package var textColumns: Set<Int>

    /// Makes a table.
    package init(
      title: String,
      columns: [String],
      rows: [[String]],
      textColumns: Set<Int> = [0]
    ) {
      self.title = title
      self.columns = columns
      self.rows = rows
      self.textColumns = textColumns
    }
  }

  /// A part of the report: charts and tables under a heading.
  package struct Part: Equatable, Sendable {
    /// The heading.
    package var title: String
    /// What the reader is looking at.
    package var note: String
    /// Charts of lines.
    package var charts: [Chart]
    /// Tables below them.
    package var tables: [Table]

    /// Makes a part.
    package init(title: String, note: String = "", charts: [Chart] = [], tables: [Table] = []) {
      self.title = title
      self.note = note
      self.charts = charts
      self.tables = tables
    }

    /// Whether there is nothing to look at.
    package var isEmpty: Bool { charts.isEmpty && tables.isEmpty }
  }

  /// A prompt with the responses that a model criticized and scored.
  package struct Sample: Equatable, Sendable {
    /// One response.
    package struct Answer: Equatable, Sendable {
      /// The response.
      package var text: String
      /// What the model wrote about it.
      package var critique: String
      /// The score that followed; higher is better.
      package var score: Double
      /// Whether the label says that this response is the right one.
      package var isRight: Bool

      /// Makes a response.
      package init(text: String, critique: String, score: Double, isRight: Bool) {
        self.text = text
        self.critique = critique
        self.score = score
        self.isRight = isRight
      }
    }

    /// Where it is from, as `Reasoning, out of distribution`.
    package var section: String
    /// The method that wrote the critiques.
    package var method: String
    /// The prompt.
    package var prompt: String
    /// Usually two.
    package var responses: [Answer]

    /// Makes a sample.
    package init(section: String, method: String, prompt: String, responses: [Answer]) {
      self.section = section
      self.method = method
      self.prompt = prompt
      self.responses = responses
    }

    /// Whether every right response scores above every wrong one; `nil` without one of each.
    package var isRankedRight: Bool? {
      let right = responses.filter(\.isRight).map(\.score).min()
      let wrong = responses.filter { !$0.isRight }.map(\.score).max()
      guard let right, let wrong else { return nil }
      return right > wrong
    }
  }
}
