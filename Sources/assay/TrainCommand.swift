import ArgumentParser
import AssayBase
import AssayEvaluate
import AssayRun
import AssayStudy
import AssayTrain
import Foundation

struct TrainCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Runs a recipe, or continues one.",
    discussion: """
      A run folder holds one folder a stage. Interrupted, the same command goes on and ends in the \
      same weights. Methods: \(Methods.names.joined(separator: ", ")).
      """
  )

  @Argument(help: "The recipe, a YAML file.")
  var recipe: String

  @Option(name: .customLong("set"), help: "A setting that wins over the file, as a.b=value.")
  var overrides: [String] = []

  @Option(help: "The run folder. Default: runs/ and the recipe's name.")
  var out: String?

  @Option(
    help: "Redo this stage and all behind it; their folders are kept in discarded/. Default: none."
  )
  var restartFrom: String?

  @Flag(help: "Print all settings and stop.")
  var printRecipe = false

  @OptionGroup var processes: ProcessOptions

  @OptionGroup var common: CommonOptions

  var finishesSteps: Bool { true }

  func execute() async throws {
    let url = URL(fileURLWithPath: recipe)
    var settings = overrides
    settings += common.recipeSettings
    let loaded = try Recipe(try RecipeFile(contentsOf: url), overrides: settings)
    if printRecipe {
      try Output.result(loaded.resolved)
      return
    }
    let folder = out ?? "runs/\(url.deletingPathExtension().lastPathComponent)"
    try await processes.run(common) {
      try await RecipeRun.execute(
        loaded,
        folder: folder,
        restartFrom: restartFrom,
        common: common,
        command: "assay train \(recipe) --out \(folder)"
      )
    } follow: { stage in
      try await loaded.follow(RunFolder(finished: URL(fileURLWithPath: folder)), into: stage)
    }
  }
}

/// Runs a recipe and writes what it showed.
enum RecipeRun {
  /// - Parameters:
  ///   - recipe: What to run.
  ///   - folder: The run folder.
  ///   - restartFrom: The stage to redo.
  ///   - common: Options of the command.
  ///   - command: How the report says it was made.
  /// - Throws: What the recipe throws.
  static func execute(
    _ recipe: Recipe,
    folder: String,
    restartFrom: String?,
    common: CommonOptions,
    command: String
  ) async throws {
    let display = common.progress
    let run = try RunFolder(URL(fileURLWithPath: folder), restartingFrom: restartFrom)
    try await recipe.run(run) { display.handle($0) }
    guard let report = try RunReport(run: run, command: command) else {
      if !common.isQuiet { Output.error("done: \(folder)") }
      return
    }
    try run.write(try report.results.json(), to: "results.json")
    try run.write(Data(report.html.utf8), to: "report.html")
    try Output.result(
      common.isJSON
        ? String(decoding: try report.results.json(), as: UTF8.self) : report.text
    )
    if !common.isQuiet {
      Output.error("results: \(folder)/results.json, report: \(folder)/report.html")
    }
  }
}
