import AssayEvaluate
import Foundation

/// Figures as the cells and lines of a comparison's page.
enum Cells {
  static func chart(
    _ title: String,
    _ xLabel: String,
    _ lines: [(String, [(Double, StudyInterval)])]
  ) -> HTMLReport.Chart {
    .init(
      title: title,
      xLabel: xLabel,
      yLabel: "accuracy",
      isShare: true,
      isLogarithmic: true,
      series: lines.map { method, points in
        .init(
          method: method,
          points: points.map { .init(x: $0, y: $1.value, lower: $1.lower, upper: $1.upper) }
        )
      }
    )
  }

  static func share(_ figure: StudyInterval) -> String {
    "\(percent(figure.value)) [\(percent(figure.lower)), \(percent(figure.upper))]"
  }

  static func points(_ figure: StudyInterval) -> String {
    func signed(_ value: Double) -> String { String(format: "%+.1f", 100 * value) }
    return "\(signed(figure.value)) [\(signed(figure.lower)), \(signed(figure.upper))]"
  }

  static func pValue(_ p: Double) -> String {
    p < 0.0001 ? "< 0.0001" : String(format: "%.4f", p)
  }

  static func counts(_ counts: [String: Int]) -> String {
    counts.isEmpty
      ? "none"
      : counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }
}
