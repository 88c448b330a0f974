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
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1") }
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
protocol AssayCommand: AsyncParsableCommand {
  /// Options that every command has.
  var common: CommonOptions { get }
  /// The work.
  func execute() async throws
}

extension AssayCommand {
  func run() async throws {
    common.apply()
    do {
      try await execute()
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

/// Standard output and standard error.
enum Output {
  /// Writes a result and a newline.
  static func result(_ text: String) { write(text + "\n", to: FileHandle.standardOutput) }

  /// Writes a line of the log.
  static func error(_ text: String) { write(text + "\n", to: FileHandle.standardError) }

  private static func write(_ text: String, to handle: FileHandle) {
    try? handle.write(contentsOf: Data(text.utf8))
  }

  /// Writes a value as one line of JSON.
  static func json(_ value: some Encodable) throws { result(try line(value)) }

  /// Writes a value as one line of JSON to the log.
  static func jsonError(_ value: some Encodable) throws { error(try line(value)) }

  private static func line(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

/// Finds the folder of a model that a command is given.
enum ModelPath {
  /// - Parameter path: A model folder, or a run folder, whose last finished checkpoint is meant.
  /// - Returns: The model folder.
  /// - Throws: `ModelError.notFound`.
  static func folder(_ path: String) throws -> URL {
    let url = URL(fileURLWithPath: path)
    let manager = FileManager.default
    if manager.fileExists(atPath: url.appendingPathComponent("config.json").path) { return url }
    if let checkpoint = RunFolder.lastCheckpoint(in: url),
      manager.fileExists(atPath: checkpoint.appendingPathComponent("config.json").path)
    {
      return checkpoint
    }
    throw ModelError.notFound(
      path: path,
      hint: "expected a folder with config.json, or a run folder with a finished model"
    )
  }
}
