import ArgumentParser
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import Foundation

struct InspectCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Says what a model is."
  )

  @Argument(help: "A model folder or a run folder.")
  var model: String

  @OptionGroup var heads: HeadOptions
  @OptionGroup var common: CommonOptions

  func execute() async throws {
    let folder = try ModelPath.folder(model)
    let loaded = try Model.load(
      folder,
      device: .cpu,
      choice: heads.choice,
      question: heads.question
    )
    let description = try InspectedModel(loaded, path: folder.path, card: KeptCard(of: folder))
    if common.isJSON { return try Output.json(description) }
    try Output.result(description.text(head: loaded.head?.descriptor))
  }
}
