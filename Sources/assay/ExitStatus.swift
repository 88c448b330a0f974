import ArgumentParser
import AssayBase
import AssayData
import AssayEvaluate
import AssayGenerate
import AssayHub
import AssayModel
import AssayReward
import AssayRun
import AssayServe
import AssayStudy
import AssayTensor
import AssayText
import AssayTrain
import Foundation

/// Exit codes, as sysexits.h has them; the one place where errors become codes.
enum ExitStatus {
  static let wrongUse: Int32 = 64
  static let badData: Int32 = 65
  static let notFound: Int32 = 66
  static let unavailable: Int32 = 69
  static let internalError: Int32 = 70
  static let cannotCreate: Int32 = 73
  static let inputOutput: Int32 = 74

  /// The documented exit code of an error.
  static func code(_ error: any Error) -> Int32 {
    switch error {
    case let error as Interrupted: error.exitCode
    case let error as DataError: code(error)
    case let error as ModelError: code(error)
    case let error as TensorError: code(error)
    case let error as TextError: code(error)
    case let error as FileError: code(error)
    case let error as EndpointError: code(error)
    case let error as HubError: code(error)
    case let error as ServeError: code(error)
    case TrainingError.processes: unavailable
    case is TrainingError, is RewardError, is StatisticsError, is EvaluateError, is RunError,
      is AuditFailure, is GenerationError, is WritingError, is GrammarError,
      is JinjaError:
      badData
    case is OutputFailure: inputOutput
    case is PullError: unavailable
    case is CancellationError: 130
    case let error as WorkerFailure: error.code
    default: internalError
    }
  }

  /// One sentence for an error.
  static func text(_ error: any Error) -> String {
    let isOurs = code(error) != internalError || error is TensorError
    return isOurs ? String(describing: error) : "internal error, please report it: \(error)"
  }

  private static func code(_ error: DataError) -> Int32 {
    switch error {
    case .notFound, .unreadable: notFound
    case .unwritable: cannotCreate
    default: badData
    }
  }

  private static func code(_ error: ModelError) -> Int32 {
    if case .notFound = error { return notFound }
    return badData
  }

  private static func code(_ error: TensorError) -> Int32 {
    switch error {
    case .notFound: notFound
    case .deviceUnavailable: unavailable
    case .cannotWrite: cannotCreate
    case .malformedFile: badData
    case .operation, .outOfMemory: internalError
    }
  }

  private static func code(_ error: TextError) -> Int32 {
    switch error {
    case .notFound, .inaccessible: return notFound
    default: return badData
    }
  }

  private static func code(_ error: FileError) -> Int32 {
    switch error {
    case .fileSystem(let action, _, _): action == "read" ? notFound : cannotCreate
    case .malformedRecord: badData
    }
  }
}
