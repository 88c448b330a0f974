import AssayModel
import AssayRun
import AssayTensor
import Foundation

extension TrainingLoop {
  /// Looks at held-out items where that is due, and keeps the weights that did best.
  ///
  /// - Returns: What was measured.
  func look(step: Int, _ record: inout WatchRecord) throws -> [Metric] {
    guard let watch, watch.plan.isDue(step, of: steps) else { return [] }
    let seen = try withTensorErrors { try withoutGradients { try watch.measure() } }
    if record.note(seen, step: step, watch.plan.best), !stage.isFollowing {
      try Safetensors.write(
        trained.map { ($0.name, $0.value.detached().to(.cpu)) },
        metadata: [:],
        to: weights(of: step)
      )
    }
    if record.isOver(watch.plan), step < steps, let best = record.bestStep {
      events(
        .message(
          "ended behind step \(step) of \(steps): held-out items did best behind step \(best)"
        )
      )
    }
    return seen
  }

  /// Gives the model the weights that did best, where others than the last ones did.
  func takeBest(_ record: WatchRecord) throws {
    // Who follows keeps nothing, and is left at the end.
    guard let step = record.bestStep, !stage.isFollowing else { return }
    let file = try SafetensorsFile(weights(of: step))
    for parameter in trained {
      let saved = try file.tensor(named: parameter.name)
      try withTensorErrors { withoutGradients { parameter.value.copyInPlace(saved) } }
    }
  }

  /// Removes kept weights by the number of their steps.
  static func removeWeights(of stage: Stage, where isUnwanted: (Int) -> Bool) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: stage.url.path)) ?? []
    for name in names where name.hasPrefix(Self.bestPrefix) && name.hasSuffix(Self.bestSuffix) {
      let digits = name.dropFirst(Self.bestPrefix.count).dropLast(Self.bestSuffix.count)
      guard let step = Int(digits), isUnwanted(step) else { continue }
      try FileManager.default.removeItem(at: stage.file(name))
    }
  }

  private static var bestPrefix: String { "best-" }
  private static var bestSuffix: String { ".safetensors" }

  private func weights(of step: Int) -> URL {
    stage.file("\(Self.bestPrefix)\(step)\(Self.bestSuffix)")
  }
}
