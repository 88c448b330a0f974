import AssayBase
import AssayTensor
import AssayText
import Foundation

/// Tokenizers in GGUF files: BPE of bytes by the name of its pre-tokenizer, and SentencePiece's.
extension GGUFExport {
  /// The tokenizer, its special tokens and the chat template.
  ///
  /// - Returns: Metadata.
  /// - Throws: `ModelError.configuration` for a tokenizer that files cannot hold.
  func tokenizerValues() throws -> [(key: String, value: GGUFContents.Value)] {
    let (tokenizer, template) = (model.tokenizer, model.template)
    let part = tokenizer.document["model"] ?? .null
    guard part["type"]?.string == "BPE" else {
      throw refusal(
        "tokenizer.ggml.model",
        "\(part["type"]?.string ?? "another kind") is not written to GGUF files; BPE is"
      )
    }
    let ids = (0..<model.decoder.configuration.vocabularySize).map { Int32($0) }
    let spellings = ids.map { tokenizer.spelling(of: $0) }
    let merges = (part["merges"]?.array ?? []).compactMap { merge in
      merge.string ?? merge.array.map { $0.compactMap(\.string).joined(separator: " ") }
    }
    let isOfBytes = part["byte_fallback"]?.bool != true
    var values: [(key: String, value: GGUFContents.Value)] = [
      ("tokenizer.ggml.tokens", .texts(zip(ids, spellings).map { $1 ?? "[PAD\($0)]" })),
      ("tokenizer.ggml.token_type", .integers(kinds(part, spellings).map(\.rawValue))),
      // Rendered texts hold their beginning.
      ("tokenizer.ggml.add_bos_token", .flag(false)),
    ]
    if isOfBytes {
      values += [
        ("tokenizer.ggml.model", .text("gpt2")), ("tokenizer.ggml.pre", .text(try split(part))),
        ("tokenizer.ggml.merges", .texts(merges)),
      ]
    } else {
      let addsSpace =
        tokenizer.encodePlain("a").first.flatMap { tokenizer.spelling(of: $0) }
        .map { $0.hasPrefix("\u{2581}") } ?? true
      values += [
        ("tokenizer.ggml.model", .text("llama")), ("tokenizer.ggml.pre", .text("default")),
        ("tokenizer.ggml.scores", .numbers(scores(spellings, merges))),
        ("tokenizer.ggml.add_space_prefix", .flag(addsSpace)),
      ]
    }
    let configuration = model.decoder.configuration
    let turn = tokenizer.id(of: template.endOfTurn).map { Int($0) }
    let end = configuration.endTokenIDs.first ?? turn
    func id(_ spelling: String?) -> Int? {
      spelling.flatMap { tokenizer.id(of: $0) }.map { Int($0) }
    }
    let special = [
      ("bos", configuration.beginTokenID ?? id(template.beginning)), ("eos", end),
      ("eot", turn == end ? nil : turn),
      ("padding", configuration.padTokenID ?? id(template.padding)),
    ]
    for (name, id) in special {
      if let id { values.append(("tokenizer.ggml.\(name)_token_id", .integer(id))) }
    }
    if model.templateRefusal == nil {
      values.append(("tokenizer.chat_template", .text(template.jinja)))
    }
    return values
  }

  private func refusal(_ key: String, _ reason: String) -> ModelError {
    .configuration(file: url.path, key: key, reason: reason)
  }

  /// What each token is.
  private func kinds(_ part: JSONValue, _ spellings: [String?]) -> [GGUFModel.TokenKind] {
    let added = Dictionary(
      model.tokenizer.addedTokens.map { (Int($0.id), $0.isSpecial) },
      uniquingKeysWith: { first, _ in first }
    )
    let isOfBytes = part["byte_fallback"]?.bool != true
    return spellings.enumerated().map { id, spelling in
      guard let spelling else { return .unused }
      if !isOfBytes, spelling == part["unk_token"]?.string { return .unknown }
      if let isSpecial = added[id] { return isSpecial ? .control : .userDefined }
      let isByte = spelling.utf8.count == 6 && spelling.hasPrefix("<0x") && spelling.hasSuffix(">")
      return isByte && !isOfBytes ? .byte : .normal
    }
  }

  /// The name of the pre-tokenizer of a BPE of bytes.
  private func split(_ part: JSONValue) throws -> String {
    let ignoresMerges = part["ignore_merges"]?.bool ?? false
    let steps = model.tokenizer.document["pre_tokenizer"] ?? .null
    guard let name = GGUFModel.splitName(of: steps, ignoresMerges: ignoresMerges) else {
      throw refusal("tokenizer.ggml.pre", "llama.cpp has no name for this pre-tokenizer")
    }
    return name
  }

  /// SentencePiece's scores, of which merges keep the order: the sooner merged, the higher.
  private func scores(_ spellings: [String?], _ merges: [String]) -> [Float] {
    var ranks: [String: Int] = [:]
    for (rank, merge) in merges.enumerated() {
      let whole = merge.split(separator: " ").joined()
      ranks[whole] = min(rank, ranks[whole] ?? rank)
    }
    return spellings.map { spelling in
      spelling.flatMap { ranks[$0] }.map { -Float($0 + 1) } ?? 0
    }
  }
}

extension GGUFModel {
  /// The name of a pre-tokenizer of `tokenizer.json`.
  ///
  /// - Parameters:
  ///   - steps: The pre-tokenizer.
  ///   - ignoresMerges: Whether words of the vocabulary are taken whole.
  /// - Returns: `nil` where it has none.
  static func splitName(of steps: JSONValue, ignoresMerges: Bool) -> String? {
    let wanted = signature(of: steps)
    return preTokenizerNames.first { name in
      wholeWords.contains(name) == ignoresMerges
        && preTokenizer(name).map { signature(of: $0) == wanted } == true
    }
  }

  /// What a pre-tokenizer does, without what has no effect or is usual.
  private static func signature(of step: JSONValue) -> [String] {
    func flag(_ key: String, _ usual: Bool) -> String { "\(step[key]?.bool ?? usual)" }
    switch step["type"]?.string {
    case "Sequence": return (step["pretokenizers"]?.array ?? []).flatMap { signature(of: $0) }
    case "ByteLevel": return ["bytes", flag("add_prefix_space", true), flag("use_regex", true)]
    case "Digits": return ["digits", flag("individual_digits", false)]
    default: return [step.compact]
    }
  }
}
