import ArgumentParser
import Foundation

/// The command line: one thin file a command.
@main
struct Assay: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "assay",
    abstract: "Trains, evaluates and serves reward models that explain themselves.",
    discussion: """
      Results go to standard output, everything else to standard error. Exit codes follow sysexits: \
      0 done, 64 wrong use, 65 bad data, 66 input not found, 69 device or endpoint unavailable, 70 \
      a bug of ours, 73 cannot write, 74 output lost, 130 and 143 interrupted (the same command continues).
      """,
    version: ToolVersion.text,
    subcommands: [
      DemoCommand.self, PlaygroundCommand.self, TrainCommand.self, PlanCommand.self,
      CompareCommand.self,
      CritiqueCommand.self,
      ScoreCommand.self, JudgeCommand.self, LabelCommand.self, EvalCommand.self,
      CalibrateCommand.self, DiffCommand.self, BonCommand.self, RefineCommand.self,
      GenerateCommand.self, TokenizeCommand.self, RenderCommand.self,
      InspectCommand.self, AuditCommand.self, ExportCommand.self,
      PullCommand.self, ServeCommand.self,
      BenchCommand.self,
    ]
  )

  /// Runs the command; names a misspelt option rather than one that is missing because of it.
  static func main() async {
    let words = NegativeValues.joined(Array(CommandLine.arguments.dropFirst()))
    do {
      try Misspelling.checkHelp(words, of: Self.self)
      var command: any ParsableCommand
      do { command = try parseAsRoot(words) } catch {
        if exitCode(for: error) == .validationFailure {
          try Misspelling.checkOptions(words, of: Self.self)
        }
        throw error
      }
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      let text = fullMessage(for: error)
      guard exitCode(for: error).isSuccess, !text.isEmpty else { exit(withError: error) }
      // Help and the version are results, which may not be written.
      do { try Output.result(text) } catch {
        Output.error("assay: \(ExitStatus.text(error))")
        exit(withError: ExitCode(ExitStatus.code(error)))
      }
    }
    // Done: LibTorch would take 70 ms to take its tables down.
    fflush(nil)
    _exit(0)
  }
}
