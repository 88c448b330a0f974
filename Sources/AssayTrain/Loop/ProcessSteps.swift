// The steps that several processes take together: gradients, losses and figures are added up, and where
// moments are shared each process updates a part of the weights and gives it to the others.
//
// Source: Rajbhandari et al. 2020 (arXiv:1910.02054) section 5.1, "ZeRO stage 1"; whole weights are shared out,
// as PyTorch's ZeroRedundancyOptimizer does.

import AssayBase
import AssayModel
import AssayRun
import AssayTensor

/// What a training does with other processes at each step.
package final class ProcessSteps {
  private let processes: Processes
  private let values: [Tensor]
  private let sum: ProcessGroup.GradientSum
  // Of each of `values`; nil where every process keeps all moments.
  private let owners: [Int]?
  // Which of `values` had a gradient somewhere at the last sum; optimizers pass over the others.
  private var updated: [Int] = []
  /// Whether a process was asked to stop by the time of the last sum; the same in all.
  private(set) var isInterrupted = false
  // Of metrics there is room for so many.
  private static let room = 24

  /// Prepares for a training's steps.
  ///
  /// - Parameters:
  ///   - values: What is trained, which asks for gradients already.
  ///   - processes: Which take the steps.
  /// - Throws: `TensorError.operation`.
  init(_ values: [Tensor], _ processes: Processes) throws {
    (self.values, self.processes) = (values, processes)
    owners =
      processes.sharesMoments
      ? Self.owners(of: values.map(\.count), among: processes.size) : nil
    sum = try ProcessGroup.GradientSum(of: values, owners: owners, in: processes.group)
  }

  /// Whether each process keeps the moments of a part alone.
  var sharesMoments: Bool { owners != nil }

  /// Shares out neighbouring weights so that each process has nearly as many numbers.
  ///
  /// - Parameters:
  ///   - counts: How many numbers each weight has.
  ///   - size: How many processes there are.
  /// - Returns: Which process has which weight.
  package static func owners(of counts: [Int], among size: Int) -> [Int] {
    let total = max(1, counts.reduce(0, +))
    var before = 0
    return counts.map { count in
      // Where its middle lies.
      defer { before += count }
      return min(size - 1, (2 * before + count) * size / (2 * total))
    }
  }

  /// Whether this process updates a weight.
  func isOwn(_ index: Int) -> Bool { owner(of: index) == processes.rank }

  private func owner(of index: Int) -> Int { owners?[index] ?? processes.rank }

  /// Adds up a step's gradients, loss and figures over all processes.
  ///
  /// - Parameters:
  ///   - report: What this process computed; behind it, what all did.
  ///   - step: Which step it is.
  /// - Throws: `TrainingError.processes` where one is gone, or is at another step.
  func add(_ report: inout StepReport, step: Int) throws {
    let metrics = report.metrics.prefix(Self.room)
    let digest = Digest.hex(metrics.map(\.name).joined(separator: ","))
    let names = Double(Int(digest.prefix(6), radix: 16) ?? 0)
    let isStopping = Interruption.signal == nil ? 0.0 : 1
    var numbers = [Double(step), names, isStopping, report.loss, Double(report.tokens)]
    let start = numbers.count
    numbers += metrics.map(\.value) + [Double](repeating: 0, count: Self.room - metrics.count)
    let holders = try processes.lostIsTold { try sum.finish(&numbers) }
    updated = holders.indices.filter { holders[$0] > 0 }
    let size = Double(processes.size)
    guard numbers[0] == size * Double(step) else {
      throw TrainingError.processes(reason: "they are at different steps")
    }
    isInterrupted = numbers[2] > 0
    report.loss = numbers[3]
    report.tokens = Int(numbers[4])
    // Where a process had nothing to say, or something else, figures do not add up.
    let adds = numbers[1] == size * names
    report.metrics = adds ? zip(metrics, numbers[start...]).map { Metric($0.name, $1) } : []
  }

  /// Scales the gradients of all processes so that their joint norm is at most a bound; see `clipGradients`.
  ///
  /// - Returns: The norm before.
  /// - Throws: `TrainingError.processes` where a process is gone.
  func clip(maximum: Double) throws -> Double {
    guard sharesMoments else {
      return try withTensorErrors { clipGradients(values, maximum: maximum) }
    }
    let own = try withTensorErrors { clipGradients(values, maximum: 0) }
    let norm = try processes.sum([own * own])[0].squareRoot()
    let factor = maximum / (norm + 1e-6)
    if maximum > 0, factor < 1 { try withTensorErrors { scaleGradients(values, by: factor) } }
    return norm
  }

  /// Gives all processes what each has updated.
  ///
  /// - Throws: `TrainingError.processes` where one is gone.
  func share() throws {
    guard let owners else { return }
    try processes.lostIsTold {
      try processes.group.share(updated.map { values[$0] }, owners: updated.map { owners[$0] })
    }
  }

  // MARK: Checkpoints

  /// Receives what another process keeps of a weight, as that sends it.
  ///
  /// - Parameters:
  ///   - entry: What it is.
  ///   - index: Which weight it belongs to.
  /// - Returns: The tensor, on the CPU.
  /// - Throws: `TrainingError.processes` where that process is gone.
  func receive(_ entry: OptimizerEntry, of index: Int) throws -> Tensor {
    try processes.lostIsTold {
      try processes.group.receive(entry.shape, dtype: entry.dtype, from: owner(of: index))
    }
  }

  /// Sends tensors to the first process, which writes them, in the order of the file.
  ///
  /// - Throws: `TrainingError.processes` where the first process is gone.
  func send(_ tensors: [LaterTensor]) throws {
    try processes.lostIsTold {
      for tensor in tensors { try processes.group.send(try tensor.make().to(.cpu), to: 0) }
    }
  }
}
