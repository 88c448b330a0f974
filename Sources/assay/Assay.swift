import ArgumentParser

/// The command line: one thin file a command.
@main
struct Assay: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "assay",
    abstract: "Trains, evaluates and serves reward models that explain themselves.",
    subcommands: [BenchCommand.self])
}
