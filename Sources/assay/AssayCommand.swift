import ArgumentParser
import AssayBase
import Foundation

/// A command whose errors become one sentence and a documented exit code.
protocol AssayCommand: AsyncParsableCommand, Sendable {
  /// Options that every command has.
  var common: CommonOptions { get }
  /// Whether a signal cancels the work, so that it ends within a step; the server ends otherwise.
  var endsAtSignals: Bool { get }
  /// Whether work that a signal cancelled ends at the end of its step, however long that takes: a training
  /// saves what it has learnt since its last checkpoint then.
  var finishesSteps: Bool { get }
  /// The work.
  func execute() async throws
}

extension AssayCommand {
  var endsAtSignals: Bool { true }
  var finishesSteps: Bool { false }

  func run() async throws {
    common.apply()
    let (isQuiet, finishesSteps) = (common.isQuiet, finishesSteps)
    do {
      guard endsAtSignals else { return try await execute() }
      try await Interruption.cancelling {
        try await execute()
      } onSignal: {
        if !isQuiet { Output.error("stopping; what is finished is kept (again: stop at once)") }
        if !finishesSteps { Self.endSoon() }
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

  /// Microseconds that the work has to end after a signal.
  private static var patience: UInt32 { 1_500_000 }

  /// Ends the process where the work does not: a forward pass of a large model takes longer, and what is
  /// finished is on the disk.
  private static func endSoon() {
    Thread.detachNewThread {
      usleep(patience)
      let interrupted = Interrupted(signal: Interruption.signal ?? SIGTERM)
      Output.error("assay: \(interrupted)")
      _exit(interrupted.exitCode)
    }
  }
}
