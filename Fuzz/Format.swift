import AssayBase
import AssayModel
import AssayRun
import AssayTensor
import AssayText
import AssayTrain
import Foundation

/// A format that the tool reads, and what reads it.
struct Format {
  /// The name on the command line.
  let name: String
  /// What inputs are made from, below the checkout.
  let seeds: (_ checkout: URL) throws -> [[UInt8]]
  /// Whether inputs are text, in which numbers and marks are changed too.
  let isText: Bool
  /// How the name of the input's file ends, where that matters.
  var ending = ""
  /// Reads an input, which lies in a file too.
  let read: (_ bytes: [UInt8], _ file: URL) throws -> Void

  /// All formats.
  static var all: [Format] {
    [
      Format(name: "json", seeds: files(text, ".json"), isText: true) { bytes, _ in
        _ = try JSONValue(parsing: bytes)
      },
      Format(name: "tokenizer", seeds: files(text, ".tokenizer.json"), isText: true) { bytes, _ in
        let tokenizer = try TokenizerFile.read(json: bytes)
        let ids = tokenizer.encode("It's 3.14 <s> caf\u{E9} \u{4F60}\u{597D}\n\n  x")
        _ = tokenizer.decode(ids, skipSpecialTokens: false)
      },
      Format(
        name: "sentencepiece",
        seeds: files(text, ".tokenizer.model"),
        isText: false,
        ending: ".model"
      ) {
        _,
        file in
        _ = try TokenizerFile.read(file).encode("It's 3.14 caf\u{E9}")
      },
      Format(name: "template", seeds: templates, isText: true) { bytes, _ in
        let messages: [JSONValue] = [
          ["role": "system", "content": "Be brief."], ["role": "user", "content": "2 + 3?"],
          ["role": "assistant", "content": "5"],
        ]
        _ = try JinjaTemplate(String(decoding: bytes, as: UTF8.self)).render(
          .init(messages: messages, addsGenerationPrompt: true, specialTokens: ["bos_token": "<s>"])
        )
      },
      Format(name: "safetensors", seeds: files(model, "model.safetensors"), isText: false) {
        _,
        file in
        try readAll(SafetensorsFile(file))
      },
      Format(name: "gguf", seeds: files(model, ".gguf"), isText: false) { _, file in
        try readAll(GGUFFile(file))
      },
      Format(name: "pytorch", seeds: files(tensor, ".pt"), isText: false) { _, file in
        try readAll(PyTorchFile(file))
      },
      Format(name: "config", seeds: files(model, "config.json"), isText: true) { _, file in
        _ = try ModelConfiguration(contentsOf: file)
      },
      Format(name: "recipe", seeds: files("Recipes", ".yaml"), isText: true) { bytes, _ in
        let file = try RecipeFile(text: String(decoding: bytes, as: UTF8.self), name: "recipe")
        _ = try Recipe(file)
      },
    ] + written
  }

  private static let text = "Tests/AssayTextTests/Fixtures"
  private static let model = "Tests/AssayModelTests/Fixtures"
  private static let tensor = "Tests/AssayTensorTests/Fixtures"

  private static func readAll(_ source: some WeightsSource) throws {
    for name in source.names { _ = try source.tensor(named: name) }
  }

  /// The files with an ending below a folder, smallest first, without those above 256 KiB.
  static func files(_ folder: String, _ ending: String) -> (URL) throws -> [[UInt8]] {
    { checkout in
      let folder = checkout.appendingPathComponent(folder)
      let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
      return try names.sorted().filter { $0.hasSuffix(ending) }
        .map { Array(try Data(contentsOf: folder.appendingPathComponent($0))) }
        .filter { $0.count <= 1 << 18 }
        .sorted { $0.count < $1.count }
    }
  }

  /// The templates that the tests render.
  private static func templates(_ checkout: URL) throws -> [[UInt8]] {
    let file = checkout.appendingPathComponent(text + "/chat-templates.json")
    let document = try JSONValue(parsing: Array(try Data(contentsOf: file)))
    return (document["templates"]?.members ?? []).compactMap {
      $0.value.string.map { Array($0.utf8) }
    }
  }
}
