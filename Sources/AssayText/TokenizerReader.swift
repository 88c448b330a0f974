import AssayBase
import Foundation

/// Turns a `tokenizer.json` document into parts, and refuses what it does not know.
struct TokenizerReader {
  /// Higher ids than any vocabulary has; bounds the memory that a hostile file can ask for.
  private static let maximumID = 1 << 24

  private var spellings: [String?] = []
  private var vocabulary = ByteTable()
  private var isInModel: [Bool] = []

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
    try checkModel(model)
    try readVocabulary(model)
    let added = try readAddedTokens(document["added_tokens"])
    let special = Set(added.filter(\.isSpecial).map(\.id))
    let (mergeList, merges) = try readMerges(model["merges"], special: special)
    try checkDecoder(document["decoder"])
    try checkPostProcessor(document["post_processor"])
    return TokenizerParts(
      spellings: spellings,
      vocabulary: vocabulary,
      isInModel: isInModel,
      added: added,
      model: BPEModel(
        byteIDs: ByteAlphabet.scalars.map { vocabulary.value(of: String($0).utf8) ?? -1 },
        merges: merges,
        words: try flag(model, "ignore_merges") ? wholeWords(special: special) : nil,
        unknownID: try unknownID(model),
        fusesUnknown: try flag(model, "fuse_unk")
      ),
      mergeList: mergeList,
      preTokenizer: PreTokenizer(steps: try preTokenizerSteps(document["pre_tokenizer"])),
      composes: try composes(document["normalizer"]),
      header: document.replacing(
        "model",
        with: model.replacing("vocab", with: .null).replacing("merges", with: .null)
      )
    )
  }

  private func invalid(_ part: String, _ expected: String, _ actual: String) -> TextError {
    .invalidTokenizer(part: part, expected: expected, actual: actual)
  }

  private func flag(_ object: JSONValue, _ key: String, default value: Bool = false) throws -> Bool
  {
    guard let found = object[key], !found.isNull else { return value }
    guard let flag = found.bool else { throw invalid(key, "true or false", found.kind) }
    return flag
  }

  private func unsupported(_ part: String, _ type: String?, _ supported: String) -> TextError {
    .unsupported(piece: "\(part) \(type ?? "without a type")", supported: supported)
  }

  // MARK: Model

  private func checkModel(_ model: JSONValue) throws {
    if let type = model["type"], type != .string("BPE") {
      throw unsupported("model", type.string, "BPE")
    }
    if try flag(model, "byte_fallback") {
      throw TextError.unsupported(
        piece: "model option byte_fallback",
        supported: "byte-level BPE without it"
      )
    }
    if let dropout = model["dropout"], !dropout.isNull, dropout.double != 0 {
      throw TextError.unsupported(piece: "model option dropout", supported: "no dropout")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = model[key], !affix.isNull, affix != .string("") {
        throw TextError.unsupported(piece: "model option \(key)", supported: "none")
      }
    }
  }

  private mutating func readVocabulary(_ model: JSONValue) throws {
    guard let members = model["vocab"]?.members else {
      throw invalid("vocab", "an object", model["vocab"]?.kind ?? "nothing")
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

  private func unknownID(_ model: JSONValue) throws -> Int32? {
    guard let token = model["unk_token"], !token.isNull else { return nil }
    guard let spelling = token.string, let id = vocabulary.value(of: spelling.utf8) else {
      throw invalid("unk_token", "a token of the vocabulary", token.compact)
    }
    return id
  }

  private func wholeWords(special: Set<Int32>) -> ByteTable {
    var words = ByteTable(minimumCapacity: spellings.count)
    for (id, spelling) in spellings.enumerated() where isInModel[id] {
      guard !special.contains(Int32(id)), let spelling,
        let bytes = ByteAlphabet.bytes(of: spelling)
      else { continue }
      words.insert(bytes, Int32(id))
    }
    return words
  }

  private func readMerges(
    _ value: JSONValue?,
    special: Set<Int32>
  ) throws -> ([(Int32, Int32)], PairTable) {
    guard let rows = value?.array else {
      throw invalid("merges", "a list", value?.kind ?? "nothing")
    }
    var list: [(Int32, Int32)] = []
    list.reserveCapacity(rows.count)
    var table = PairTable(minimumCapacity: rows.count)
    for (rank, row) in rows.enumerated() {
      let (left, right) = try mergeSides(row, rank: rank)
      let merged = [left, right].joined()
      guard let leftID = vocabulary.value(of: left.utf8),
        let rightID = vocabulary.value(of: right.utf8),
        let mergedID = vocabulary.value(of: merged.utf8)
      else {
        throw invalid(
          "merge \(rank)",
          "tokens of the vocabulary",
          "'\(left)' and '\(right)' to '\(merged)'"
        )
      }
      list.append((leftID, rightID))
      if !special.contains(mergedID) {
        table.insert(leftID, rightID, (Int32(rank), mergedID))
      }
    }
    return (list, table)
  }

  private func mergeSides(_ row: JSONValue, rank: Int) throws -> (String, String) {
    switch row {
    case .string(let text):
      let sides = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard sides.count == 2, let left = String(sides[0]), let right = String(sides[1]) else {
        throw invalid("merge \(rank)", "two tokens with a space between", "'\(text)'")
      }
      return (left, right)
    case .array(let sides):
      guard sides.count == 2, let left = sides[0].string, let right = sides[1].string else {
        throw invalid("merge \(rank)", "a list of two strings", row.compact)
      }
      return (left, right)
    default: throw invalid("merge \(rank)", "a string or a list", row.kind)
    }
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

  // MARK: Normalizer, decoder, post-processor

  private func composes(_ value: JSONValue?) throws -> Bool {
    guard let value, !value.isNull else { return false }
    switch value["type"]?.string {
    case "NFC": return true
    case "Sequence":
      guard let steps = value["normalizers"]?.array else {
        throw invalid("normalizer", "a list of normalizers", value.compact)
      }
      // Not `contains`, which would stop before an unsupported step.
      return try steps.map { try nested($0, "normalizer", composes) }.contains(true)
    case let type: throw unsupported("normalizer", type, "NFC, Sequence")
    }
  }

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

  private func checkDecoder(_ value: JSONValue?) throws {
    if value?["type"]?.string == "Sequence", let steps = value?["decoders"]?.array,
      steps.count == 1
    {
      return try nested(steps[0], "decoder", checkDecoder)
    }
    guard value?["type"]?.string == "ByteLevel" else {
      throw unsupported("decoder", value?["type"]?.string, "ByteLevel")
    }
  }

  private func checkPostProcessor(_ value: JSONValue?) throws {
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

  private func preTokenizerSteps(_ value: JSONValue?) throws -> [PreTokenizer.Step] {
    let steps: [PreTokenizer.Step]
    if value?["type"]?.string == "Sequence" {
      guard let list = value?["pretokenizers"]?.array else {
        throw invalid("pre_tokenizer", "a list of pretokenizers", value?.compact ?? "nothing")
      }
      steps = try list.map { try nested($0, "pre_tokenizer", preTokenizerStep) }
    } else {
      steps = [try preTokenizerStep(value ?? .null)]
    }
    // Behind ByteLevel the text is spelt in its alphabet, which these steps do not see.
    let places = steps.indices.filter { if case .byteLevel = steps[$0] { true } else { false } }
    guard places == [steps.count - 1] else {
      throw TextError.unsupported(
        piece: places.isEmpty
          ? "a pre_tokenizer without ByteLevel" : "a pre_tokenizer step behind ByteLevel",
        supported: "one ByteLevel as the last step"
      )
    }
    return steps
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
      guard
        let behavior = value["behavior"]?.string.flatMap({ PreTokenizer.Behavior(rawValue: $0) })
      else {
        throw unsupported(
          "Split behavior",
          value["behavior"]?.string,
          PreTokenizer.Behavior.allCases.map(\.rawValue).joined(separator: ", ")
        )
      }
      return .split(
        try matcher(value["pattern"]),
        behavior,
        invert: try flag(value, "invert")
      )
    case let type: throw unsupported("pre_tokenizer", type, "ByteLevel, Split, Digits, Sequence")
    }
  }

  private func matcher(_ value: JSONValue?) throws -> PreTokenizer.Matcher {
    if let literal = value?["String"]?.string {
      guard !literal.isEmpty else { throw invalid("Split pattern", "a text", "an empty one") }
      return .literal(Array(literal.utf8))
    }
    guard let expression = value?["Regex"]?.string else {
      throw invalid("Split pattern", "a Regex or a String", value?.compact ?? "nothing")
    }
    if let known = SplitPattern(expression: expression) { return .known(known) }
    // ICU's \s lacks U+000B and U+0085, which Oniguruma's has.
    let translated = expression.replacingShorthand("s", by: "p{White_Space}")
      .replacingShorthand("S", by: "P{White_Space}")
    do {
      return .expression(try NSRegularExpression(pattern: translated))
    } catch {
      throw invalid("Split pattern", "a regular expression", "'\(expression)'")
    }
  }
}

extension String {
  /// Replaces a class shorthand such as `\s`, minding escaped backslashes.
  fileprivate func replacingShorthand(_ letter: Character, by name: String) -> String {
    var result = ""
    var isEscaped = false
    for character in self {
      if isEscaped {
        result += character == letter ? name : String(character)
        isEscaped = false
      } else {
        result.append(character)
        isEscaped = character == "\\"
      }
    }
    return result
  }
}
