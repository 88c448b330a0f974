import AssayTensor
import AssayTestSupport
import Foundation
import Testing

@Suite struct GGUFTests {
  /// What Scripts/record_gguf.py recorded.
  private struct Record: Decodable {
    struct Entry: Decodable {
      let shape: [Int]
      let floats: String
    }
    let tensors: [String: Entry]
  }

  private static func fixture(_ name: String) throws -> URL {
    try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(name)")
  }

  @Test("reads every element type as the gguf package does, bit for bit")
  func types() throws {
    let file = try GGUFFile(Self.fixture("types.gguf"))
    let record = try JSONDecoder().decode(
      Record.self,
      from: Data(contentsOf: Self.fixture("types.json"))
    )
    #expect(file.names == record.tensors.keys.sorted() && file.names.count == 13)
    for (name, entry) in record.tensors {
      let expected = try #require(Data(base64Encoded: entry.floats))
      let tensor = try file.tensor(named: name)
      #expect(tensor.shape == entry.shape && file.shape(of: name) == entry.shape, "\(name)")
      #expect(tensor.dtype == file.dtype(of: name))
      let bytes = tensor.floats.withUnsafeBytes { Data($0) }
      #expect(bytes == expected, "\(name)")
    }
    #expect(file.dtype(of: "t.Q4_K") == .float32 && file.dtype(of: "t.BF16") == .bfloat16)
    #expect(file.shape(of: "none") == nil && file.dtype(of: "none") == nil)
    #expect(throws: TensorError.self) { try file.tensor(named: "none") }
  }

  @Test("reads every type of metadata, and names a value of another type")
  func metadata() throws {
    let file = try GGUFFile(Self.fixture("types.gguf"))
    let integers = [
      "uint8": 200, "int8": -100, "uint16": 60000, "int16": -30000, "uint32": 4_000_000_000,
      "int32": -2_000_000_000, "uint64": 1 << 40, "int64": -(1 << 40),
    ]
    for (key, value) in integers { #expect(try file.integer("x.\(key)") == value, "\(key)") }
    #expect(try file.number("x.float32") == Double(Float(0.1)))
    #expect(try file.number("x.float64") == 0.1)
    #expect(try file.number("x.uint8") == 200)
    #expect(try file.flag("x.bool") == true)
    #expect(try file.text("x.text") == "caf\u{e9}")
    #expect(try file.texts("x.texts") == ["a", "", "\u{e9}t\u{e9}"])
    #expect(try file.integers("x.integers") == [1, -2, 3])
    #expect(try file.numbers("x.numbers") == [0.5, -1.5])
    #expect(try file.numbers("x.integers") == [1, -2, 3])
    #expect(file.metadata["general.architecture"] == "llama")
    #expect(try file.text("none") == nil && file.integer("none") == nil)
    let error = #expect(throws: TensorError.self) { try file.integer("x.text") }
    #expect(error?.description.contains("x.text is a text, expected a whole number") == true)
    #expect(throws: TensorError.self) { try file.texts("x.integers") }
    #expect(throws: TensorError.self) { try file.integers("x.numbers") }
    #expect(throws: TensorError.self) { try file.text("x.bool") }
    #expect(throws: TensorError.self) { try file.flag("x.text") }
    #expect(throws: TensorError.self) { try file.number("x.text") }
  }

  /// A file built by hand: magic, version, tensor count, key count, then what is given.
  private static func file(
    version: UInt32 = 3,
    tensors: UInt64 = 0,
    keys: UInt64 = 0,
    _ rest: [Piece] = []
  ) -> Data {
    let start: [Piece] = [.text("GGUF"), .u32(version), .u64(tensors), .u64(keys)]
    return (start + rest).reduce(into: Data()) { $0.append($1.bytes) }
  }

  private enum Piece {
    case u32(UInt32)
    case u64(UInt64)
    case text(String)
    case named(String)
    case zeros(Int)

    var bytes: Data {
      switch self {
      case .u32(let value): withUnsafeBytes(of: value.littleEndian) { Data($0) }
      case .u64(let value): withUnsafeBytes(of: value.littleEndian) { Data($0) }
      case .text(let text): Data(text.utf8)
      case .named(let text): Piece.u64(UInt64(text.utf8.count)).bytes + Data(text.utf8)
      case .zeros(let count): Data(repeating: 0, count: count)
      }
    }
  }

  /// One line of the table of tensors.
  private static func entry(
    _ name: String = "a",
    _ sizes: [UInt64] = [8],
    type: UInt32 = 0,
    offset: UInt64 = 0
  ) -> [Piece] {
    [.named(name), .u32(UInt32(sizes.count))] + sizes.map { .u64($0) } + [.u32(type), .u64(offset)]
  }

  private static func open(_ data: Data) throws -> GGUFFile {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("f.gguf")
      try data.write(to: url)
      return try GGUFFile(url)
    }
  }

  private static func reason(_ data: Data) -> String {
    do {
      _ = try open(data)
      return "read without an error"
    } catch TensorError.malformedFile(_, let reason) {
      return reason
    } catch {
      return "another error: \(error)"
    }
  }

  @Test("reads version 2 and 3, sizes of no elements and an alignment of its own")
  func accepted() throws {
    for version: UInt32 in [2, 3] {
      // 24 + 9+4+24 bytes of header are 61 and the data begin at 64.
      let header = Self.file(version: version, tensors: 1, Self.entry("abcde") + [.zeros(3 + 32)])
      #expect(
        try Self.open(header).tensor(named: "abcde").floats == [Float](repeating: 0, count: 8)
      )
    }
    let empty = Self.file(tensors: 1, Self.entry("a", [0, 3]) + [.zeros(64)])
    #expect(try Self.open(empty).tensor(named: "a").shape == [3, 0])
    let key: [Piece] = [.named("general.alignment"), .u32(4), .u32(8)]
    // 24 + 33 + 33 bytes of header are 90 and the data begin at 96.
    let aligned = Self.file(tensors: 1, keys: 1, key + Self.entry() + [.zeros(6 + 32)])
    #expect(try Self.open(aligned).tensor(named: "a").count == 8)
    #expect(Self.reason(aligned.dropLast()).contains("cut off"))
  }

  @Test("says what is wrong with a damaged or hostile file")
  func hostile() throws {
    let huge = UInt64.max
    let cases: [(Data, String)] = [
      (Data("GGML".utf8) + Data(count: 40), "magic"),
      (Data("GGUF".utf8), "too few"),
      (Self.file(version: 1), "GGUF version 1"),
      (Self.file(version: 3 << 24), "big-endian"),
      (Self.file(tensors: huge), "states \(huge) tensors"),
      (Self.file(keys: huge), "states \(huge) metadata keys"),
      (Self.file(keys: 1 << 30, [.zeros(100)]), "metadata keys"),
      (Self.file(keys: 1, [.u64(huge), .zeros(20)]), "a metadata key of \(huge) bytes"),
      (Self.file(keys: 1, [.u64(65535), .zeros(20)]), "states 65535 bytes of a metadata key"),
      (Self.file(keys: 1, [.named("k"), .u32(13), .zeros(8)]), "unknown type 13"),
      (Self.file(keys: 1, [.named("k"), .u32(8), .u64(huge)]), "states \(huge) bytes of k"),
      (Self.file(keys: 1, [.named("k"), .u32(9), .u32(9), .u64(1), .zeros(12)]), "list of lists"),
      (Self.file(keys: 1, [.named("k"), .u32(9), .u32(4), .u64(huge)]), "values of k"),
      (Self.file(keys: 1, [.named("k"), .u32(9), .u32(8), .u64(1), .u64(9)]), "9 bytes of k"),
      (Self.file(keys: 1, [.named("k"), .u32(10), .u64(huge)]), "more than any model has"),
      (
        Self.file(keys: 2, [.named("k"), .u32(4), .u32(1), .named("k"), .u32(4), .u32(1)]),
        "key k twice"
      ),
      (Self.file(tensors: 1, [.u64(1 << 40), .zeros(24)]), "expected at most 256"),
      (Self.file(tensors: 1, [.named("a"), .u32(5), .zeros(40)]), "has 5 dimensions"),
      (Self.file(tensors: 1, Self.entry("a", [8], type: 20)), "of type IQ4_NL; supported are F32"),
      (Self.file(tensors: 1, Self.entry("a", [8], type: 99)), "of type number 99"),
      (Self.file(tensors: 1, Self.entry("a", [huge])), "has shape"),
      (Self.file(tensors: 1, Self.entry("a", [1 << 31, 1 << 31])), "has shape"),
      (Self.file(tensors: 1, Self.entry("a", [0, 1 << 40, 1 << 40])), "has shape"),
      (Self.file(tensors: 1, Self.entry("a", [33], type: 2)), "a multiple of 32"),
      (Self.file(tensors: 1, Self.entry("a", [64], type: 14)), "a multiple of 256"),
      (Self.file(tensors: 1, Self.entry("a", offset: huge)), "behind any file's end"),
      (Self.file(tensors: 1, Self.entry("a", offset: 1 << 62) + [.zeros(40)]), "cut off"),
      (Self.file(tensors: 1, Self.entry("a", offset: 8) + [.zeros(90)]), "a multiple of 32"),
      (Self.file(tensors: 1, Self.entry() + [.zeros(20)]), "cut off"),
      (Self.file(tensors: 2, Self.entry() + Self.entry() + [.zeros(99)]), "tensor a twice"),
      (Self.file(tensors: 2, Self.entry() + Self.entry("b") + [.zeros(99)]), "b overlaps another"),
      (
        Self.file(
          tensors: 1,
          keys: 1,
          [.named("general.alignment"), .u32(4), .u32(3), .zeros(40)]
        ),
        "power of two"
      ),
    ]
    for (data, expected) in cases {
      let reason = Self.reason(data)
      #expect(reason.contains(expected), "\(reason)")
    }
    let list: [Piece] = [.named("k"), .u32(9), .u32(8), .u64(1), .u64(1), .zeros(1)]
    var bad = Self.file(keys: 1, list)
    bad[bad.count - 1] = 0xFF
    let file = try Self.open(bad)
    let error = #expect(throws: TensorError.self) { try file.texts("k") }
    #expect(error?.description.contains("not UTF-8") == true)
  }

  @Test("survives random byte changes, insertions and cuts of a valid file")
  func fuzz() throws {
    // ASSAY_FUZZ asks for more rounds than the few of every test run.
    let rounds = ProcessInfo.processInfo.environment["ASSAY_FUZZ"].flatMap { Int($0) } ?? 500
    let valid = try Data(contentsOf: Self.fixture("types.gguf"))
    let header = 1700  // where changes hit something else than weights
    var random = SeededGenerator(seed: 5)
    var (read, refused) = (0, 0)
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("f.gguf")
      for round in 0..<rounds {
        try mutated(valid, header: header, round: round, &random).write(to: url)
        do {
          let file = try GGUFFile(url)
          for name in file.names { _ = try file.tensor(named: name) }
          for key in file.values.keys where key.hasPrefix("x.") {
            _ = try? file.texts(key)
            _ = try? file.numbers(key)
          }
          read += 1
        } catch let error as TensorError {
          #expect(!error.description.contains("\n"))
          refused += 1
        }
      }
    }
    #expect(read + refused == rounds && read > rounds / 20 && refused > rounds / 5)
  }
}
