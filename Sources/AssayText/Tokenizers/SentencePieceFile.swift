import AssayBase
import Foundation

/// SentencePiece's own `tokenizer.model`, read as the `tokenizer.json` that says the same.
///
/// Source: `src/sentencepiece_model.proto` of google/sentencepiece; the merges of pieces as
/// `generate_merges` of transformers makes them (`convert_slow_tokenizer.py`).
package struct SentencePieceFile {
  enum Kind: Int {
    case normal = 1, unknown, control, userDefined, unused, byte
  }

  struct Piece {
    var text = ""
    var score: Float = 0
    var kind = Kind.normal
  }

  /// The vocabulary, by id.
  var pieces: [Piece] = []
  private var isBPE = false
  private var characterMap: [UInt8] = []
  private var addsPrefix = true
  private var removesExtraSpaces = true
  private var escapesSpaces = true

  /// Reads a file.
  ///
  /// - Parameter bytes: The whole file.
  /// - Throws: `TextError` where it is no such file, or one of words or characters.
  init(_ bytes: [UInt8]) throws { try read(bytes) }

  private init() {}

  /// The same of pieces of type BPE that another file lists, without a rule for other characters.
  ///
  /// - Parameters:
  ///   - pieces: Texts, scores and kinds (1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused,
  ///     6 byte), by id.
  ///   - addsPrefix: Whether texts are read with a space before them.
  /// - Returns: A `tokenizer.json` document.
  /// - Throws: `TextError` where there is no piece, or one of another kind or without a finite score.
  package static func document(
    pieces: [(text: String, score: Double, kind: Int)],
    addsPrefix: Bool
  ) throws -> JSONValue {
    var file = SentencePieceFile()
    (file.isBPE, file.addsPrefix, file.removesExtraSpaces) = (true, addsPrefix, false)
    file.pieces = try pieces.map { text, score, kind in
      guard let kind = Kind(rawValue: kind) else { throw invalid("a piece of kind \(kind)") }
      guard score.isFinite else { throw invalid("the score \(score)") }
      return Piece(text: text, score: Float(score), kind: kind)
    }
    guard !pieces.isEmpty else { throw invalid("none") }
    return try file.document()
  }

  private static func invalid(_ actual: String) -> TextError {
    .invalidTokenizer(
      part: "file",
      expected: "a SentencePiece model with at least one piece",
      actual: actual
    )
  }

  private mutating func read(_ bytes: [UInt8]) throws {
    var message = ProtobufReader(bytes[...])
    while let field = try message.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let bytes)): pieces.append(try Self.piece(bytes))
      case (2, .bytes(let bytes)): try readTrainer(bytes)
      case (3, .bytes(let bytes)): try readNormalizer(bytes)
      default: continue
      }
    }
    guard !pieces.isEmpty else { throw Self.invalid("none") }
  }

  private static func piece(_ bytes: ArraySlice<UInt8>) throws -> Piece {
    var message = ProtobufReader(bytes)
    var piece = Piece()
    while let field = try message.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let text)):
        guard let text = String(validating: text, as: UTF8.self) else {
          throw invalid("a piece that is no UTF-8")
        }
        piece.text = text
      case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
      case (3, .varint(let kind)):
        guard let kind = Kind(rawValue: Int(truncatingIfNeeded: kind)) else {
          throw invalid("a piece of kind \(kind)")
        }
        piece.kind = kind
      default: continue
      }
    }
    guard piece.score.isFinite else { throw invalid("the score \(piece.score)") }
    return piece
  }

  private mutating func readTrainer(_ bytes: ArraySlice<UInt8>) throws {
    var message = ProtobufReader(bytes)
    while let field = try message.next() {
      switch (field.number, field.value) {
      case (3, .varint(let type)):
        guard type == 1 || type == 2 else {
          throw TextError.unsupported(
            piece: "a SentencePiece model of type \(type)",
            supported: "1 (Unigram), 2 (BPE)"
          )
        }
        isBPE = type == 2
      case (24, .varint(1)):
        throw TextError.unsupported(
          piece: "SentencePiece's white space as suffix",
          supported: "white space as prefix"
        )
      default: continue
      }
    }
  }

  private mutating func readNormalizer(_ bytes: ArraySlice<UInt8>) throws {
    var message = ProtobufReader(bytes)
    while let field = try message.next() {
      switch (field.number, field.value) {
      case (2, .bytes(let map)): characterMap = Array(map)
      case (3, .varint(let flag)): addsPrefix = flag != 0
      case (4, .varint(let flag)): removesExtraSpaces = flag != 0
      case (5, .varint(let flag)): escapesSpaces = flag != 0
      default: continue
      }
    }
  }

  // MARK: As tokenizer.json

  /// As the document of a `tokenizer.json`.
  func document() throws -> JSONValue {
    [
      "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": addedTokens,
      "normalizer": ["type": "Sequence", "normalizers": .array(normalizers)],
      "pre_tokenizer": nil, "post_processor": nil,
      "decoder": ["type": "Sequence", "decoders": .array(decoders)],
      "model": try isBPE ? bpe() : unigram(),
    ]
  }

  private var addedTokens: JSONValue {
    .array(
      pieces.enumerated().compactMap { id, piece in
        guard [.unknown, .control, .userDefined].contains(piece.kind), !piece.text.isEmpty else {
          return nil
        }
        return [
          "id": .number("\(id)"), "content": .string(piece.text), "single_word": false,
          "lstrip": false, "rstrip": false,
          // One that is spelt with the mark for spaces is found where spaces have become that.
          "normalized": .bool(piece.kind == .userDefined && piece.text.contains("\u{2581}")),
          "special": .bool(piece.kind != .userDefined),
        ]
      }
    )
  }

  private static func replace(_ pattern: JSONValue, by content: String) -> JSONValue {
    ["type": "Replace", "pattern": pattern, "content": .string(content)]
  }

  private var normalizers: [JSONValue] {
    var steps: [JSONValue] = []
    if !characterMap.isEmpty {
      let map = Data(characterMap).base64EncodedString()
      steps.append(["type": "Precompiled", "precompiled_charsmap": .string(map)])
    }
    if removesExtraSpaces {
      steps.append(Self.replace(["Regex": "\\A +| +\\z"], by: ""))
      steps.append(Self.replace(["Regex": " {2,}"], by: " "))
    }
    if addsPrefix { steps.append(["type": "Prepend", "prepend": .string(space)]) }
    if escapesSpaces { steps.append(Self.replace(["String": " "], by: space)) }
    return steps
  }

  private var space: String { escapesSpaces ? "\u{2581}" : " " }

  private var decoders: [JSONValue] {
    var steps: [JSONValue] = [["type": "ByteFallback"], ["type": "Fuse"]]
    if escapesSpaces { steps.insert(Self.replace(["String": .string(space)], by: " "), at: 0) }
    if addsPrefix { steps.append(["type": "Strip", "content": " ", "start": 1, "stop": 0]) }
    return steps
  }

  private var unknown: Int? { pieces.firstIndex { $0.kind == .unknown } }
  private var hasBytes: Bool { pieces.contains { $0.kind == .byte } }

  private func unigram() -> JSONValue {
    [
      "type": "Unigram", "unk_id": unknown.map { .number("\($0)") } ?? .null,
      "byte_fallback": .bool(hasBytes),
      "vocab": .array(pieces.map { [.string($0.text), .number("\(Double($0.score))")] }),
    ]
  }

  private func bpe() throws -> JSONValue {
    let vocabulary = pieces.enumerated().map { JSONMember($1.text, .number("\($0)")) }
    let unknown: JSONValue = unknown.map { .string(pieces[$0].text) } ?? .null
    return [
      "type": "BPE", "dropout": nil, "unk_token": unknown, "continuing_subword_prefix": nil,
      "end_of_word_suffix": nil, "fuse_unk": true, "byte_fallback": .bool(hasBytes),
      "ignore_merges": false, "vocab": .object(vocabulary), "merges": .array(merges()),
    ]
  }

  /// Every way to make a piece of two others: by score, then the shorter left side, then the shorter right.
  private func merges() -> [JSONValue] {
    var ids = ByteTable(minimumCapacity: pieces.count)
    for (id, piece) in pieces.enumerated() { ids.insert(piece.text.utf8, Int32(id)) }
    var found:
      [(score: Float, left: Substring.UnicodeScalarView, right: Substring.UnicodeScalarView)] =
        []
    for piece in pieces {
      let scalars = Substring(piece.text).unicodeScalars
      for cut in scalars.indices.dropFirst() {
        let (left, right) = (scalars[..<cut], scalars[cut...])
        guard ids.value(of: Substring(left).utf8) != nil,
          ids.value(of: Substring(right).utf8) != nil
        else { continue }
        found.append((piece.score, left, right))
      }
    }
    // Sides of equal length are of one piece or keep the order of pieces.
    let sorted = found.enumerated().sorted { first, second in
      let (a, b) = (first.element, second.element)
      if a.score != b.score { return a.score > b.score }
      if a.left.count != b.left.count { return a.left.count > b.left.count }
      if a.right.count != b.right.count { return a.right.count > b.right.count }
      return first.offset < second.offset
    }
    return sorted.map {
      [.string(String(Substring($0.element.left))), .string(String(Substring($0.element.right)))]
    }
  }
}

/// Reads the fields of a protocol buffers message.
///
/// Source: protobuf.dev/programming-guides/encoding.
struct ProtobufReader {
  /// A field's value by its wire type.
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed32(UInt32)
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  private static func invalid(_ actual: String) -> TextError {
    .invalidTokenizer(part: "file", expected: "a whole protocol buffers message", actual: actual)
  }

  /// Returns the next field; `nil` at the end.
  mutating func next() throws -> (number: Int, value: Value)? {
    guard !rest.isEmpty else { return nil }
    let tag = try varint()
    let number = Int(truncatingIfNeeded: tag >> 3)
    switch tag & 7 {
    case 0: return (number, .varint(try varint()))
    case 1: return (number, .fixed64(try fixed(8)))
    case 2:
      let length = try varint()
      guard length <= UInt64(rest.count) else { throw Self.invalid("a field cut short") }
      let value = rest.prefix(Int(length))
      rest = rest.dropFirst(Int(length))
      return (number, .bytes(value))
    case 5: return (number, .fixed32(UInt32(try fixed(4))))
    case let type: throw Self.invalid("a field of type \(type)")
    }
  }

  private mutating func varint() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else { throw Self.invalid("a number cut short") }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw Self.invalid("a number of more than 10 bytes")
  }

  private mutating func fixed(_ count: Int) throws -> UInt64 {
    guard rest.count >= count else { throw Self.invalid("a number cut short") }
    let bytes = rest.prefix(count)
    rest = rest.dropFirst(count)
    return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
