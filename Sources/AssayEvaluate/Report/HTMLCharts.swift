// The charts of reports, as inline SVG.
import Foundation

/// Accuracies of one split: a group of bars for each section, a bar for each method.
package struct HTMLBarChart {
  package let report: HTMLReport
  package let split: String

  private let width = 460.0
  private let barHeight = 13.0
  private let barGap = 4.0
  private let groupGap = 13.0
  private let labelHeight = 21.0
  /// Space on the right for the value beside a bar of 100 %.
  private let rightMargin = 42.0

  package var svg: String {
    let sections = report.results.sections(of: split).filter {
      $0 == "overall" || report.barSections?.contains($0) ?? true
    }
    var y = 4.0
    var body = ""
    for section in sections {
      let isOverall = section == "overall"
      body += """
        <text class="label\(isOverall ? " strong" : "")" x="0" y="\(text(y + 13))">\
        \(escape(HTMLReport.sectionTitle(section)))</text>
        """
      y += labelHeight
      let groupTop = y
      for method in report.methods {
        guard let figure = report.results.methods[method]?[split]?[section] else { continue }
        body += bar(figure, method, y)
        y += barHeight + barGap
      }
      body += marks(section, top: groupTop, bottom: y - barGap)
      y += groupGap - barGap
    }
    let bottom = y - groupGap + 6
    return """
      <svg viewBox="0 0 \(text(width)) \(text(bottom + 22))" role="img" \
      aria-label="Accuracy, \(escape(HTMLReport.splitTitle(split)))">\(axis(bottom))\(body)</svg>
      """
  }

  private func x(_ share: Double) -> Double { min(1, max(0, share)) * (width - rightMargin) }

  private func bar(_ figure: ResultsFile.Figure, _ method: String, _ y: Double) -> String {
    let (low, high) = (x(figure.ci95[0]), x(figure.ci95[1]))
    let middle = y + barHeight / 2
    let (top, base) = (middle - 3.5, middle + 3.5)
    let label = max(high, x(figure.accuracy)) + 7
    let whisker =
      "M\(text(low)) \(text(middle))H\(text(high))M\(text(low)) \(text(top))V\(text(base))"
      + "M\(text(high)) \(text(top))V\(text(base))"
    return """
      <g><title>\(escape(method)): \(percent(figure.accuracy)) % (\(percent(figure.ci95[0])) to \
      \(percent(figure.ci95[1]))), n = \(figure.n)</title>\
      <rect class="bar \(report.color(method))" x="0" y="\(text(y))" \
      width="\(text(x(figure.accuracy)))" height="\(text(barHeight))" rx="2"/>\
      <path class="halo" d="\(whisker)"/><path class="whisker" d="\(whisker)"/>\
      <text class="value" x="\(text(label))" y="\(text(middle + 4.2))">\(percent(figure.accuracy))\
      </text></g>
      """
  }

  private func marks(_ section: String, top: Double, bottom: Double) -> String {
    report.marks.compactMap { mark in
      mark.values[section].map { value in
        "<path class=\"mark\" d=\"M\(text(x(value))) \(text(top - 3))V\(text(bottom + 3))\">"
          + "<title>\(escape(mark.name)): \(percent(value)) %</title></path>"
      }
    }.joined()
  }

  private func axis(_ bottom: Double) -> String {
    [0, 0.25, 0.5, 0.75, 1].map { share in
      let position = text(x(share))
      let anchor = share == 0 ? "start" : "middle"
      return """
        <line class="grid" x1="\(position)" x2="\(position)" y1="0" \
        y2="\(text(bottom))"/><text x="\(position)" y="\(text(bottom + 17))" \
        text-anchor="\(anchor)">\(Int(100 * share))\(share == 1 ? " %" : "")</text>
        """
    }.joined() + chance(bottom)
  }

  private func chance(_ bottom: Double) -> String {
    guard let chance = report.chance else { return "" }
    let position = text(x(chance))
    return "<line class=\"chance\" x1=\"\(position)\" x2=\"\(position)\" y1=\"0\" "
      + "y2=\"\(text(bottom))\"/>"
  }
}

/// Lines over a numeric axis.
package struct HTMLLineChart {
  package let chart: HTMLReport.Chart
  /// The colour class of a method.
  package let color: (String) -> String
  /// The width that its letters are made for.
  package var width = 460.0

  /// More points than this are averaged over equal stretches.
  private static let maximumPoints = 120
  /// Lines of at most this many points show each point.
  private static let dotLimit = 12
  private let height = 270.0
  private let left = 44.0
  private var right: Double { width - 12 }
  private let top = 24.0
  private let bottom = 226.0

  /// A stretch of a line: its mean, and the range of what was averaged or of the interval.
  private struct Stretch {
    var x, y, lower, upper: Double
  }

  package var svg: String {
    let series = chart.series.map { ($0.method, Self.downsampled($0.points)) }
      .filter { !$0.1.isEmpty }
    let all = series.flatMap(\.1)
    guard let minX = all.map(\.x).min(), let maxX = all.map(\.x).max(),
      let minY = all.map(\.lower).min(), let maxY = all.map(\.upper).max()
    else { return "<p class=\"note\">No points were recorded.</p>" }
    let isLogarithmic = chart.isLogarithmic && minX > 0
    let xTicks =
      isLogarithmic
      ? Set(all.map(\.x)).sorted() : Self.ticks(minX, maxX, count: 5, isExtended: false)
    let yTicks = Self.ticks(minY, maxY, count: 5, isExtended: true)
    let along = { (x: Double) in isLogarithmic ? log2(x) : x }
    let (start, span) = (along(minX), max(along(maxX) - along(minX), 1e-9))
    let (floor, rise) = (yTicks[0], max(yTicks[yTicks.count - 1] - yTicks[0], 1e-9))
    // A short line keeps away from the axis, so that its dots and whiskers stand free.
    let inset = all.count <= Self.dotLimit * series.count ? 16.0 : 0
    let place = { (x: Double, y: Double) in
      (
        left + inset + (along(x) - start) / span * (right - left - 2 * inset),
        bottom - (y - floor) / rise * (bottom - top)
      )
    }
    let lines = series.map { line($0.1, color($0.0), $0.0, place) }
    return """
      <svg viewBox="0 0 \(text(width)) \(text(height))" role="img" \
      aria-label="\(escape(chart.title))">\(axes(xTicks, yTicks, place))\(lines.joined())</svg>
      """
  }

  private func line(
    _ points: [Stretch],
    _ color: String,
    _ name: String,
    _ place: (Double, Double) -> (Double, Double)
  ) -> String {
    func path(_ values: [(Double, Double)]) -> String {
      values.map { place($0.0, $0.1) }.enumerated().map {
        "\($0.offset == 0 ? "M" : "L")\(text($0.element.0)) \(text($0.element.1))"
      }.joined()
    }
    let band =
      path(points.map { ($0.x, $0.upper) } + points.reversed().map { ($0.x, $0.lower) }) + "Z"
    let hasDots = points.count <= Self.dotLimit
    let marks = points.map { point in
      let (x, y) = place(point.x, point.y)
      let (low, high) = (place(point.x, point.lower).1, place(point.x, point.upper).1)
      let whisker =
        low == high
        ? ""
        : "<path class=\"error\" d=\"M\(text(x)) \(text(low))V\(text(high))\"/>"
      return whisker + """
        <circle class="dot" cx="\(text(x))" cy="\(text(y))" r="4"><title>\(escape(name)): \
        \(label(point.y, step: 0.001))</title></circle>
        """
    }
    return """
      <g class="\(color)"><title>\(escape(name))</title>\
      \(hasDots ? "" : "<path class=\"band\" d=\"\(band)\"/>")\
      <path class="lineplot" d="\(path(points.map { ($0.x, $0.y) }))"/>\
      \(hasDots ? marks.joined() : "")</g>
      """
  }

  private func axes(
    _ xTicks: [Double],
    _ yTicks: [Double],
    _ place: (Double, Double) -> (Double, Double)
  ) -> String {
    let yStep = yTicks.count > 1 ? yTicks[1] - yTicks[0] : 1
    let xStep = xTicks.count > 1 ? xTicks[1] - xTicks[0] : 1
    let rows = yTicks.map { tick in
      let y = place(xTicks[0], tick).1
      return """
        <line class="grid" x1="\(text(left))" x2="\(text(right))" y1="\(text(y))" y2="\(text(y))"/>\
        <text x="\(text(left - 8))" y="\(text(y + 4))" text-anchor="end">\(label(tick, step: yStep))\
        </text>
        """
    }
    let columns = xTicks.map { tick in
      let x = place(tick, yTicks[0]).0
      return """
        <line class="axis" x1="\(text(x))" x2="\(text(x))" y1="\(text(bottom))" \
        y2="\(text(bottom + 4))"/><text x="\(text(x))" y="\(text(bottom + 18))" \
        text-anchor="middle">\(Self.number(tick, step: xStep))</text>
        """
    }
    return rows.joined() + columns.joined() + """
      <line class="axis" x1="\(text(left))" x2="\(text(right))" y1="\(text(bottom))" \
      y2="\(text(bottom))"/>\
      <text x="\(text((left + right) / 2))" y="\(text(bottom + 39))" text-anchor="middle">\
      \(escape(chart.xLabel))</text><text x="0" y="10">\(escape(chart.yLabel))</text>
      """
  }

  private func label(_ value: Double, step: Double) -> String {
    chart.isShare
      ? Self.number(100 * value, step: 100 * step) + " %" : Self.number(value, step: step)
  }

  private static func downsampled(_ points: [HTMLReport.Series.Point]) -> [Stretch] {
    let drawn = points.filter { finite($0.x) != nil && finite($0.y) != nil }
    let stretches = min(drawn.count, maximumPoints)
    return (0..<stretches).map { index in
      let part = drawn[
        (index * drawn.count / stretches)..<((index + 1) * drawn.count / stretches)
      ]
      let count = Double(part.count)
      // The ends stay where they are, so that the line spans the axis.
      let x =
        index == 0
        ? part[part.startIndex].x
        : index == stretches - 1
          ? part[part.endIndex - 1].x : part.reduce(0) { $0 + $1.x } / count
      return Stretch(
        x: x,
        y: part.reduce(0) { $0 + $1.y } / count,
        lower: part.map { $0.lower ?? $0.y }.min() ?? 0,
        upper: part.map { $0.upper ?? $0.y }.max() ?? 0
      )
    }
  }

  private static func finite(_ value: Double?) -> Double? {
    // Larger ones are a run that diverged: they would flatten everything else.
    value.flatMap { abs($0) < 1e12 ? $0 : nil }
  }

  /// Round numbers that cover a range or, where not extended, lie within it.
  package static func ticks(_ low: Double, _ high: Double, count: Int, isExtended: Bool) -> [Double]
  {
    let span = max(high - low, 1e-6 * max(abs(high), abs(low), 1e-3))
    let rough = span / Double(count)
    let power = pow(10, floor(log10(rough)))
    let step = power * ([1, 2, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10)
    let first = isExtended ? floor(low / step + 1e-9) : ceil(low / step - 1e-9)
    var last = isExtended ? ceil(high / step - 1e-9) : floor(high / step + 1e-9)
    if isExtended && last <= first { last = first + 1 }
    guard last >= first, (last - first) < 100 else { return [low] }
    return (0...Int(last - first)).map { (first + Double($0)) * step }
  }

  /// A tick's number with as many decimals as its step needs; thousands as `12k`.
  private static func number(_ value: Double, step: Double) -> String {
    let value = value == 0 ? 0 : value
    if abs(value) >= 10_000 && step >= 100 {
      return String(format: step >= 1000 ? "%.0fk" : "%.1fk", value / 1000)
    }
    let decimals = step < 1e-9 ? 9 : max(0, Int(ceil(-log10(step * 1.001))))
    return String(format: "%.\(decimals)f", value)
  }
}

/// A coordinate with at most one decimal.
private func text(_ value: Double) -> String {
  guard abs(value) < 1e6 else { return "0" }
  let rounded = (value * 10).rounded() / 10
  return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
}
