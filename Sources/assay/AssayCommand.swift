import ArgumentParser
import AssayBase

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
