import AssayBase
import Foundation

/// Turns a `tokenizer.json` document into parts, and refuses what it does not know.
struct TokenizerReader {
  /// Higher ids than any vocabulary has; bounds the memory that a hostile file can ask for.
  private static let maximumID = 1 << 24

  /// The spelling of each id; `nil` where an id is unused.
  private(set) var spellings: [String?] = []
  /// The id of each spelling.
  private(set) var vocabulary = ByteTable()
  /// Whether each id belongs to the model's own vocabulary.
  private(set) var isInModel: [Bool] = []

  static func read(_ document: JSONValue) throws -> TokenizerParts {
    var reader = TokenizerReader()
    return try reader.parts(of: document)
  }

  private mutating func parts(of document: JSONValue) throws -> TokenizerParts {
    guard document.members != nil else {
      throw invalid("document", "an object", document.kind)
    }
    guard let model = document["model"], model.members != nil else {
      throw invalid("model", "an object", document["model"]?.kind ?? "nothing")
    }
    try readVocabulary(model)
    let added = try readAddedTokens(document["added_tokens"])
    let special = Set(added.filter(\.isSpecial).map(\.id))
    let normalizer = Normalizer(steps: try normalizerSteps(document["normalizer"]))
    var steps = try preTokenizerSteps(document["pre_tokenizer"])
    let isByteLevel = try checkByteLevel(steps)
    let read = try readModel(model, isByteLevel: isByteLevel, special: special)
    let mark = "\u{2581}"
    if let bpe = read as? BPEModel, bpe.words == nil, neverMerges(bpe, into: mark) {
      steps.append(.beforeRuns(of: Array(mark.utf8)))
    }
    try checkPostProcessor(document["post_processor"])
    return TokenizerParts(
      spellings: spellings,
      vocabulary: vocabulary,
      isInModel: isInModel,
      added: added,
      model: read,
      normalizer: normalizer,
      preTokenizer: PreTokenizer(steps: steps),
      decoder: TokenDecoder(kind: try decoder(document["decoder"], isByteLevel: isByteLevel)),
      header: document.replacing(
        "model",
        with: ["vocab", "merges"].reduce(model) {
          $0[$1] == nil ? $0 : $0.replacing($1, with: .null)
        }
      )
    )
  }

  func invalid(_ part: String, _ expected: String, _ actual: String) -> TextError {
    .invalidTokenizer(part: part, expected: expected, actual: actual)
  }

  func flag(_ object: JSONValue, _ key: String, default value: Bool = false) throws -> Bool {
    guard let found = object[key], !found.isNull else { return value }
    guard let flag = found.bool else { throw invalid(key, "true or false", found.kind) }
    return flag
  }

  func unsupported(_ part: String, _ type: String?, _ supported: String) -> TextError {
    .unsupported(piece: "\(part) \(type ?? "without a type")", supported: supported)
  }

  // MARK: Vocabulary

  private mutating func readVocabulary(_ model: JSONValue) throws {
    if let rows = model["vocab"]?.array {
      vocabulary = ByteTable(minimumCapacity: rows.count)
      for (id, row) in rows.enumerated() {
        guard let spelling = row.array?.first?.string else {
          throw invalid("vocab", "lists of a piece and its score", row.compact)
        }
        guard id < Self.maximumID, try place(spelling, at: id) else {
          throw invalid("vocab", "each token once", "'\(spelling)' twice")
        }
        isInModel[id] = true
      }
      return
    }
    guard let members = model["vocab"]?.members else {
      throw invalid("vocab", "an object or a list", model["vocab"]?.kind ?? "nothing")
    }
    vocabulary = ByteTable(minimumCapacity: members.count)
    for member in members {
      let id = try checkedID(member.value, of: member.key)
      guard try place(member.key, at: id) else {
        throw invalid("vocab", "each token once", "'\(member.key)' twice")
      }
      isInModel[id] = true
    }
  }

  private func checkedID(_ value: JSONValue?, of token: String) throws -> Int {
    guard let id = value?.int, id >= 0, id < Self.maximumID else {
      throw invalid(
        "id of token '\(token)'",
        "a number from 0 to \(Self.maximumID - 1)",
        value?.compact ?? "nothing"
      )
    }
    return id
  }

  /// Gives an id to a spelling.
  ///
  /// Returns false where it had this id already.
  private mutating func place(_ spelling: String, at id: Int) throws -> Bool {
    if let known = vocabulary.value(of: spelling.utf8) {
      guard Int(known) == id else {
        throw invalid("token '\(spelling)'", "one id", "ids \(known) and \(id)")
      }
      return false
    }
    if id >= spellings.count {
      let missing = id + 1 - spellings.count
      spellings.append(contentsOf: repeatElement(nil, count: missing))
      isInModel.append(contentsOf: repeatElement(false, count: missing))
    }
    if let other = spellings[id] {
      throw invalid("id \(id)", "one token", "'\(other)' and '\(spelling)'")
    }
    spellings[id] = spelling
    vocabulary.insert(spelling.utf8, Int32(id))
    return true
  }

  // MARK: Added tokens

  private mutating func readAddedTokens(_ value: JSONValue?) throws -> [AddedToken] {
    guard let value, !value.isNull else { return [] }
    guard let rows = value.array else { throw invalid("added_tokens", "a list", value.kind) }
    var tokens: [AddedToken] = []
    for row in rows {
      guard let content = row["content"]?.string else {
        throw invalid("added token", "an object with a content", row.compact)
      }
      let id = try checkedID(row["id"], of: content)
      _ = try place(content, at: id)
      var token = AddedToken(id: Int32(id), special: content)
      token.isSpecial = try flag(row, "special")
      token.isSingleWord = try flag(row, "single_word")
      token.stripsLeft = try flag(row, "lstrip")
      token.stripsRight = try flag(row, "rstrip")
      token.isNormalized = try flag(row, "normalized", default: !token.isSpecial)
      tokens.append(token)
    }
    return tokens
  }
}
