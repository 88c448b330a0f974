import AssayBase
import AssayText

/// The special tokens that a tokenizer puts around a text where it is told to add them.
///
/// Source: the post-processors of huggingface/tokenizers, for single texts.
struct TextFraming: Sendable, Equatable {
  /// Ids before the text, such as the beginning token.
  private(set) var front: [Int32] = []
  /// Ids behind it.
  private(set) var back: [Int32] = []

  /// Reads the post-processor of a tokenizer.
  init(_ tokenizer: any Tokenizer) { add(tokenizer.document["post_processor"] ?? .null) }

  private mutating func add(_ processor: JSONValue) {
    switch processor["type"]?.string {
    case "Sequence": for part in processor["processors"]?.array ?? [] { add(part) }
    case "TemplateProcessing":
      var (first, last): ([Int32], [Int32]) = ([], [])
      var isBehind = false
      for part in processor["single"]?.array ?? [] {
        guard let name = part["SpecialToken"]?["id"]?.string else {
          isBehind = true
          continue
        }
        let ids = processor["special_tokens"]?[name]?["ids"]?.array ?? []
        let numbers = ids.compactMap { $0.int.map(Int32.init) }
        if isBehind { last += numbers } else { first += numbers }
      }
      (front, back) = (first + front, back + last)
    case "BertProcessing", "RobertaProcessing":
      func id(_ key: String) -> [Int32] {
        (processor[key]?.array?.last?.int).map { [Int32($0)] } ?? []
      }
      (front, back) = (id("cls") + front, back + id("sep"))
    default: break
    }
  }

  /// The ids with the special tokens around them; none is doubled that a text has already.
  func around(_ ids: [Int32]) -> [Int32] {
    let start = ids.starts(with: front) ? [] : front
    let end = ids.suffix(back.count).elementsEqual(back) ? [] : back
    return start + ids + end
  }
}
