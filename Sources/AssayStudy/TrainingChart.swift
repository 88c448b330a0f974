import AssayEvaluate
import AssayRun
import Foundation

/// The curves of a training.
enum TrainingChart {
  private static let metrics = ["loss", "accuracy", "preference_loss", "critique_loss"]

  /// Draws the metrics of a stage.
  ///
  /// - Parameters:
  ///   - name: The stage's name.
  ///   - folder: Its folder.
  /// - Returns: The chart; `nil` where the stage has less than two steps.
  /// - Throws: `FileError.malformedRecord` with the line that cannot be read.
  static func chart(_ name: String, of folder: URL) throws -> HTMLReport.Chart? {
    let lines = try MetricsWriter.lines(in: folder)
    guard lines.count > 1 else { return nil }
    let series = metrics.compactMap { metric in
      let points = lines.compactMap { line in
        line.metrics.first { $0.name == metric }.map {
          HTMLReport.Series.Point(x: Double(line.step), y: $0.value)
        }
      }
      return points.isEmpty ? nil : HTMLReport.Series(method: metric, points: points)
    }
    return HTMLReport.Chart(
      title: "Training: \(name)",
      xLabel: "step",
      yLabel: "nats, or share",
      series: series
    )
  }
}
