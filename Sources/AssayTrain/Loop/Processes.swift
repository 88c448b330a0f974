// Several processes that run one recipe: each computes a part of every batch, gradients are added up, and
// every process takes the same step; of texts and evaluations each makes a part of the records. The first
// of them runs the recipe and keeps its files; the others follow it into its stages and keep nothing.

import AssayBase
import AssayModel
import AssayRun
import AssayTensor
import Foundation
import Synchronization

/// The processes that run a recipe together.
package final class Processes: StageProcesses {
  /// Those of the running recipe; `nil` where it trains alone.
  @TaskLocal package static var current: Processes?

  private let group: ProcessGroup
  // Stages that were begun.
  private let begun = Mutex(0)
  // Of metrics there is room for so many.
  private static let room = 24

  /// Where this process stands.
  package var place: ProcessGroup.Place { group.place }

  /// Makes the processes of a group that has met.
  package init(_ group: ProcessGroup) { self.group = group }

  /// This process's number, from 0.
  package var rank: Int { place.rank }
  /// How many there are.
  package var size: Int { place.size }

  // MARK: Stages

  /// Runs a recipe, or follows the process that does, with all of them.
  package func run(_ body: () async throws -> Void) async throws {
    try await Self.$current.withValue(self) {
      try await SharedStages.$processes.withValue(self) { try await body() }
    }
  }

  /// Has the other processes follow into a stage; they are in it themselves where they call this.
  ///
  /// - Parameter stage: The stage's name.
  /// - Throws: `TrainingError.processes`.
  package func begin(_ stage: String) throws {
    guard place.rank == 0 else { return }
    let number = begun.withLock { count in
      count += 1
      return count
    }
    try lostIsTold { try group.set("stage-\(number)", stage) }
  }

  /// Tells the other processes that there is nothing more to follow.
  package func end() {
    let number = begun.withLock { $0 } + 1
    try? group.set("stage-\(number)", "")
  }

  /// The next stage of the first process that others work at too, as they wait for it.
  ///
  /// - Returns: The stage's name; `nil` where the recipe ended.
  /// - Throws: `TensorError.operation` where the first process is gone.
  package func next() throws -> String? {
    let number = begun.withLock { count in
      count += 1
      return count
    }
    // What the first process does alone takes as long as it takes.
    let stage = try group.value(of: "stage-\(number)", within: 30 * 86_400)
    return stage.isEmpty ? nil : stage
  }

  /// Adds up numbers over all processes.
  ///
  /// - Throws: `TrainingError.processes` where one is gone.
  package func sum(_ numbers: [Double]) throws -> [Double] {
    var sums = numbers
    try lostIsTold { try group.sum(&sums) }
    return sums
  }

  // MARK: Steps

  /// This process's part of a batch: neighbouring items, none where there are fewer than processes.
  func part<Item>(of batch: [Item]) -> [Item] {
    let all = parts(of: batch, count: place.size)
    return all.indices.contains(place.rank) ? all[place.rank] : []
  }

  /// Adds up a step's gradients, loss and figures over all processes.
  ///
  /// - Parameters:
  ///   - report: What this process computed; behind it, what all did.
  ///   - step: Which step it is.
  ///   - values: Whose gradients are added up.
  /// - Throws: `TrainingError.processes` where one is gone, or is at another step.
  func sum(_ report: inout StepReport, step: Int, gradientsOf values: [Tensor]) throws {
    let metrics = report.metrics.prefix(Self.room)
    let digest = Digest.hex(metrics.map(\.name).joined(separator: ","))
    let names = Double(Int(digest.prefix(6), radix: 16) ?? 0)
    var numbers = [Double(step), names, report.loss, Double(report.tokens)]
    numbers += metrics.map(\.value) + [Double](repeating: 0, count: Self.room - metrics.count)
    let start = numbers.count
    numbers += values.map { $0.gradient == nil ? 0 : 1 }
    let size = Double(place.size)
    try lostIsTold {
      try group.sum(&numbers)
      guard numbers[0] == size * Double(step) else {
        throw TrainingError.processes(reason: "they are at different steps")
      }
      try group.sumGradients(of: values, holders: Array(numbers[start...]))
    }
    report.loss = numbers[2]
    report.tokens = Int(numbers[3])
    // Where a process had nothing to say, or something else, figures do not add up.
    let adds = numbers[1] == size * names
    report.metrics =
      adds ? zip(metrics, numbers[4...]).map { Metric($0.name, $1) } : []
  }

  private func lostIsTold(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as TensorError {
      // A terminal interrupts all of them: then that is why the others are gone.
      try Interruption.check()
      throw TrainingError.processes(
        reason: "process \(place.rank) of \(place.size) lost the others (\(error))"
      )
    }
  }
}
