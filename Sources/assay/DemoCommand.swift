import ArgumentParser
import AssayRun
import AssayStudy
import AssayTrain
import Foundation

struct DemoCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "From nothing to a critiquing reward model: what a critique buys, in minutes.",
    discussion: """
      Makes the Playground's data, a tokenizer and a base model, then trains a classic and a CLoud \
      reward model from that same base and compares them: `assay compare` of two methods, whose \
      models are in models/. Interrupted, it continues.
      """
  )

  @Option(help: "The folder.")
  var out = "demo"

  @Option(name: .customLong("set"), help: "A setting of the specification, as a.b=value.")
  var overrides: [String] = []

  @OptionGroup var common: CommonOptions

  var finishesSteps: Bool { true }

  func execute() async throws {
    // One seed for the world and for both methods.
    let seeds = common.seedNumber.map { ["seeds=[\($0)]"] } ?? []
    let recipe = try StudyRecipe(
      try RecipeFile(text: Demo.specification, name: "the demo's specification"),
      overrides: seeds + common.recipeSettings + overrides
    )
    let folder = URL(fileURLWithPath: out)
    let display = common.progress
    let study = try await recipe.run(folder) { display.handle($0) }
    let report = try ComparisonReport(study, folder: folder, command: "assay demo --out \(out)")
    try common.show(report, in: folder)
  }
}

extension CommonOptions {
  /// Writes the report of a study into its folder and prints it.
  func show(_ report: ComparisonReport, in folder: URL) throws {
    try report.write(to: folder)
    if isJSON {
      try Output.result(String(decoding: report.results.json().dropLast(), as: UTF8.self))
    } else {
      try Output.result(report.text)
    }
    if !isQuiet {
      Output.error("results: \(folder.path)/results.json, report: \(folder.path)/report.html")
    }
  }
}
