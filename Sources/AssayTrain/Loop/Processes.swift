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

  let group: ProcessGroup
  /// Whether each process keeps the moments of a part of what is trained, and no others.
  let sharesMoments: Bool
  private let onThisMachine: Int
  // Stages that were begun.
  private let begun = Mutex(0)
  /// Where this process stands.
  package var place: ProcessGroup.Place { group.place }

  /// Makes the processes of a group that has met.
  ///
  /// - Parameters:
  ///   - group: The group.
  ///   - onThisMachine: How many of them share this machine.
  ///   - sharesMoments: Whether each keeps the optimizer's moments of a part of what is trained alone.
  package init(_ group: ProcessGroup, onThisMachine: Int, sharesMoments: Bool = false) {
    (self.group, self.onThisMachine) = (group, onThisMachine)
    self.sharesMoments = sharesMoments
  }

  /// What a plan is made for.
  var planned: PlannedProcesses {
    PlannedProcesses(count: size, onThisMachine: onThisMachine, sharesMoments: sharesMoments)
  }

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

  /// Tells what it means that another process is gone.
  func lostIsTold<Result>(
    _ what: String = "lost the others",
    _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as TensorError {
      // A terminal interrupts all of them: then that is why the others are gone.
      try Interruption.check()
      throw TrainingError.processes(
        reason: "process \(place.rank) of \(place.size) \(what) (\(error))"
      )
    }
  }
}
