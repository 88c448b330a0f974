// What tokenizer_config.json adds to a vocabulary of SentencePiece that has no tokenizer.json.

import AssayBase

extension SentencePieceFile {
  /// Reads a file with the settings beside it.
  ///
  /// Tokens of `added_tokens_decoder` have the ids that it says, in place of what the file calls them;
  /// `add_bos_token` and `add_eos_token` say what other tools put around a text, `legacy` and
  /// `add_prefix_space` where the mark for spaces stands before one. A DeBERTa's vocabulary is
  /// used as its class uses it, with the special tokens that the vocabulary lacks behind it.
  ///
  /// Source: `tokenization_utils_tokenizers.py` and `tokenization_deberta_v2.py` of `transformers` 5.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - settings: The contents of `tokenizer_config.json`; null where there is none.
  ///   - className: The class that reads the file, as `TokenizerSettings` has it.
  ///   - isDeBERTa: Whether the file is named as a DeBERTa's is.
  /// - Returns: A `tokenizer.json` document.
  /// - Throws: `TextError` as `document(_:)`, and where an added token has no id or no content.
  static func document(
    _ bytes: [UInt8],
    settings: JSONValue,
    className: String?,
    isDeBERTa: Bool
  ) throws -> JSONValue {
    var file = try SentencePieceFile(bytes)
    let added = try addedTokens(settings["added_tokens_decoder"])
    for (id, row) in added where file.pieces.indices.contains(id) {
      file.pieces[id].text = row["content"]?.string ?? ""
    }
    var document = try file.document()
    let own = (document["added_tokens"]?.array ?? []).filter { row in
      row["id"]?.int.map { added[$0] == nil } ?? false
    }
    let stated = added.sorted { $0.key < $1.key }.map(\.value)
    document = document.replacing("added_tokens", with: .array(own + stated))
    guard isDeBERTa else {
      return try around(marked(document, settings, className)) { name, usual in
        try flag(settings, "add_\(name)_token") ? spelling(settings, name) ?? usual : nil
      }
    }
    return try deberta(document, settings, pieceCount: file.pieces.count)
  }

  private static func addedTokens(_ value: JSONValue?) throws -> [Int: JSONValue] {
    var tokens: [Int: JSONValue] = [:]
    for member in value?.members ?? [] {
      guard let id = Int(member.key), id >= 0, let content = member.value["content"]?.string else {
        throw TextError.invalidTokenizer(
          part: "added_tokens_decoder",
          expected: "ids, and objects with a content",
          actual: member.key.debugDescription
        )
      }
      tokens[id] = member.value.replacing("id", with: .number("\(id)"))
        .replacing("content", with: .string(content))
    }
    return tokens
  }

  private static func spelling(_ settings: JSONValue, _ name: String) -> String? {
    let value = settings[name + "_token"]
    return value?.string ?? value?["content"]?.string
  }

  private static func flag(
    _ settings: JSONValue,
    _ key: String,
    default usual: Bool = false
  ) throws -> Bool {
    guard let value = settings[key], !value.isNull else { return usual }
    guard let flag = value.bool else {
      throw TextError.invalidTokenizer(part: key, expected: "true or false", actual: value.kind)
    }
    return flag
  }

  /// The document with the mark for spaces before texts where the class that reads it puts one.
  ///
  /// The Llama's class lets `legacy` and `add_prefix_space` decide and leaves the file's normalizer out.
  /// Without a class `legacy` decides whether each stretch between special tokens has a mark or the first
  /// alone.
  ///
  /// Source: `tokenization_llama.py` and `build_tokenizer_from_spm_proto` of `transformers` 5.24.0.
  private static func marked(
    _ document: JSONValue,
    _ settings: JSONValue,
    _ className: String?
  ) throws -> JSONValue {
    func marks(_ scheme: String) -> JSONValue {
      [
        "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": .string(scheme),
        "split": false,
      ]
    }
    let isLlama = className == "LlamaTokenizer"
    // Null is false there, and nothing is what the class has.
    let isLegacy = try flag(settings, "legacy", default: settings["legacy"] == nil && !isLlama)
    if isLlama, document["model"]?["type"]?.string == "BPE" {
      let addsPrefix = try flag(settings, "add_prefix_space", default: true)
      let strip: [JSONValue] =
        addsPrefix ? [["type": "Strip", "content": " ", "start": 1, "stop": 0]] : []
      let decoders: [JSONValue] = [
        ["type": "Replace", "pattern": ["String": "\u{2581}"], "content": " "],
        ["type": "ByteFallback"], ["type": "Fuse"],
      ]
      let scheme = isLegacy ? "always" : "first"
      return
        document
        .replacing("normalizer", with: .null)
        .replacing("pre_tokenizer", with: marks(addsPrefix ? scheme : "never"))
        .replacing("decoder", with: ["type": "Sequence", "decoders": .array(decoders + strip)])
    }
    let steps = document["normalizer"]?["normalizers"]?.array ?? []
    let others = steps.filter { $0["type"]?.string != "Prepend" }
    guard className == nil, !isLegacy, others.count < steps.count else { return document }
    return
      document
      .replacing("normalizer", with: ["type": "Sequence", "normalizers": .array(others)])
      .replacing("pre_tokenizer", with: marks("first"))
  }

  /// A document whose post-processor puts tokens around texts.
  ///
  /// - Parameters:
  ///   - document: Of a tokenizer.
  ///   - token: The token to put at the beginning (`bos`) or the end (`eos`), of its usual spelling.
  /// - Returns: The document.
  /// - Throws: `TextError` where the vocabulary has no such special token, and what `token` throws.
  private static func around(
    _ document: JSONValue,
    token: (String, String) throws -> String?
  ) throws -> JSONValue {
    let text: JSONValue = ["Sequence": ["id": "A", "type_id": 0]]
    let second: JSONValue = ["Sequence": ["id": "B", "type_id": 1]]
    let (front, back) = (try token("bos", "<s>"), try token("eos", "</s>"))
    guard front != nil || back != nil else { return document }
    func part(_ spelling: String?, _ type: Int) -> [JSONValue] {
      spelling.map {
        [["SpecialToken": ["id": .string($0), "type_id": .number("\(type)")]]]
      } ?? []
    }
    let tokens = try Set([front, back].compactMap(\.self)).sorted().map { spelling in
      let row = document["added_tokens"]?.array?.first { $0["content"]?.string == spelling }
      guard let id = row?["id"] else {
        throw TextError.invalidTokenizer(
          part: "what stands around texts",
          expected: "special tokens of the vocabulary",
          actual: spelling
        )
      }
      return JSONMember(
        spelling,
        ["id": .string(spelling), "ids": [id], "tokens": [.string(spelling)]]
      )
    }
    let single = part(front, 0) + [text] + part(back, 0)
    return document.replacing(
      "post_processor",
      with: [
        "type": "TemplateProcessing", "single": .array(single),
        "pair": .array(single + part(front, 1) + [second] + part(back, 1)),
        "special_tokens": .object(tokens),
      ]
    )
  }

  // MARK: DeBERTa

  /// The vocabulary as DeBERTa's class uses it.
  private static func deberta(
    _ document: JSONValue,
    _ settings: JSONValue,
    pieceCount: Int
  ) throws -> JSONValue {
    var added = document["added_tokens"]?.array ?? []
    let usual = [
      ("bos", "[CLS]"), ("eos", "[SEP]"), ("unk", "[UNK]"), ("sep", "[SEP]"), ("pad", "[PAD]"),
      ("cls", "[CLS]"), ("mask", "[MASK]"),
    ]
    var next = max(pieceCount, (added.compactMap { $0["id"]?.int }.max() ?? -1) + 1)
    for spelling in usual.map({ Self.spelling(settings, $0) ?? $1 })
    where !added.contains(where: { $0["content"]?.string == spelling }) {
      added.append([
        "id": .number("\(next)"), "content": .string(spelling), "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false, "special": true,
      ])
      next += 1
    }
    let space = "\u{2581}"
    let marks: JSONValue = [
      "type": "Metaspace", "replacement": .string(space), "prepend_scheme": "always", "split": true,
    ]
    let punctuation: [JSONValue] =
      try flag(settings, "split_by_punct") ? [["type": "Punctuation", "behavior": "Isolated"]] : []
    let lowercase: [JSONValue] =
      try flag(settings, "do_lower_case") ? [["type": "Lowercase"]] : []
    let steps: [JSONValue] = [
      ["type": "Replace", "pattern": ["Regex": "\\s{2,}|[\\n\\r\\t]"], "content": " "],
      ["type": "NFC"], ["type": "Strip", "strip_left": false, "strip_right": true],
    ]
    let whole =
      document
      .replacing("added_tokens", with: .array(added))
      .replacing(
        "normalizer",
        with: ["type": "Sequence", "normalizers": .array(lowercase + steps)]
      )
      .replacing(
        "pre_tokenizer",
        with: ["type": "Sequence", "pretokenizers": .array(punctuation + [marks])]
      )
      .replacing("decoder", with: marks)
    return try around(whole) { name, _ in
      let name = name == "bos" ? "cls" : "sep"
      return Self.spelling(settings, name) ?? (name == "cls" ? "[CLS]" : "[SEP]")
    }
  }
}
