import AssayTensor
import AssayTestSupport
import Foundation
import Testing

@Suite struct PyTorchFileTests {
  /// What Scripts/record_pytorch.py recorded.
  private struct Record: Decodable {
    struct Entry: Decodable {
      let dtype: String
      let shape: [Int]
      let values: [Float]
    }
    let tensors: [String: Entry]
  }

  private static func fixture(_ name: String) throws -> URL {
    try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(name)")
  }

  @Test(
    "reads tensors, views and shared storages as torch wrote them",
    arguments: ["plain.bin", "wrapped.pt", "deflated.pt"]
  )
  func reference(name: String) throws {
    let file = try PyTorchFile(Self.fixture(name))
    let record = try JSONDecoder().decode(
      Record.self,
      from: Data(contentsOf: Self.fixture("pytorch.json"))
    )
    #expect(file.names == record.tensors.keys.sorted() && file.names.count == 20)
    for (name, entry) in record.tensors {
      let tensor = try file.tensor(named: name)
      #expect(tensor.shape == entry.shape && file.shape(of: name) == entry.shape, "\(name)")
      #expect("\(tensor.dtype)" == entry.dtype && tensor.dtype == file.dtype(of: name), "\(name)")
      #expect(tensor.floats == entry.values, "\(name)")
    }
    #expect(file.metadata.isEmpty && file.shape(of: "none") == nil)
    #expect(throws: TensorError.self) { try file.tensor(named: "none") }
  }

  @Test("a write in place does not change the file")
  func privateMapping() throws {
    let url = try Self.fixture("plain.bin")
    try PyTorchFile(url).tensor(named: "tied.a").fillInPlace(9)
    #expect(try PyTorchFile(url).tensor(named: "tied.a").floats.contains(9) == false)
  }

  @Test("names what a file of another kind is, and what to do")
  func otherKinds() throws {
    for (name, expected) in [
      ("legacy.pt", "before version 1.6"), ("program.pt", "TorchScript"),
      ("types.gguf", "not a PyTorch checkpoint"),
    ] {
      let error = try #require(throws: TensorError.self) { try PyTorchFile(Self.fixture(name)) }
      #expect(error.description.contains(expected), "\(error)")
    }
    #expect(Self.reason(Data("version https://git-lfs.github.com/spec/v1\n".utf8)).contains("LFS"))
    #expect(Self.reason(Data("PK".utf8)).contains("too few"))
    let data = StoredZip([("x/other", [1, 2, 3])]).data
    #expect(Self.reason(data).contains("no data.pkl"))
  }

  // MARK: Files made by hand

  /// A pickle spelt as text, in which `{hh}` is a byte in hexadecimal.
  private static func pickle(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for (index, part) in text.split(separator: "{", omittingEmptySubsequences: false).enumerated() {
      guard index > 0, let end = part.firstIndex(of: "}") else {
        bytes += Array(part.utf8)
        continue
      }
      bytes += part[..<end].split(separator: " ").compactMap { UInt8($0, radix: 16) }
      bytes += Array(part[part.index(after: end)...].utf8)
    }
    return bytes
  }

  /// A pickle of `{"w": tensor}`, with the numbers of its four arguments given.
  private static func tensor(
    count: Int = 4,
    offset: Int = 0,
    shape: [Int] = [4],
    strides: [Int] = [1],
    type: String = "torch\nFloatStorage"
  ) -> [UInt8] {
    func number(_ value: Int) -> [UInt8] {
      [0x8A, 8] + (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    func tuple(_ values: [Int]) -> [UInt8] {
      Array("(".utf8) + values.flatMap(number) + Array("t".utf8)
    }
    return pickle(
      "{80 02}}X{01 00 00 00}wctorch._utils\n_rebuild_tensor_v2\n((X{07 00 00 00}storage"
    )
      + pickle("c\(type)\nX{01 00 00 00}0X{03 00 00 00}cpu") + number(count) + pickle("tQ")
      + number(offset) + tuple(shape) + tuple(strides) + pickle("{89}NtRs.")
  }

  private static func checkpoint(_ pickle: [UInt8], storageBytes: Int = 16) -> Data {
    let elements = [UInt8](repeating: 0, count: storageBytes)
    return StoredZip([("x/data.pkl", pickle), ("x/data/0", elements)]).data
  }

  private static func open(_ data: Data) throws -> PyTorchFile {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("f.bin")
      try data.write(to: url)
      return try PyTorchFile(url)
    }
  }

  private static func reason(_ data: Data) -> String {
    do {
      let file = try open(data)
      for name in file.names { _ = try file.tensor(named: name) }
      return "read without an error"
    } catch TensorError.malformedFile(_, let reason) {
      return reason
    } catch {
      return "another error: \(error)"
    }
  }

  @Test("reads what is made by hand, Zip64 as well")
  func byHand() throws {
    #expect(try Self.open(Self.checkpoint(Self.tensor())).tensor(named: "w").floats.count == 4)
    let entries = [("x/data.pkl", Self.tensor()), ("x/data/0", [UInt8](repeating: 0, count: 16))]
    let wide = StoredZip(entries, wide: true).data
    #expect(try Self.open(wide).tensor(named: "w").floats == [0, 0, 0, 0])
    let memoized = Self.pickle("{80 04 95 ff ff ff ff ff ff ff 7f}}{94 8c 01}a{94}h{01}s.")
    #expect(Self.reason(Self.checkpoint(memoized)).contains("no dictionary of tensors"))
  }

  @Test("refuses a pickle that asks for anything but tensors, by name")
  func functions() throws {
    for (name, pickle) in [
      ("os.system", "{80 02}cos\nsystem\n(X{04 00 00 00}lstRtR."),
      ("posix.system", "{80 02}cposix\nsystem\n(X{02 00 00 00}lstR."),
      ("builtins.eval", "{80 04 8c 08}builtins{8c 04}eval{93 8c 01}1{85}R."),
      ("numpy.core.multiarray._reconstruct", "{80 02}cnumpy.core.multiarray\n_reconstruct\n."),
      ("torch._utils._rebuild_meta", "{80 02}ctorch._utils\n_rebuild_meta\n."),
      ("torch.ShortStorage", "{80 02}ctorch\nShortStorage\n."),
    ] {
      let reason = Self.reason(Self.checkpoint(Self.pickle(pickle)))
      #expect(reason.contains("asks for \(name)") && reason.contains("nothing of it was run"))
    }
    // INST, OBJ and NEWOBJ, which call as REDUCE does.
    for (operation, pickle) in [
      (105, "{80 02}(ios\nsystem\n."), (111, "{80 02}(NNo."), (129, "{80 02}NN{81}."),
    ] {
      let reason = Self.reason(Self.checkpoint(Self.pickle(pickle)))
      #expect(reason.contains("uses the pickle operation \(operation)"), "\(reason)")
    }
    let size = Self.pickle("{80 02}ctorch\nSize\n)R.")
    #expect(Self.reason(Self.checkpoint(size)).contains("size that is no tuple"))
    let device = Self.pickle("{80 02}ccollections\nOrderedDict\nN{85}R.")
    #expect(Self.reason(Self.checkpoint(device)).contains("with 1 arguments"))
  }

  @Test("refuses tensors that do not lie in their storage")
  func lies() throws {
    let huge = Int.max
    for pickle in [
      Self.tensor(shape: [5]), Self.tensor(offset: 1), Self.tensor(strides: [2]),
      Self.tensor(shape: [huge], strides: [huge]), Self.tensor(offset: huge),
      Self.tensor(offset: -1), Self.tensor(shape: [-4]), Self.tensor(strides: [-1]),
      Self.tensor(shape: [1 << 40], strides: [0]), Self.tensor(shape: [2, 4], strides: [0, 1]),
      Self.tensor(shape: [0, huge, 4], strides: [1, 1, 1]),
    ] {
      #expect(Self.reason(Self.checkpoint(pickle)).contains("does not lie in its 4 elements"))
    }
    let many = [Int](repeating: 1, count: 65)
    for pickle in [Self.tensor(strides: []), Self.tensor(shape: many, strides: many)] {
      #expect(Self.reason(Self.checkpoint(pickle)).contains("without a storage, sizes and strides"))
    }
    #expect(Self.reason(Self.checkpoint(Self.tensor(count: -1))).contains("no storage"))
    let short = Self.checkpoint(Self.tensor(count: 5))
    #expect(Self.reason(short).contains("needs 5 elements of 4 bytes, the file has 16 bytes"))
    #expect(
      Self.reason(StoredZip([("x/data.pkl", Self.tensor())]).data).contains("lacks the elements")
    )
  }

  @Test("says what is wrong with a damaged pickle or zip file")
  func damaged() throws {
    for (pickle, expected) in [
      ("", "states 1 bytes of a pickle"), (".", "a value is missing"),
      ("{80 09}.", "protocol 9"), ("N", "states 1 bytes"), ("t", "a mark is missing"),
      ("(N.", "no dictionary"), ("h{05}.", "nothing is remembered as 5"),
      ("X{ff ff ff ff}a", "states 4294967295 bytes of a text"),
      ("X{02 00 00 00 ff fe}.", "not UTF-8"), ("{8a 09}123456789.", "a number of 9 bytes"),
      ("Na.", "no list"), ("]Ne.", "a mark is missing"), ("}(Nu.", "no dictionary"),
      ("NQ.", "no storage"), ("NNR.", "without a function"), ("NNb.", "no dictionary"),
      ("cabc", "without an end"), ("NN{93}.", "no text"), ("q{01}.", "a value is missing"),
    ] {
      let reason = Self.reason(Self.checkpoint(Self.pickle(pickle)))
      #expect(reason.contains(expected), "\(pickle): \(reason)")
    }
    // A million tuples in tuples end without deep recursion, and so does a list in itself.
    let deep = [UInt8](repeating: 0x85, count: 1_000_000)
    #expect(Self.reason(Self.checkpoint([0x4E] + deep + [0x2E])).contains("no dictionary"))
    let cyclic = Self.pickle("}q{00}X{0a 00 00 00}state_dicth{00}s.")
    #expect(Self.reason(Self.checkpoint(cyclic)).contains("no dictionary of tensors"))
    let endless = [UInt8](repeating: 0x4E, count: (1 << 23) + 1)
    #expect(Self.reason(Self.checkpoint(endless)).contains("more than 8388608 operations"))
    var zip = Self.checkpoint(Self.tensor())
    #expect(Self.reason(zip.dropLast(4)).contains("no end of a zip file"))
    zip[zip.count - 12] = 0xFF  // the count of entries, twice two bytes before the sizes
    #expect(Self.reason(zip).contains("more than its bytes hold"))
  }

  @Test("survives random byte changes, insertions and cuts of valid files")
  func fuzz() throws {
    // ASSAY_FUZZ asks for more rounds than the few of every test run.
    let rounds = ProcessInfo.processInfo.environment["ASSAY_FUZZ"].flatMap { Int($0) } ?? 500
    let files = try ["plain.bin", "deflated.pt"].map { try Data(contentsOf: Self.fixture($0)) }
    var random = SeededGenerator(seed: 6)
    var (read, refused) = (0, 0)
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("f.bin")
      for round in 0..<rounds {
        let valid = files[round / 5 % 2]
        // The pickle begins the file, the directory ends it.
        let header = round.isMultiple(of: 3) ? valid.count : 1800
        try mutated(valid, header: header, round: round, &random).write(to: url)
        do {
          let file = try PyTorchFile(url)
          for name in file.names { _ = try file.tensor(named: name) }
          read += 1
        } catch let error as TensorError {
          #expect(!error.description.contains("\n"))
          refused += 1
        }
      }
    }
    #expect(read + refused == rounds && read > rounds / 50 && refused > rounds / 5)
  }

  @Test("reads pytorch_model.bin and its shards where a folder has no safetensors")
  func folder() throws {
    try withTemporaryFolder { folder in
      let single = folder.appendingPathComponent("pytorch_model.bin")
      try Self.checkpoint(Self.tensor()).write(to: single)
      #expect(try WeightsFolder(folder).tensor(named: "w").floats == [0, 0, 0, 0])
      let shard = folder.appendingPathComponent("pytorch_model-00001-of-00001.bin")
      try FileManager.default.moveItem(at: single, to: shard)
      let index = folder.appendingPathComponent("pytorch_model.bin.index.json")
      try Data(#"{"weight_map":{"w":"pytorch_model-00001-of-00001.bin"}}"#.utf8).write(to: index)
      #expect(try WeightsFolder(folder).names == ["w"])
      try Data(#"{"weight_map":{"w":"../pytorch_model.bin"}}"#.utf8).write(to: index)
      #expect(throws: TensorError.self) { try WeightsFolder(folder) }
      // Where there are both, safetensors is the one that is read.
      try Safetensors.write(
        [("s", Tensor([1] as [Float]))],
        to: folder.appendingPathComponent("model.safetensors")
      )
      #expect(try WeightsFolder(folder).names == ["s"])
    }
  }
}
