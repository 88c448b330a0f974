import AssayBase
import Foundation

// The steps around the model of a tokenizer file.

extension TokenizerReader {
  /// Refuses a sequence in a sequence, which no tokenizer needs and hostile files nest.
  private func nested<Result>(
    _ value: JSONValue,
    _ part: String,
    _ read: (JSONValue) throws -> Result
  ) throws -> Result {
    if value["type"] == .string("Sequence") {
      throw unsupported(part, "Sequence within a Sequence", "a flat Sequence")
    }
    return try read(value)
  }

  // MARK: Normalizer

  /// Reads the chain that rewrites text.
  func normalizerSteps(_ value: JSONValue?) throws -> [Normalizer.Step] {
    guard let value, !value.isNull else { return [] }
    guard value["type"]?.string == "Sequence" else { return [try normalizerStep(value)] }
    guard let steps = value["normalizers"]?.array else {
      throw invalid("normalizer", "a list of normalizers", value.compact)
    }
    return try steps.map { try nested($0, "normalizer", normalizerStep) }
  }

  private func normalizerStep(_ value: JSONValue) throws -> Normalizer.Step {
    switch value["type"]?.string {
    case "NFC": return .composed
    case "NFD": return .decomposed
    case "NFKC": return .compatibilityComposed
    case "NFKD": return .compatibilityDecomposed
    case "Lowercase": return .lowercased
    case "StripAccents": return .withoutAccents
    case "Nmt": return .withoutControls
    case "BertNormalizer":
      let lowercases = try flag(value, "lowercase", default: true)
      return .bert(
        BertCleaning(
          cleansText: try flag(value, "clean_text", default: true),
          separatesChinese: try flag(value, "handle_chinese_chars", default: true),
          stripsAccents: try flag(value, "strip_accents", default: lowercases),
          lowercases: lowercases
        )
      )
    case "Strip":
      return .stripped(
        left: try flag(value, "strip_left", default: true),
        right: try flag(value, "strip_right", default: true)
      )
    case "Prepend": return .prepended(Array(try string(value, "prepend").utf8))
    case "Replace":
      return .replaced(
        try matcher(value["pattern"], "Replace pattern"),
        by: Array(try string(value, "content").utf8)
      )
    case "Precompiled":
      guard let blob = Data(base64Encoded: try string(value, "precompiled_charsmap")),
        let map = CharacterMap(Array(blob))
      else { throw invalid("precompiled_charsmap", "a map of SentencePiece", "something else") }
      return .mapped(map)
    case let type:
      throw unsupported(
        "normalizer",
        type,
        "BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, "
          + "Strip, StripAccents"
      )
    }
  }

  private func string(_ value: JSONValue, _ key: String) throws -> String {
    guard let text = value[key]?.string else {
      throw invalid(key, "a text", value[key]?.kind ?? "nothing")
    }
    return text
  }

  // MARK: Decoder, post-processor

  /// Reads the chain that turns tokens into text.
  func decoder(_ value: JSONValue?, isByteLevel: Bool) throws -> TokenDecoder.Kind {
    var steps = [value ?? .null]
    if value?["type"]?.string == "Sequence" {
      guard let list = value?["decoders"]?.array else {
        throw invalid("decoder", "a list of decoders", value?.compact ?? "nothing")
      }
      steps = list
    }
    let types = steps.map { $0["type"]?.string }
    if isByteLevel {
      guard types == ["ByteLevel"] else {
        throw unsupported("decoder", types.first ?? nil, "ByteLevel alone for a model of bytes")
      }
      return .byteLevel
    }
    guard value?.isNull == false else { return .spaced }
    return .steps(try steps.map { try nested($0, "decoder", decoderStep) })
  }

  private func decoderStep(_ value: JSONValue) throws -> TokenDecoder.Step {
    func number(_ key: String) throws -> Int {
      guard let number = value[key]?.int, number >= 0 else {
        throw invalid(key, "a number from 0", value[key]?.compact ?? "nothing")
      }
      return number
    }
    switch value["type"]?.string {
    case "ByteFallback": return .byteFallback
    case "Fuse": return .fuse
    case "Strip":
      let content = Array(try string(value, "content").utf8)
      guard !content.isEmpty else { throw invalid("content", "a character", "an empty text") }
      return .strip(content: content, start: try number("start"), stop: try number("stop"))
    case "Replace":
      return .replace(
        try matcher(value["pattern"], "Replace pattern"),
        by: Array(try string(value, "content").utf8)
      )
    case "Metaspace":
      let metaspace = try metaspace(value)
      return .metaspace(metaspace.replacement, dropsFirst: metaspace.prefix != .never)
    case "WordPiece":
      return .wordPiece(
        prefix: Array((value["prefix"]?.string ?? "##").utf8),
        cleansUp: try flag(value, "cleanup", default: true)
      )
    case "ByteLevel":
      throw TextError.unsupported(
        piece: "decoder ByteLevel without a pre_tokenizer ByteLevel",
        supported: "both or none"
      )
    case let type:
      throw unsupported(
        "decoder",
        type,
        "ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Sequence, Strip, WordPiece"
      )
    }
  }

  /// Refuses a post-processor that is none; what it adds is added by chat templates.
  func checkPostProcessor(_ value: JSONValue?) throws {
    guard let value, !value.isNull else { return }
    let known = ["ByteLevel", "TemplateProcessing", "RobertaProcessing", "BertProcessing"]
    let type = value["type"]?.string
    if type == "Sequence", let steps = value["processors"]?.array {
      for step in steps { try nested(step, "post_processor", checkPostProcessor) }
    } else if !known.contains(type ?? "") {
      throw unsupported("post_processor", type, (known + ["Sequence"]).joined(separator: ", "))
    }
  }

  // MARK: Pre-tokenizer

  /// Reads the chain that cuts text into words.
  func preTokenizerSteps(_ value: JSONValue?) throws -> [PreTokenizer.Step] {
    guard let value, !value.isNull else { return [] }
    guard value["type"]?.string == "Sequence" else { return [try preTokenizerStep(value)] }
    guard let list = value["pretokenizers"]?.array else {
      throw invalid("pre_tokenizer", "a list of pretokenizers", value.compact)
    }
    return try list.map { try nested($0, "pre_tokenizer", preTokenizerStep) }
  }

  /// Whether words come in bytes: a ByteLevel step spells them in its alphabet.
  func checkByteLevel(_ steps: [PreTokenizer.Step]) throws -> Bool {
    let places = steps.indices.filter { if case .byteLevel = steps[$0] { true } else { false } }
    // Behind ByteLevel the text is spelt in its alphabet, which these steps do not see.
    guard places.allSatisfy({ $0 == steps.count - 1 }) else {
      throw TextError.unsupported(
        piece: "a pre_tokenizer step behind ByteLevel",
        supported: "one ByteLevel as the last step"
      )
    }
    return !places.isEmpty
  }

  private func preTokenizerStep(_ value: JSONValue) throws -> PreTokenizer.Step {
    switch value["type"]?.string {
    case "ByteLevel":
      return .byteLevel(
        addsPrefixSpace: try flag(value, "add_prefix_space", default: true),
        usesPattern: try flag(value, "use_regex", default: true)
      )
    case "Digits":
      return .digits(individually: try flag(value, "individual_digits"))
    case "Split":
      return .split(
        try matcher(value["pattern"], "Split pattern"),
        try behavior(value),
        invert: try flag(value, "invert")
      )
    case "CharDelimiterSplit":
      guard let delimiter = value["delimiter"]?.string, !delimiter.isEmpty else {
        throw invalid("delimiter", "a character", value["delimiter"]?.compact ?? "nothing")
      }
      return .split(.literal(Array(delimiter.utf8)), .removed, invert: false)
    case "Metaspace": return .metaspace(try metaspace(value))
    case "Punctuation": return .punctuation(try behavior(value, default: .isolated))
    case "WhitespaceSplit": return .words(.all)
    case "Whitespace": return .words(.classes)
    case "BertPreTokenizer": return .words(.bert)
    case let type:
      throw unsupported(
        "pre_tokenizer",
        type,
        "BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Sequence, "
          + "Split, Whitespace, WhitespaceSplit"
      )
    }
  }

  private func behavior(
    _ value: JSONValue,
    default usual: PreTokenizer.Behavior? = nil
  ) throws -> PreTokenizer.Behavior {
    if value["behavior"] == nil, let usual { return usual }
    guard let found = value["behavior"]?.string.flatMap({ PreTokenizer.Behavior(rawValue: $0) })
    else {
      throw unsupported(
        "behavior",
        value["behavior"]?.string,
        PreTokenizer.Behavior.allCases.map(\.rawValue).joined(separator: ", ")
      )
    }
    return found
  }

  private func metaspace(_ value: JSONValue) throws -> PreTokenizer.Metaspace {
    let mark = value["replacement"]?.string ?? "\u{2581}"
    guard mark.unicodeScalars.count == 1 else {
      throw invalid("replacement", "one character", "'\(mark)'")
    }
    // Older files say whether there is a prefix, newer ones where.
    var prefix = PreTokenizer.Metaspace.Prefix.always
    if let scheme = value["prepend_scheme"], !scheme.isNull {
      guard let known = scheme.string.flatMap({ PreTokenizer.Metaspace.Prefix(rawValue: $0) })
      else { throw unsupported("prepend_scheme", scheme.string, "always, first, never") }
      prefix = known
    } else if try !flag(value, "add_prefix_space", default: true) {
      prefix = .never
    }
    return PreTokenizer.Metaspace(
      replacement: Array(mark.utf8),
      prefix: prefix,
      splits: try flag(value, "split", default: true)
    )
  }

  private func matcher(_ value: JSONValue?, _ part: String) throws -> PreTokenizer.Matcher {
    if let literal = value?["String"]?.string {
      guard !literal.isEmpty else { throw invalid(part, "a text", "an empty one") }
      return .literal(Array(literal.utf8))
    }
    guard let expression = value?["Regex"]?.string else {
      throw invalid(part, "a Regex or a String", value?.compact ?? "nothing")
    }
    if let known = SplitPattern(expression: expression) { return .known(known) }
    do {
      return .expression(try SplitExpression.compile(expression))
    } catch {
      throw invalid(part, "a regular expression", "'\(expression)'")
    }
  }
}
