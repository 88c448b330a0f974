// Metrics of training steps: lines of JSON and TensorBoard events from the same call.
import AssayBase
import Foundation

/// Writes `metrics.jsonl` and `tensorboard/` of a stage.
package final class MetricsWriter: Sendable {
  private let file: LineFile
  private let events: EventFile
  private let now: @Sendable () -> Double

  /// A line of `metrics.jsonl`: `{"step": 3, "train/loss": 0.5}`.
  package struct Line: Equatable, Sendable {
    /// The step, 1-based: how many steps were done.
    package let step: Int
    /// The figures, sorted by name.
    package let metrics: [Metric]
  }

  /// Opens a stage's metrics, and cuts off those behind the step to resume from.
  ///
  /// - Parameters:
  ///   - stage: The stage.
  ///   - step: The checkpointed step: lines of later steps are dropped, since those steps run again.
  ///   - now: Seconds since 1970, for TensorBoard only.
  /// - Throws: `FileError.malformedRecord` or `.fileSystem`.
  package init(
    _ stage: Stage,
    resumingAt step: Int,
    now: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }
  ) throws {
    let file = try LineFile(stage.file("metrics.jsonl"))
    self.file = file
    self.now = now
    let end = try file.forEachLine { number, line in
      try Self.parse(line, number, file.url).step <= step
    }
    try file.truncate(at: end)
    events = try EventFile(
      folder: stage.file("tensorboard"),
      time: now(),
      resumingAt: step == 0 ? 0 : step + 1
    )
  }

  /// Adds the figures of a step.
  ///
  /// - Parameters:
  ///   - step: How many steps were done, so 1 for the first one.
  ///   - metrics: Figures, of distinct names.
  /// - Throws: `RunError.nonFiniteMetric` where a figure is NaN or infinite, or `.fileSystem`.
  package func add(step: Int, _ metrics: [Metric]) throws {
    if let metric = metrics.first(where: { !$0.value.isFinite }) {
      throw RunError.nonFiniteMetric(name: metric.name, value: "\(metric.value)", step: step)
    }
    let fields = metrics.map { ", \(RecipeValue.quoted($0.name)): \($0.value)" }
    try file.append([Data(("{\"step\": \(step)" + fields.joined() + "}").utf8)])
    try events.add(metrics.map { ($0.name, $0.value) }, step: step, time: now())
  }

  /// Flushes the lines to the disk; call it before a checkpoint is published.
  package func synchronize() throws { try file.synchronize() }

  /// Returns the lines of a stage so far.
  ///
  /// - Parameter stage: The stage.
  /// - Returns: In the order of writing; empty where the stage has no metrics.
  /// - Throws: `FileError.malformedRecord` with the line that cannot be read.
  package static func lines(of stage: Stage) throws -> [Line] { try lines(in: stage.url) }

  /// Returns the lines in the folder of a stage, as the other function does.
  package static func lines(in folder: URL) throws -> [Line] {
    let url = folder.appendingPathComponent("metrics.jsonl")
    guard let data = try? Data(contentsOf: url) else { return [] }
    return try data.split(separator: 0x0a).enumerated().map {
      try parse(Data($0.element), $0.offset + 1, url)
    }
  }

  private static func parse(_ line: Data, _ number: Int, _ url: URL) throws -> Line {
    guard let values = try? JSONDecoder().decode([String: Double].self, from: line),
      let step = values["step"], let step = Int(exactly: step)
    else {
      throw FileError.malformedRecord(
        file: url.path,
        line: number,
        reason: "this is no line of metrics"
      )
    }
    let metrics = values.filter { $0.key != "step" }.sorted { $0.key < $1.key }
    return Line(step: step, metrics: metrics.map { Metric($0.key, $0.value) })
  }
}
