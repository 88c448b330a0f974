import ArgumentParser
import AssayBase
import AssayRun
import AssayTrain
import Foundation

struct DemoCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "From nothing to a critiquing reward model: what a critique buys, in minutes.",
    discussion: """
      Makes the Playground's data, a tokenizer and a base model, then trains a classic and a CLoud \
      reward model from that same base and compares them. Interrupted, it continues.
      """
  )

  @Option(help: "The run folder.")
  var out = "demo"

  @Option(name: .customLong("set"), help: "A setting of the recipe, as a.b=value.")
  var overrides: [String] = []

  @OptionGroup var common: CommonOptions

  func execute() async throws {
    var settings = overrides
    settings += common.recipeSettings
    let file = try RecipeFile(text: Recipe.demo, name: "the demo's recipe")
    let recipe = try Recipe(file, overrides: settings)
    try await RecipeRun.execute(
      recipe,
      folder: out,
      restartFrom: nil,
      common: common,
      command: "assay demo --out \(out)"
    )
  }
}
