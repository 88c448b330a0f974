import AssayBase
import AssayTensor
import AssayText

extension GGUFModel {
  /// What a token is; raw values are the format's.
  enum TokenKind: Int {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// As pre-tokenizer and decoder.
  private static let byteLevel: JSONValue = [
    "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
  ]

  private static func addedToken(_ token: String, id: Int, isSpecial: Bool) -> JSONValue {
    [
      "id": .number("\(id)"), "content": .string(token), "single_word": false, "lstrip": false,
      "rstrip": false, "normalized": false, "special": .bool(isSpecial),
    ]
  }

  /// The kinds of splitting that are known by name, as `tokenizer.json` spells them.
  ///
  /// Source: llama.cpp, src/llama-vocab.cpp (names and expressions); the `tokenizer.json` of a model
  /// of each kind.
  static func preTokenizer(_ kind: String) -> JSONValue? {
    func split(_ expression: String) -> JSONValue {
      let step: JSONValue = [
        "type": "Split", "pattern": ["Regex": .string(expression)], "behavior": "Isolated",
        "invert": false,
      ]
      return [
        "type": "Sequence",
        "pretokenizers": [step, byteLevel.replacing("use_regex", with: false)],
      ]
    }
    switch kind {
    case "gpt-2", "phi-2": return byteLevel
    case "smollm", "starcoder", "refact", "command-r":
      return [
        "type": "Sequence",
        "pretokenizers": [["type": "Digits", "individual_digits": true], byteLevel],
      ]
    case "llama3", "llama-v3", "llama-bpe", "falcon3", "dbrx", "smaug-bpe":
      return split(SplitPattern.llama3.expression)
    case "qwen2", "deepseek-r1-qwen", "stablelm2": return split(SplitPattern.qwen2.expression)
    case "tekken": return split(tekken)
    default: return nil
    }
  }

  /// The kinds whose words are taken whole where the vocabulary has them.
  ///
  /// Source: llama.cpp, src/llama-vocab.cpp (`ignore_merges`).
  static let wholeWords: Set = ["llama3", "llama-v3", "llama-bpe", "falcon3", "tekken"]

  static let preTokenizerNames = [
    "gpt-2", "phi-2", "smollm", "starcoder", "refact", "command-r", "llama-bpe", "falcon3", "dbrx",
    "smaug-bpe", "qwen2", "deepseek-r1-qwen", "stablelm2", "tekken",
  ]

  /// Source: the `tokenizer.json` of Mistral's Tekken models.
  private static let tekken =
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"#
    + #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}|"#
    + #" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// The tokenizer.
  ///
  /// - Throws: As its document, and `TextError` for a vocabulary that is not valid.
  func tokenizer() throws -> any Tokenizer { try TokenizerFile.read(tokenizerDocument()) }

  /// The chat template, with the special tokens that it may name.
  ///
  /// - Parameter tokenizer: The file's tokenizer.
  /// - Returns: The template, and why it must not be used, if it must not.
  /// - Throws: `TensorError` for a key of another type.
  func chat(_ tokenizer: any Tokenizer) throws -> TokenizerConfiguration {
    try TokenizerConfiguration.detect(
      folder: file.url,
      tokenizer: tokenizer,
      document: tokenizerConfiguration()
    )
  }

  /// The tokenizer as a `tokenizer.json`.
  ///
  /// - Returns: The document.
  /// - Throws: `ModelError` or `TensorError` for a key that is missing or of a kind that is not read.
  private func tokenizerDocument() throws -> JSONValue {
    let kind = try file.text("tokenizer.ggml.model")
    if kind == "llama" { return try sentencePieceDocument() }
    guard kind == "gpt2" else {
      let name =
        kind.map { "\($0) is not read from GGUF files; gpt2 and llama are" } ?? "is missing"
      throw wrong("tokenizer.ggml.model", name)
    }
    let split = try file.text("tokenizer.ggml.pre")
    guard let split, let preTokenizer = Self.preTokenizer(split) else {
      let known = Self.preTokenizerNames.joined(separator: ", ")
      throw wrong(
        "tokenizer.ggml.pre",
        (split.map { "\($0) is not known" } ?? "is missing") + "; known are \(known)"
      )
    }
    let tokens = try texts("tokenizer.ggml.tokens")
    let merges = try texts("tokenizer.ggml.merges")
    let kinds = try each("tokenizer.ggml.token_type", of: tokens, file.integers)
    var (vocabulary, added): ([JSONMember], [JSONValue]) = ([], [])
    for (id, token) in tokens.enumerated() {
      let kind = kinds.isEmpty ? TokenKind.normal : TokenKind(rawValue: kinds[id])
      switch kind {
      case .normal, .byte: vocabulary.append(JSONMember(token, .number("\(id)")))
      case .unused: break  // a row of the embedding that no text gives
      case .unknown, .control, .userDefined:
        // Who reads the document elsewhere gives added tokens their ids by the vocabulary.
        vocabulary.append(JSONMember(token, .number("\(id)")))
        added.append(Self.addedToken(token, id: id, isSpecial: kind != .userDefined))
      case nil: throw wrong("tokenizer.ggml.token_type", "\(kinds[id]) is not a kind of token")
      }
    }
    let model: JSONValue = .object([
      JSONMember("type", "BPE"), JSONMember("dropout", .null), JSONMember("unk_token", .null),
      JSONMember("fuse_unk", false), JSONMember("byte_fallback", false),
      JSONMember("ignore_merges", .bool(Self.wholeWords.contains(split))),
      JSONMember("vocab", .object(vocabulary)),
      JSONMember("merges", .array(merges.map { .string($0) })),
    ])
    return .object([
      JSONMember("version", "1.0"), JSONMember("added_tokens", .array(added)),
      JSONMember("normalizer", .null), JSONMember("pre_tokenizer", preTokenizer),
      JSONMember("post_processor", .null), JSONMember("decoder", Self.byteLevel),
      JSONMember("model", model),
    ])
  }

  /// SentencePiece's vocabulary as a `tokenizer.json`.
  ///
  /// Ids that no text gives are left out of it.
  ///
  /// Source: llama.cpp, src/llama-vocab.cpp (`LLAMA_VOCAB_TYPE_SPM`).
  private func sentencePieceDocument() throws -> JSONValue {
    let tokens = try texts("tokenizer.ggml.tokens")
    let scores = try each("tokenizer.ggml.scores", of: tokens, file.numbers)
    let kinds = try each("tokenizer.ggml.token_type", of: tokens, file.integers)
    guard scores.count == tokens.count else { throw wrong("tokenizer.ggml.scores", "is missing") }
    let document = try SentencePieceFile.document(
      pieces: tokens.indices.map { (tokens[$0], scores[$0], kinds.isEmpty ? 1 : kinds[$0]) },
      addsPrefix: try file.flag("tokenizer.ggml.add_space_prefix") ?? true
    )
    let name = try file.text("general.name")?.lowercased() ?? ""
    return name.contains("phi-3") || name.contains("phi3") ? Self.phi3(document) : document
  }

  /// The tokenizer of Phi-3, whose special tokens take the white space behind them; the format does not say it.
  ///
  /// Source: llama.cpp, src/llama-vocab.cpp (`LLAMA_TOKEN_ATTR_RSTRIP`, by `general.name`).
  private static func phi3(_ document: JSONValue) -> JSONValue {
    let added = (document["added_tokens"]?.array ?? []).map { token in
      let takesNone = ["<unk>", "<s>", "<|endoftext|>"].contains(token["content"]?.string)
      return takesNone ? token : token.replacing("rstrip", with: true)
    }
    return document.replacing("added_tokens", with: .array(added))
  }

  /// A list with a value for each token; empty where there is none.
  private func each<Value>(
    _ key: String,
    of tokens: [String],
    _ read: (String) throws -> [Value]?
  ) throws -> [Value] {
    let values = try read(key) ?? []
    guard values.isEmpty || values.count == tokens.count else {
      throw wrong(key, "has \(values.count) values for \(tokens.count) tokens")
    }
    return values
  }

  private func texts(_ key: String) throws -> [String] {
    guard let texts = try file.texts(key) else { throw wrong(key, "is missing") }
    return texts
  }

  /// Special tokens and the chat template as a `tokenizer_config.json`.
  ///
  /// - Returns: The document.
  /// - Throws: `TensorError` for a key of another type.
  private func tokenizerConfiguration() throws -> JSONValue {
    let tokens = try texts("tokenizer.ggml.tokens")
    var members: [JSONMember] = []
    for (key, name) in [
      ("bos", "bos"), ("eos", "eos"), ("unknown", "unk"), ("seperator", "sep"), ("padding", "pad"),
    ] {
      guard let id = try file.integer("tokenizer.ggml.\(key)_token_id"), tokens.indices ~= id else {
        continue
      }
      members.append(JSONMember(name + "_token", .string(tokens[id])))
    }
    if let template = try file.text("tokenizer.chat_template") {
      members.append(JSONMember("chat_template", .string(template)))
    }
    return .object(members)
  }
}
