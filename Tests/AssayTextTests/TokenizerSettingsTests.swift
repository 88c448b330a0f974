import AssayBase
import AssayText
import Foundation
import Testing

/// What stands beside a vocabulary, with values of transformers 5.24.0 and `tokenizers` 0.23.3.
@Suite struct TokenizerSettingsTests {
  /// Runs a test with a folder of SentencePiece's file and some JSON files.
  private func withFolder<Result>(
    _ files: [String: JSONValue],
    _ body: (URL) throws -> Result
  ) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(Fixture.bytes("spm-bpe.tokenizer.model"))
      .write(to: folder.appendingPathComponent("tokenizer.model"))
    for (name, document) in files {
      try Data(document.compact.utf8).write(to: folder.appendingPathComponent(name))
    }
    return try body(folder)
  }

  private static let hello: [Int32] = [340, 307, 315, 315, 314]
  private static let each: [Int32] = [1, 306] + hello + [2, 295]
  private static let spaced: [Int32] = [306] + hello
  private static let doubled: [Int32] = [306, 306] + hello
  private static let first: [Int32] = [1] + hello + [2, 267, 268, 260]

  /// Settings, the kind of model, and the ids of `<s>Hello</s>apples` and of ` Hello`.
  static let marks: [(JSONValue, JSONValue, [Int32], [Int32])] = [
    (["tokenizer_class": "LlamaTokenizer", "legacy": true], "llama", each, spaced),
    (["tokenizer_class": "LlamaTokenizer", "legacy": false], "llama", first, spaced),
    (["tokenizer_class": "LlamaTokenizer", "legacy": nil], "llama", first, spaced),
    (["tokenizer_class": "LlamaTokenizerFast"], "smollm3", first, spaced),
    // The class for any file has another default, and a mark beside every space.
    (["tokenizer_class": "LlamaTokenizer"], "mistral", each, doubled),
    (["tokenizer_class": "LlamaTokenizer", "legacy": nil], "phi3", first, spaced),
    (["tokenizer_class": "PreTrainedTokenizerFast"], "llama", each, doubled),
    (["tokenizer_class": "PreTrainedTokenizerFast", "legacy": false], "llama", first, spaced),
  ]

  @Test("puts the mark for spaces where transformers does", arguments: marks)
  func puts(settings: JSONValue, model: JSONValue, turns: [Int32], spaced: [Int32]) throws {
    let files: [String: JSONValue] = [
      "tokenizer_config.json": settings, "config.json": ["model_type": model],
    ]
    let tokenizer = try withFolder(files) { try TokenizerFile.read($0) }
    #expect(tokenizer.encode("<s>Hello</s>apples") == turns)
    #expect(tokenizer.encode(" Hello") == spaced)
    #expect(tokenizer.decode(Self.spaced, skipSpecialTokens: false) == "Hello")
  }

  @Test("without `add_prefix_space` a Llama's texts have no mark")
  func putsNone() throws {
    let settings: JSONValue = ["tokenizer_class": "LlamaTokenizer", "add_prefix_space": false]
    let tokenizer = try withFolder(["tokenizer_config.json": settings]) {
      try TokenizerFile.read($0)
    }
    let ids: [Int32] = Self.hello + [306, 0, 261, 330, 314]
    #expect(tokenizer.encode("Hello <unk> two") == ids)
    #expect(tokenizer.decode(Self.spaced, skipSpecialTokens: false) == " Hello")
  }

  private static let llama: JSONValue = ["tokenizer_class": "LlamaTokenizer"]
  private static let ended = llama.replacing("eos_token", with: "</s>")
  private static let listed: JSONValue = ["2": ["content": "</s>", "special": true]]

  /// Settings, `special_tokens_map.json`, and the text of a template that reads two tokens.
  static let tokens: [(JSONValue, JSONValue, String)] = [
    (llama, [:], "<s>Q</s>"),
    (llama.replacing("bos_token", with: .null), [:], "Q</s>"),
    (llama, ["eos_token": ["content": "<unk>", "lstrip": false]], "<s>Q<unk>"),
    (ended, ["eos_token": "<unk>"], "<s>Q<unk>"),
    (
      ended.replacing("added_tokens_decoder", with: listed), ["eos_token": "<unk>"], "<s>Q</s>"
    ),
    (llama.replacing("bos_token", with: "<unk>"), ["bos_token": nil], "Q</s>"),
    (
      ["tokenizer_class": "PreTrainedTokenizerFast"],
      ["bos_token": "<unk>", "eos_token": "</s>"], "<unk>Q</s>"
    ),
  ]

  @Test("knows special tokens from each place that transformers reads", arguments: tokens)
  func knows(settings: JSONValue, map: JSONValue, text: String) throws {
    let jinja: JSONValue = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"
    let files: [String: JSONValue] = [
      "tokenizer_config.json": settings.replacing("chat_template", with: jinja),
      "special_tokens_map.json": map,
    ]
    try withFolder(files) { folder in
      let turns = [Message.user("Q")]
      let program = try #require(try TokenizerConfiguration.program(in: folder))
      #expect(try program.render(turns, addsGenerationPrompt: false).text == text)
      let tokenizer = try TokenizerFile.read(folder)
      let found = try TokenizerConfiguration.detect(folder: folder, tokenizer: tokenizer)
      #expect(found.template.program?.specialTokens == program.specialTokens)
    }
  }

  @Test("a class's tokens that the vocabulary does not have as special ones are left out")
  func leavesOut() throws {
    let settings: JSONValue = [
      "tokenizer_class": "GPT2Tokenizer", "chat_template": "{{ bos_token }}",
    ]
    let program = try withFolder(["tokenizer_config.json": settings]) {
      try TokenizerConfiguration.program(in: $0)
    }
    #expect(program?.specialTokens.isEmpty == true)
  }
}
