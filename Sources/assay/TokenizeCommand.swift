import ArgumentParser
import AssayData
import AssayModel
import AssayText
import Foundation

struct TokenizeCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Reads lines of JSON strings and writes a JSON list of token ids a line.",
    discussion: "Spellings of special tokens are read as such; nothing is added."
  )

  @Option(
    help: """
      A model folder, a run folder, a GGUF file, a folder with a tokenizer only, a tokenizer.json, or a \
      tokenizer.model of SentencePiece.
      """
  )
  var model: String

  @Option(help: "The lines; - is standard input.")
  var data = "-"

  @OptionGroup var problems: ProblemOptions
  @OptionGroup var common: CommonOptions

  func execute() async throws {
    let tokenizer = try ModelFiles.tokenizer(at: Self.place(model))
    let decoder = JSONDecoder()
    try InputLines.forEach(data, problems) { line in
      guard let text = try? decoder.decode(String.self, from: line) else {
        throw LineProblem(kind: .wrongType, detail: "expected a JSON string")
      }
      try Output.result("[" + tokenizer.encode(text).map(String.init).joined(separator: ", ") + "]")
    }
  }
}

extension TokenizeCommand {
  /// Where the tokenizer is: the file or folder itself, else a run folder's last finished model.
  private static func place(_ path: String) throws -> URL {
    let url = URL(fileURLWithPath: path)
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
    if exists, !isFolder.boolValue || TokenizerFile.isPresent(in: url) { return url }
    return try ModelPath.folder(path)
  }
}
