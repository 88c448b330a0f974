import AssayText
import Foundation

/// Small tokenizers that our trainer makes, one for each chat template.
///
/// `ASSAY_RECORD=FOLDER swift test --filter writesOwnModels` writes them, and
/// `Scripts/record_tokenizer_cases.py --own FOLDER` records what `tokenizers` and `transformers`
/// make of them.
enum OwnModels {
  static let templates = [
    "assay": ChatTemplate.assay,
    "llama-3": .llama3,
    "chatml": .chatML(defaultSystem: ChatTemplate.qwen2DefaultSystem),
    "chatml-bare": .chatML(),
  ]

  static func template(_ name: String) throws -> ChatTemplate {
    guard let template = templates[name] else { throw CocoaError(.fileNoSuchFile) }
    return template
  }

  static func train(_ name: String) throws -> any Tokenizer {
    let template = try template(name)
    var special = name == "assay" ? ChatTemplate.assaySpecialTokens : template.specialTokens
    if let padding = template.padding, !special.contains(padding) { special.append(padding) }
    var trainer = BPETrainer(vocabularySize: 320, specialTokens: special)
    trainer.pattern = name == "llama-3" ? .llama3 : .qwen2
    trainer.composes = name == "chatml"
    return try trainer.train([
      "How many apples? The answer is 34.\n\nYou are a helpful assistant.\nHow many? 34\n\n",
      "user\n\nassistant\n\nsystem\n\nThe answer is 12 + 34 = 46.\n\nDone. How many apples?\n\n",
    ])
  }

  static func write(_ name: String, to folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try train(name).save(to: folder)
    try TokenizerConfiguration.save(to: folder, template: template(name), contextTokens: 1024)
  }
}
