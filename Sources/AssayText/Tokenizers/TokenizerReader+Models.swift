import AssayBase

// The models of a tokenizer file.

extension TokenizerReader {
  /// Reads the model of a document.
  func readModel(
    _ model: JSONValue,
    isByteLevel: Bool,
    special: Set<Int32>
  ) throws -> any TokenModel {
    // Old files leave the type out, and have merges only where they are of BPE.
    let type = model["type"]?.string ?? (model["merges"] == nil ? nil : "BPE")
    guard !isByteLevel || type == "BPE" else {
      throw unsupported("a ByteLevel pre_tokenizer before the model", type, "BPE behind it")
    }
    switch type {
    case "BPE": return try bpe(model, isByteLevel: isByteLevel, special: special)
    case "Unigram": return try unigram(model, special: special)
    case "WordPiece": return try wordPiece(model, special: special)
    case "WordLevel": return try wordLevel(model, special: special)
    default: throw unsupported("model", type, "BPE, Unigram, WordLevel, WordPiece")
    }
  }

  private func text(_ object: JSONValue, _ key: String) throws -> [UInt8] {
    guard let value = object[key], !value.isNull else { return [] }
    guard let text = value.string else { throw invalid(key, "a text or null", value.kind) }
    return Array(text.utf8)
  }

  /// The tokens of bytes, where the model falls back to them.
  private func fallback(_ model: JSONValue) throws -> ByteFallback? {
    guard try flag(model, "byte_fallback") else { return nil }
    let ids = (0...255).map { byte in
      vocabulary.value(of: ByteFallback.spelling(UInt8(byte)).utf8) ?? -1
    }
    return ByteFallback(ids: ids)
  }

  // MARK: BPE

  private func bpe(
    _ model: JSONValue,
    isByteLevel: Bool,
    special: Set<Int32>
  ) throws -> BPEModel {
    if let dropout = model["dropout"], !dropout.isNull, dropout.double != 0 {
      throw TextError.unsupported(piece: "model option dropout", supported: "no dropout")
    }
    let prefix = try text(model, "continuing_subword_prefix")
    let suffix = try text(model, "end_of_word_suffix")
    let fallback = try fallback(model)
    let byteIDs = ByteAlphabet.scalars.map { vocabulary.value(of: String($0).utf8) ?? -1 }
    if isByteLevel {
      guard prefix.isEmpty, suffix.isEmpty, fallback == nil || !byteIDs.contains(-1) else {
        throw TextError.unsupported(
          piece:
            "a model of bytes with continuing_subword_prefix, end_of_word_suffix or byte_fallback",
          supported: "none of these, or byte_fallback with all bytes in the vocabulary"
        )
      }
    }
    let (mergeList, merges) = try readMerges(
      model["merges"],
      prefix: prefix,
      special: special
    )
    return BPEModel(
      symbols: isByteLevel
        ? .bytes(byteIDs)
        : .characters(
          CharacterSymbols(
            vocabulary: vocabulary,
            continuingPrefix: prefix,
            endSuffix: suffix,
            fallback: fallback
          )
        ),
      merges: merges,
      mergeList: mergeList,
      words: try flag(model, "ignore_merges")
        ? wholeWords(special: special, isByteLevel: isByteLevel) : nil,
      unknownID: try unknownID(model),
      fusesUnknown: try flag(model, "fuse_unk")
    )
  }

  private func unknownID(_ model: JSONValue) throws -> Int32? {
    guard let token = model["unk_token"], !token.isNull else { return nil }
    guard let spelling = token.string, let id = vocabulary.value(of: spelling.utf8) else {
      throw invalid("unk_token", "a token of the vocabulary", token.compact)
    }
    return id
  }

  /// The tokens of the model that text may become, as words come.
  private func wholeWords(special: Set<Int32>, isByteLevel: Bool) -> ByteTable {
    var words = ByteTable(minimumCapacity: spellings.count)
    for (id, spelling) in spellings.enumerated() where isInModel[id] {
      guard !special.contains(Int32(id)), let spelling,
        let bytes = isByteLevel ? ByteAlphabet.bytes(of: spelling) : Array(spelling.utf8)
      else { continue }
      words.insert(bytes, Int32(id))
    }
    return words
  }

  private func readMerges(
    _ value: JSONValue?,
    prefix: [UInt8],
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
      // What continues a word loses its mark where it is joined to what stands before.
      let isContinued = !prefix.isEmpty && right.utf8.starts(with: prefix)
      let merged =
        isContinued
        ? left + String(decoding: right.utf8.dropFirst(prefix.count), as: UTF8.self)
        : [left, right].joined()
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

  /// Whether no merge joins a character to a mark behind it, so that words may be cut there.
  func neverMerges(_ bpe: BPEModel, into mark: String) -> Bool {
    let mark = Array(mark.utf8)
    // Affixes tell a word's ends, which cuts would move.
    guard case .characters(let characters) = bpe.symbols, characters.continuingPrefix.isEmpty,
      characters.endSuffix.isEmpty, vocabulary.value(of: mark) != nil
    else { return false }
    return bpe.mergeList.allSatisfy { left, right in
      guard let left = spellings[Int(left)]?.utf8, let right = spellings[Int(right)]?.utf8,
        right.starts(with: mark)
      else { return true }
      // Marks alone may be joined to marks.
      return left.count % mark.count == 0
        && stride(from: 0, to: left.count, by: mark.count).allSatisfy {
          left.dropFirst($0).starts(with: mark)
        }
    }
  }

  // MARK: Unigram

  private func unigram(_ model: JSONValue, special: Set<Int32>) throws -> UnigramModel {
    guard let rows = model["vocab"]?.array, !rows.isEmpty else {
      throw invalid("vocab", "a list of pieces with scores", model["vocab"]?.kind ?? "nothing")
    }
    let scores = try rows.map { row in
      guard let row = row.array, row.count == 2, case .number(let digits) = row[1],
        let score = UnigramModel.Score(digits), score.value.isFinite
      else { throw invalid("vocab", "lists of a piece and its score", row.compact) }
      return score
    }
    var unknownID: Int32?
    if let value = model["unk_id"], !value.isNull {
      guard let id = value.int, scores.indices.contains(id) else {
        throw invalid("unk_id", "the number of a piece", value.compact)
      }
      unknownID = Int32(id)
    }
    let pieces = scores.indices.compactMap { id -> (key: [UInt8], value: Int32)? in
      guard !special.contains(Int32(id)), let spelling = spellings[id], !spelling.isEmpty else {
        return nil
      }
      return (Array(spelling.utf8), Int32(id))
    }
    return UnigramModel(
      trie: ByteTrie(pieces),
      scores: scores,
      unknownID: unknownID,
      fallback: try fallback(model)
    )
  }

  // MARK: WordPiece

  private func wordLevel(_ model: JSONValue, special: Set<Int32>) throws -> WordLevelModel {
    guard let unknownID = try unknownID(model) else {
      throw invalid("unk_token", "a token of the vocabulary", "none")
    }
    return WordLevelModel(
      words: wholeWords(special: special, isByteLevel: false),
      unknownID: unknownID
    )
  }

  private func wordPiece(_ model: JSONValue, special: Set<Int32>) throws -> WordPieceModel {
    guard let unknownID = try unknownID(model) else {
      throw invalid("unk_token", "a token of the vocabulary", "none")
    }
    let prefix =
      model["continuing_subword_prefix"] == nil
      ? Array("##".utf8)
      : try text(
        model,
        "continuing_subword_prefix"
      )
    var maximum = 100
    if let value = model["max_input_chars_per_word"], !value.isNull {
      guard let number = value.int, number >= 0 else {
        throw invalid("max_input_chars_per_word", "a number from 0", value.compact)
      }
      maximum = number
    }
    return WordPieceModel(
      pieces: wholeWords(special: special, isByteLevel: false),
      continuingPrefix: prefix,
      unknownID: unknownID,
      maximumCharacters: maximum
    )
  }
}
