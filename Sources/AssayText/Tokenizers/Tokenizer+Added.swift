import AssayBase

/// The tokens that other tools put around a text that they tokenize with special tokens.
///
/// Assay adds none: its rendered texts hold what belongs there.
package struct AddedAround: Hashable, Sendable {
  /// Before the text, such as a beginning token.
  package var front: [Int32] = []
  /// Behind it, such as an end of text.
  package var back: [Int32] = []
}

extension Tokenizer {
  /// What `post_processor` of the tokenizer's file adds to a single text.
  ///
  /// Source: `processors` of huggingface/tokenizers: `TemplateProcessing`, `BertProcessing`,
  /// `RobertaProcessing`, and `Sequence` of them.
  package var addedAround: AddedAround {
    added(by: document["post_processor"] ?? .null)
  }

  private func added(by step: JSONValue) -> AddedAround {
    switch step["type"]?.string {
    case "Sequence":
      // Later steps stand around earlier ones.
      return (step["processors"]?.array ?? []).map { added(by: $0) }.reduce(AddedAround()) {
        AddedAround(front: $1.front + $0.front, back: $0.back + $1.back)
      }
    case "BertProcessing", "RobertaProcessing":
      func id(_ key: String) -> [Int32] {
        (step[key]?.array?.last?.int).map { [Int32(clamping: $0)] } ?? []
      }
      return AddedAround(front: id("cls"), back: id("sep"))
    case "TemplateProcessing":
      var (around, isBehind) = (AddedAround(), false)
      for part in step["single"]?.array ?? [] {
        if part["Sequence"] != nil { isBehind = true }
        guard let name = part["SpecialToken"]?["id"]?.string else { continue }
        let ids = (step["special_tokens"]?[name]?["ids"]?.array ?? []).compactMap(\.int)
          .map { Int32(clamping: $0) }
        if isBehind { around.back += ids } else { around.front += ids }
      }
      return around
    default: return AddedAround()
    }
  }
}
