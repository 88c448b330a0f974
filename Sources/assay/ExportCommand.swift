import ArgumentParser
import AssayModel
import Foundation

struct ExportCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a model in another layout and prints where it is.",
    discussion: """
      full is a folder in the Hugging Face layout, into which an adapter is merged; merged the same of \
      an adapter alone; adapter what PEFT reads; gguf-f16 and gguf-q8_0 one file that llama.cpp loads, \
      with the reward head and the manifest in its metadata. Tokenizer and chat template go along, and \
      golden texts with their scores, which every command checks when it loads a model: what was written \
      is loaded again, and is refused where it scores otherwise than rounding explains.
      """
  )

  @Option(help: "A model folder, a GGUF file, a run folder, or owner/name in the hub's cache.")
  var model: String

  @Option(help: "A folder that is new or empty; for GGUF also the file, which ends in .gguf.")
  var out: String

  @Option(help: "full, merged, adapter, gguf-f16 or gguf-q8_0. Default: full.")
  var layout = ModelExport.Layout.full

  @OptionGroup var common: CommonOptions

  /// What `--json` prints.
  private struct Result: Encodable {
    var path: String
    var layout: String
    var golden: Int
    var goldenDifference: Double?
  }

  func validate() throws {
    guard common.computeType == nil || layout == .full || layout == .merged else {
      throw ValidationError("--dtype, the type of stored weights, belongs to full and merged")
    }
  }

  func execute() async throws {
    let export = ModelExport(
      try ModelPath.folder(model),
      to: URL(fileURLWithPath: out),
      layout: layout
    )
    let result = try export.run(dtype: common.computeType == nil ? nil : common.dtype)
    if common.isJSON {
      return try Output.json(
        Result(
          path: result.url.path,
          layout: layout.rawValue,
          golden: result.goldenCount,
          goldenDifference: result.goldenDifference
        )
      )
    }
    if let difference = result.goldenDifference, !common.isQuiet {
      Output.error(
        "\(result.goldenCount) golden scores, at most \(difference) off those before"
      )
    }
    try Output.result(result.url.path)
  }
}

extension ModelExport.Layout: ExpressibleByArgument {}
