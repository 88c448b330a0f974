import ArgumentParser
import AssayBase
import AssayData
import AssayText
import Foundation

struct RenderCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "render",
    abstract: "Applies a chat template to conversations and writes a JSON string a line.",
    discussion: """
      Rows are {"messages": [...], "tools": [...], "documents": [...], "bos_token": "...", ...}; other \
      keys are variables of the template. The text is what transformers' apply_chat_template gives.
      """
  )

  @Option(
    help: """
      A model folder or a run folder, whose own chat template is applied. \
      Default: none, see --template.
      """
  )
  var model: String?

  @Option(
    help: """
      A file that holds a chat template in Jinja, in place of a model's. \
      Default: none, see --model.
      """
  )
  var template: String?

  @Option(help: "The conversations; - is standard input.")
  var data = "-"

  @Flag(help: "Open the assistant's turn at the end, unless a row has add_generation_prompt.")
  var addGenerationPrompt = false

  @OptionGroup var problems: ProblemOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (model == nil) != (template == nil) else {
      throw ValidationError("give --model or --template, and not both")
    }
  }

  func execute() async throws {
    let program = try program()
    let template = try JinjaTemplate(program.source)
    try InputLines.forEach(data, problems) { line in
      guard let row = try? JSONValue(parsing: Array(line)),
        let input = JinjaTemplate.Input(
          row: row,
          specialTokens: program.specialTokens,
          addsGenerationPrompt: addGenerationPrompt
        )
      else {
        throw LineProblem(kind: .wrongType, detail: "expected a JSON object with messages")
      }
      let text: String
      do { text = try template.render(input).text } catch let error as JinjaError {
        throw LineProblem(kind: .badConversation, detail: "\(error)")
      }
      try Output.result(JSONValue.string(text).compact)
    }
  }

  private func program() throws -> ChatProgram {
    if let template {
      let source = try TextFile.read(URL(fileURLWithPath: template))
      return try ChatProgram(source: String(decoding: source, as: UTF8.self), specialTokens: [:])
    }
    let folder = try ModelPath.folder(model ?? "")
    guard let program = try TokenizerConfiguration.program(in: folder) else {
      throw TextError.notFound(path: folder.appendingPathComponent("chat_template.jinja").path)
    }
    return program
  }
}
