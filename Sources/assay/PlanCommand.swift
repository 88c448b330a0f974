import ArgumentParser
import AssayBase
import AssayRun
import AssayTrain
import Foundation

struct PlanCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Says what a recipe needs in memory, disk and time.",
    discussion: """
      Weights, gradients and moments are counted; activations and time are measured by steps of a model \
      that is as wide and has two and three layers. What cannot fit is refused, with the setting that would make it \
      fit; `train` says the same before it starts. The time is that of the training steps alone.
      """
  )

  @Argument(help: "The recipe, a YAML file.")
  var recipe: String

  @Option(name: .customLong("set"), help: "A setting that wins over the file, as a.b=value.")
  var overrides: [String] = []

  @Option(help: "The run folder, whose disk is looked at. Default: runs/ and the recipe's name.")
  var out: String?

  @Option(help: "Processes of this machine that are to train together. Default: 1.")
  var processes: Int?

  @Flag(help: "As `train` takes it.")
  var shardMoments = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    try Limit.check("--processes", processes, in: Limit.jobs)
    if shardMoments, (processes ?? 1) < 2 {
      throw ValidationError(
        "--shard-moments is for several processes; add --processes, or leave it out"
      )
    }
  }

  func execute() async throws {
    let url = URL(fileURLWithPath: recipe)
    let loaded = try Recipe(
      try RecipeFile(contentsOf: url),
      overrides: overrides + common.recipeSettings
    )
    let folder = out ?? "runs/\(url.deletingPathExtension().lastPathComponent)"
    let display = common.progress
    let plan = try loaded.plan(
      in: URL(fileURLWithPath: folder),
      processes: PlannedProcesses(count: processes ?? 1, sharesMoments: shardMoments)
    ) { display.handle($0) }
    if common.isJSON { try Output.json(plan) } else { try Output.result(plan.text) }
    if let refusal = plan.refusal { throw TrainingError.recipe(reason: refusal) }
  }
}
