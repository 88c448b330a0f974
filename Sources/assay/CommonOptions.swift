import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayRun
import AssayTensor
import AssayText
import AssayTrain
import Foundation

/// Options that every command has.
struct CommonOptions: ParsableArguments {
  @Option(
    name: .customLong("device"),
    help: "Where to compute: cpu, cuda or mps. Default: the best one present."
  )
  var deviceName: String?

  @Option(
    name: .customLong("dtype"),
    help:
      "Type of products: f32 or bf16. Default: f32; of recipes and benchmarks theirs, in `export` as stored."
  )
  var computeType: ComputeType?

  @Option(help: "Threads of the CPU. Default: as many as the machine has cores.")
  var threads: Int?

  @Option(
    name: .customLong("seed"),
    help: "Seed of every draw. Default: 0; of recipes `compute.seed`."
  )
  var seedNumber: UInt64?

  @Flag(name: .customLong("quiet"), help: "No log and no progress on standard error.")
  var isQuiet = false

  @Flag(name: .customLong("json"), help: "Results as JSON.")
  var isJSON = false

  /// The seed, 0 where none is given.
  var seed: UInt64 { seedNumber ?? 0 }

  /// The compute type, float32 where none is given.
  var dtype: DType { computeType?.dtype ?? .float32 }

  func validate() throws {
    try Limit.check("--threads", threads, in: Limit.threads)
    if let deviceName, !Device.allCases.contains(where: { $0.name == deviceName }) {
      throw ValidationError("--device is cpu, cuda or mps, not \(deviceName)")
    }
    for (variable, known) in [
      (Engine.kernelLimitVariable, Engine.kernelLimits),
      (Engine.operationsVariable, Engine.operations),
    ] {
      guard let value = ProcessInfo.processInfo.environment[variable], !known.contains(value)
      else { continue }
      throw ValidationError(
        "the environment's \(variable) is one of \(known.joined(separator: ", ")), not '\(value)'"
      )
    }
  }

  /// Applies the thread count and installs the handlers of interruptions.
  func apply() {
    Output.openClosed()
    if let threads { Engine.threads = threads }
    Interruption.install()
  }

  /// The chosen device.
  ///
  /// - Throws: `TensorError.deviceUnavailable`.
  func device() throws -> Device {
    guard let deviceName, let chosen = Device.allCases.first(where: { $0.name == deviceName })
    else { return .best }
    guard chosen.isAvailable else { throw TensorError.deviceUnavailable(device: deviceName) }
    return chosen
  }

  /// The options as settings of a recipe's `compute` section.
  var recipeSettings: [String] {
    (deviceName.map { ["compute.device=\($0)"] } ?? [])
      + (computeType.map { ["compute.dtype=\($0.rawValue)"] } ?? [])
      + (seedNumber.map { ["compute.seed=\($0)"] } ?? [])
  }

  /// What shows progress on standard error.
  var progress: ProgressDisplay { ProgressDisplay(.standardError(quiet: isQuiet)) }
}

extension ComputeType: ExpressibleByArgument {}
