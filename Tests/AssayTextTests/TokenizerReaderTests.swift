import AssayBase
import AssayText
import Foundation
import Testing

@Suite struct TokenizerReaderTests {
  /// A complete small file, with parts replaced.
  private func file(
    model: [JSONMember] = [],
    _ parts: [JSONMember] = []
  ) -> [UInt8] {
    var document: JSONValue = [
      "version": "1.0", "added_tokens": [], "normalizer": nil,
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
      "post_processor": nil, "decoder": ["type": "ByteLevel"],
      "model": ["type": "BPE", "vocab": ["a": 0, "b": 1, "ab": 2], "merges": [["a", "b"]]],
    ]
    var inner = document["model"] ?? .null
    for part in model { inner = inner.replacing(part.key, with: part.value) }
    document = document.replacing("model", with: inner)
    for part in parts { document = document.replacing(part.key, with: part.value) }
    return Array(document.compact.utf8)
  }

  @Test("reads the smallest file")
  func readsSmallest() throws {
    let tokenizer = try TokenizerFile.read(json: file())
    #expect(tokenizer.encode("abba") == [2, 1, 0])
  }

  @Test("spells bytes that the vocabulary lacks as the unknown token, or drops them")
  func handlesUnknown() throws {
    #expect(try TokenizerFile.read(json: file()).encode("axxb") == [2])
    let vocabulary: JSONValue = ["a": 0, "b": 1, "ab": 2, "?": 3]
    let unknown = [JSONMember("vocab", vocabulary), JSONMember("unk_token", "?")]
    #expect(try TokenizerFile.read(json: file(model: unknown)).encode("axxb") == [0, 3, 3, 1])
    let fused = unknown + [JSONMember("fuse_unk", true)]
    #expect(try TokenizerFile.read(json: file(model: fused)).encode("axxb") == [0, 3, 1])
  }

  static let unsupported: [(String, JSONValue, String)] = [
    ("model.type", "WordPiece", "model WordPiece"),
    ("model.byte_fallback", true, "byte_fallback"),
    ("model.dropout", .number("0.1"), "dropout"),
    ("model.end_of_word_suffix", "</w>", "end_of_word_suffix"),
    ("model.continuing_subword_prefix", "##", "continuing_subword_prefix"),
    ("normalizer", ["type": "Fancy"], "normalizer Fancy"),
    (
      "normalizer", ["type": "Sequence", "normalizers": [["type": "NFC"], ["type": "Fancy"]]],
      "normalizer Fancy"
    ),
    ("pre_tokenizer", ["type": "Fancy"], "pre_tokenizer Fancy"),
    ("pre_tokenizer", nil, "decoder ByteLevel without"),
    ("pre_tokenizer", ["type": "Digits"], "decoder ByteLevel without"),
    (
      "pre_tokenizer",
      ["type": "Sequence", "pretokenizers": [["type": "ByteLevel"], ["type": "Digits"]]],
      "behind ByteLevel"
    ),
    ("decoder", ["type": "WordPiece"], "decoder WordPiece"),
    ("decoder", nil, "decoder without a type"),
    ("post_processor", ["type": "Fancy"], "post_processor Fancy"),
    (
      "pre_tokenizer", ["type": "Split", "pattern": ["String": "a"], "behavior": "Odd"],
      "behavior Odd"
    ),
  ]

  @Test("names the piece that it does not support", arguments: unsupported)
  func namesUnsupported(key: String, value: JSONValue, piece: String) throws {
    let bytes =
      key.hasPrefix("model.")
      ? file(model: [JSONMember(String(key.dropFirst(6)), value)])
      : file([JSONMember(key, value)])
    let error = #expect(throws: TextError.self) { try TokenizerFile.read(json: bytes) }
    guard case .unsupported = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.description.contains(piece) == true, "\(String(describing: error))")
  }

  static let invalid: [(String, JSONValue, String)] = [
    ("model.vocab", nil, "vocab"),
    ("model.vocab", ["a": -1], "token 'a'"),
    ("model.vocab", ["a": .number("99999999999")], "token 'a'"),
    ("model.vocab", ["a": .number("1.5")], "token 'a'"),
    ("model.vocab", ["a": "0"], "token 'a'"),
    ("model.vocab", ["a": 0, "b": 0], "id 0"),
    ("model.vocab", ["a": 0, "a": 0], "twice"),
    ("model.merges", nil, "merges"),
    ("model.merges", ["a b c"], "merge 0"),
    ("model.merges", [["a"]], "merge 0"),
    ("model.merges", [7], "merge 0"),
    ("model.merges", [["a", "b"], ["b", "a"]], "merge 1"),
    ("model.unk_token", "?", "unk_token"),
    ("model.ignore_merges", "yes", "ignore_merges"),
    ("added_tokens", [["id": 0, "content": "x"]], "id 0"),
    ("added_tokens", [["id": 5, "content": "a"]], "ids 0 and 5"),
    ("added_tokens", [["id": 5]], "added token"),
    ("added_tokens", ["x"], "added token"),
    ("added_tokens", [["id": 16_777_216, "content": "x"]], "token 'x'"),
    ("model", [], "model"),
    ("pre_tokenizer", ["type": "Sequence"], "pre_tokenizer"),
    (
      "pre_tokenizer", ["type": "Split", "pattern": ["Regex": "("], "behavior": "Isolated"],
      "regular expression"
    ),
    (
      "pre_tokenizer", ["type": "Split", "pattern": ["String": ""], "behavior": "Isolated"],
      "Split pattern"
    ),
  ]

  @Test("refuses contradictions with the place", arguments: invalid)
  func refusesInvalid(key: String, value: JSONValue, place: String) throws {
    let bytes =
      key.hasPrefix("model.")
      ? file(model: [JSONMember(String(key.dropFirst(6)), value)])
      : file([JSONMember(key, value)])
    let error = #expect(throws: TextError.self) { try TokenizerFile.read(json: bytes) }
    guard case .invalidTokenizer = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.description.contains(place) == true, "\(String(describing: error))")
  }

  @Test("every truncation of a file is refused without a crash")
  func refusesTruncated() throws {
    let bytes = file()
    for count in 0..<bytes.count {
      #expect(throws: TextError.self) { try TokenizerFile.read(json: Array(bytes[..<count])) }
    }
  }

  @Test("every changed byte is read or refused without a crash")
  func survivesChangedBytes() throws {
    let bytes = file()
    var readable = 0
    for index in bytes.indices {
      for byte: UInt8 in [0x00, 0x22, 0x2C, 0x5B, 0x7B, 0x7D, 0x80, 0xFF, 0x39] {
        var changed = bytes
        changed[index] = byte
        do {
          let tokenizer = try TokenizerFile.read(json: changed)
          _ = tokenizer.encode("ab ba \u{1F600}")
          readable += 1
        } catch let error as TextError {
          #expect(!error.description.isEmpty)
        }
      }
    }
    #expect(readable > 0)
  }

  @Test("deep nesting is refused")
  func refusesDeepNesting() throws {
    let deep = Array(String(repeating: "[", count: 1_000_000).utf8)
    #expect(throws: TextError.self) { try TokenizerFile.read(json: deep) }
    var nested: JSONValue = ["type": "NFC"]
    for _ in 0..<50 { nested = ["type": "Sequence", "normalizers": .array([nested])] }
    #expect(throws: TextError.self) {
      try TokenizerFile.read(json: file([JSONMember("normalizer", nested)]))
    }
  }

  @Test("a missing file is told from a bad one")
  func missingFile() throws {
    let url = URL(fileURLWithPath: "/nonexistent/tokenizer.json")
    #expect(throws: TextError.notFound(path: url.path)) { try TokenizerFile.read(url) }
  }
}
