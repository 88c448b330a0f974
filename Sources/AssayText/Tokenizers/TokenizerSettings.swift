import AssayBase
import Foundation

/// What stands beside a folder's tokenizer, as `transformers` takes it together.
///
/// Source: transformers 5.24.0, `PreTrainedTokenizerBase._from_pretrained` and
/// `AutoTokenizer.from_pretrained`.
enum TokenizerSettings {
  /// Reads `tokenizer_config.json`, and the special tokens of `special_tokens_map.json` where it lists no
  /// added tokens.
  ///
  /// - Parameter folder: The folder; both files may be absent.
  /// - Returns: The settings; null where there is nothing.
  /// - Throws: `TextError.malformedJSON`, or `inaccessible`.
  static func read(in folder: URL) throws -> JSONValue {
    let settings = try TextFile.json("tokenizer_config.json", in: folder)
    guard settings["added_tokens_decoder"] == nil else { return settings }
    let map = try TextFile.json("special_tokens_map.json", in: folder)
    return (map.members ?? []).filter { $0.key.hasSuffix("_token") }
      .reduce(settings) { $0.replacing($1.key, with: $1.value) }
  }

  /// Reads a folder's settings as above, with the special tokens that the tokenizer's class has where
  /// nothing is said of them.
  ///
  /// - Parameters:
  ///   - folder: The folder.
  ///   - tokenizer: The folder's tokenizer; tokens that it lacks are left out.
  /// - Returns: The settings; null where there is nothing.
  /// - Throws: `TextError.malformedJSON`, or `inaccessible`.
  static func read(
    in folder: URL,
    tokenizer: @autoclosure () -> (any Tokenizer)?
  ) throws -> JSONValue {
    let settings = try read(in: folder)
    let usual = className(settings, in: folder).flatMap { usualTokens[$0] } ?? [:]
    let silent = usual.filter { settings[$0.key + "_token"] == nil }
    guard !silent.isEmpty, let known = tokenizer() else { return settings }
    let special = Set(known.addedTokens.filter(\.isSpecial).map(\.content))
    return silent.sorted { $0.key < $1.key }.filter { special.contains($0.value) }
      .reduce(settings) { $0.replacing($1.key + "_token", with: .string($1.value)) }
  }

  /// The class that reads a folder's tokenizer, without `Fast`; `nil` for the one that takes files as they
  /// are.
  ///
  /// - Parameters:
  ///   - settings: The folder's.
  ///   - folder: The folder, whose `config.json` names the kind of model.
  /// - Returns: The name of the class.
  static func className(_ settings: JSONValue, in folder: URL) -> String? {
    // A damaged file is told of where the model is read.
    let model = (try? TextFile.json("config.json", in: folder))?["model_type"]?.string ?? ""
    let stated = settings["tokenizer_class"]?.string
    let registered = registeredClasses[model]
    var name = stated ?? registered ?? ""
    if let registered, registered == generic || model == "qwen2" { name = registered }
    if name.hasSuffix("Fast") { name.removeLast(4) }
    return ["", generic, "PreTrainedTokenizer", "PythonBackend"].contains(name) ? nil : name
  }

  private static let generic = "TokenizersBackend"

  /// Classes by the kind of model.
  ///
  /// The class for any file goes before what a folder says, and so does Qwen2's.
  ///
  /// Source: `TOKENIZER_MAPPING_NAMES` and `MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS`.
  private static let registeredClasses = [
    "deberta-v2": "DebertaV2Tokenizer", "gemma": "GemmaTokenizer", "gemma2": "GemmaTokenizer",
    "gemma3_text": "GemmaTokenizer", "granite": generic, "internlm2": generic,
    "mistral": generic, "mixtral": generic, "olmo2": generic, "phi3": generic,
    "qwen2": "Qwen2Tokenizer", "qwen3": "Qwen2Tokenizer", "qwen3_moe": "Qwen2Tokenizer",
  ]

  private static let end = "<|endoftext|>"
  private static let llama = ["unk": "<unk>", "bos": "<s>", "eos": "</s>"]

  /// The special tokens of classes: the defaults of their initializers.
  private static let usualTokens: [String: [String: String]] = [
    "LlamaTokenizer": llama, "CodeLlamaTokenizer": llama,
    "GemmaTokenizer": [
      "unk": "<unk>", "bos": "<bos>", "eos": "<eos>", "pad": "<pad>", "mask": "<mask>",
    ],
    "Qwen2Tokenizer": ["unk": end, "eos": end, "pad": end],
    "GPT2Tokenizer": ["unk": end, "bos": end, "eos": end],
    "GPTNeoXTokenizer": ["unk": end, "bos": end, "eos": end, "pad": "<|padding|>"],
    "DebertaV2Tokenizer": [
      "bos": "[CLS]", "eos": "[SEP]", "unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]",
      "cls": "[CLS]", "mask": "[MASK]",
    ],
  ]
}
