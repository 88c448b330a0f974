import AssayBase
import AssayText
import Foundation

/// Files recorded by `Scripts/record_tokenizer_cases.py`.
enum Fixture {
  static func bytes(_ name: String) throws -> [UInt8] {
    let folder = Bundle.module.resourceURL?.appendingPathComponent("Fixtures")
    guard let folder else { throw CocoaError(.fileNoSuchFile) }
    return Array(try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  static func json(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: bytes(name))
  }

  static func folder(_ name: String) throws -> URL {
    let folder = Bundle.module.resourceURL?.appendingPathComponent("Fixtures")
    guard let folder else { throw CocoaError(.fileNoSuchFile) }
    return folder.appendingPathComponent(name)
  }

  static func tokenizer(_ name: String) throws -> any Tokenizer {
    try TokenizerFile.read(json: bytes("\(name).tokenizer.json"), name: name)
  }

  static func cases(_ name: String) throws -> [TokenizerCase] {
    try (json(name)["cases"]?.array ?? []).map { try TokenizerCase($0) }
  }
}

/// What `tokenizers` made of one text.
struct TokenizerCase {
  let text: String
  let ids: [Int32]
  let decoded: String
  let visible: String
  let cut: String?

  init(_ row: JSONValue) throws {
    guard let text = row["text"]?.string, let ids = row["ids"]?.array else {
      throw CocoaError(.coderReadCorrupt)
    }
    self.text = text
    self.ids = ids.compactMap { $0.int.map { Int32($0) } }
    decoded = row["decoded"]?.string ?? text
    visible = row["visible"]?.string ?? decoded
    cut = row["cut"]?.string
  }
}

/// A string's code points, so that differences of normalisation count and show.
func points(_ text: String) -> [UInt32] { text.unicodeScalars.map(\.value) }
