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

  @Option(name: .customLong("dtype"), help: "Type of products: f32 or bf16. Default: f32.")
  var computeType: ComputeType?

  @Option(help: "Threads of the CPU. Default: as many as the machine has cores.")
  var threads: Int?

  @Option(name: .customLong("seed"), help: "Seed of every draw. Default: 0.")
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
    let limit = ProcessInfo.processInfo.environment[Engine.kernelLimitVariable]
    if let limit, !Engine.kernelLimits.contains(limit) {
      let known = Engine.kernelLimits.joined(separator: ", ")
      throw ValidationError(
        "the environment's \(Engine.kernelLimitVariable) is one of \(known), not '\(limit)'"
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

/// A command whose errors become one sentence and a documented exit code.
protocol AssayCommand: AsyncParsableCommand, Sendable {
  /// Options that every command has.
  var common: CommonOptions { get }
  /// Whether a signal cancels the work, so that it ends within a step; the server ends otherwise.
  var endsAtSignals: Bool { get }
  /// The work.
  func execute() async throws
}

extension AssayCommand {
  var endsAtSignals: Bool { true }

  func run() async throws {
    common.apply()
    let isQuiet = common.isQuiet
    do {
      guard endsAtSignals else { return try await execute() }
      try await Interruption.cancelling {
        try await execute()
      } onSignal: {
        if !isQuiet { Output.error("stopping; what is finished is kept (again: stop at once)") }
      }
    } catch let error as ValidationError {
      throw error
    } catch let error as CleanExit {
      throw error
    } catch let error as ExitCode {
      throw error
    } catch {
      Output.error("assay: \(ExitStatus.text(error))")
      throw ExitCode(ExitStatus.code(error))
    }
  }
}

/// Finds the folder of a model that a command is given.
enum ModelPath {
  /// - Parameter path: A model folder, a GGUF file, or a run folder, whose last finished checkpoint is
  ///   meant.
  /// - Returns: The model folder or the file.
  /// - Throws: `ModelError.notFound`.
  static func folder(_ path: String) throws -> URL {
    let url = URL(fileURLWithPath: path)
    if ModelFiles.exist(at: url) { return url }
    if let checkpoint = RunFolder.lastCheckpoint(in: url), ModelFiles.exist(at: checkpoint) {
      return checkpoint
    }
    throw ModelError.notFound(
      path: path,
      hint: "expected a folder with config.json, a GGUF file, or a run folder with a finished model"
    )
  }
}
