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

  @OptionGroup var common: CommonOptions

  func execute() async throws {
    let tokenizer = try ModelFiles.tokenizer(at: Self.place(model))
    let decoder = JSONDecoder()
    try InputLines.forEach(data) { number, line in
      guard let text = try? decoder.decode(String.self, from: line) else {
        throw TrainingLineError(file: data, line: number, expected: "a JSON string")
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

/// A line of input that is not what a command reads.
struct TrainingLineError: Error, CustomStringConvertible {
  let file: String
  let line: Int
  let expected: String

  var description: String {
    "\(file == "-" ? "standard input" : file):\(line): expected \(expected)"
  }
}

/// Lines of a file or of standard input.
enum InputLines {
  /// Calls a body with the 1-based number and the bytes of each line that is not blank.
  static func forEach(_ path: String, _ body: (Int, Data) throws -> Void) throws {
    let data: Data
    if path == "-" {
      data = FileHandle.standardInput.readDataToEndOfFile()
    } else {
      guard let read = try? Data(contentsOf: URL(fileURLWithPath: path)) else {
        throw DataError.notFound(path: path)
      }
      data = read
    }
    let lines = data.split(separator: 0x0a, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0d }) {
      try body(index + 1, Data(line))
    }
  }
}
