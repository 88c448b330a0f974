import AssayTensor
import AssayTestSupport
import Foundation
import Testing

@Suite struct SafetensorsTests {
  /// One tensor of each type, an empty one and a scalar.
  private static func samples() -> [(name: String, tensor: Tensor)] {
    let numbers = Tensor([0, 1, -2.5, 3, 100, 0.125] as [Float], [2, 3])
    var all = DType.allCases.map { type in
      (name: "t.\(type)", tensor: (type.isFloatingPoint ? numbers : numbers.magnitude()).to(type))
    }
    all.append(("empty", .zeros([0, 4], dtype: .bfloat16)))
    all.append(("scalar", Tensor([7] as [Float], [])))
    all.append(("odd \" name\n\u{e9}", Tensor([1, 2, 3] as [Float])))
    return all
  }

  @Test("gives back what it wrote, for every element type")
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.safetensors")
      try Safetensors.write(Self.samples(), metadata: ["note": "a \"b\""], to: url)
      let file = try SafetensorsFile(url)
      #expect(file.names == Self.samples().map(\.name).sorted())
      #expect(file.metadata == ["note": "a \"b\""])
      for (name, tensor) in Self.samples() {
        let read = try file.tensor(named: name)
        #expect(file.shape(of: name) == tensor.shape && read.shape == tensor.shape)
        #expect(file.dtype(of: name) == tensor.dtype && read.dtype == tensor.dtype)
        #expect(read.floats == tensor.floats, "\(name)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
    }
  }

  #if os(Linux)
  @Test("gives back the pages of tensors that are gone, and none that another one uses")
  func givesBackPages() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.safetensors")
      // 64 pages each; their edges lie within a page.
      let count = 1 << 16
      let zeros = Tensor([Float](repeating: 0, count: count))
      try Safetensors.write([("a", zeros), ("b", zeros)], to: url)
      let file = try SafetensorsFile(url)
      var first: Tensor? = try file.tensor(named: "a")
      var second: Tensor? = try file.tensor(named: "a")
      let neighbour = try file.tensor(named: "b")
      first?.addInPlace(Tensor([3] as [Float]))
      neighbour.addInPlace(Tensor([5] as [Float]))
      first = nil
      #expect(second?.floats == [Float](repeating: 3, count: count), "two shared the pages")
      second = nil
      #expect(neighbour.floats == [Float](repeating: 5, count: count))
      // What was written is gone with the pages: the file's own bytes are read again.
      let again = try file.tensor(named: "a").floats
      #expect(again.count { $0 == 0 } >= count - 2 * 4096 / 4)
    }
  }
  #endif

  @Test("writes a transposed view in row-major order, data from a multiple of 8 bytes")
  func layout() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.safetensors")
      let tensor = Tensor([1, 2, 3, 4, 5, 6] as [Float], [2, 3]).transposed(0, 1)
      try Safetensors.write([("x", tensor)], to: url)
      let file = try SafetensorsFile(url)
      #expect(try file.tensor(named: "x").floats == [1, 4, 2, 5, 3, 6])
      let length = [UInt8](try Data(contentsOf: url).prefix(8))
      #expect(length[0] % 8 == 0)
      #expect(file.metadata == ["format": "pt"])
    }
  }

  @Test("a write in place changes neither the file nor outlives its mapping")
  func privateMapping() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.safetensors")
      try Safetensors.write([("x", Tensor([1, 2] as [Float]))], to: url)
      var tensor: Tensor?
      do { tensor = try SafetensorsFile(url).tensor(named: "x") }
      tensor?.fillInPlace(9)
      #expect(tensor?.floats == [9, 9])
      #expect(try SafetensorsFile(url).tensor(named: "x").floats == [1, 2])
    }
  }

  @Test("reads a file of the reference implementation")
  func reference() throws {
    // safetensors.torch.save_file of a [[1.5, -2, 3.25]], b bf16 [0.5, -1], c i64 [7, -8],
    // flag [true, false, true], empty [0, 3], scalar f64 4; metadata format and note.
    let text = """
      kAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCIsIm5vdGUiOiJjYWbDqSJ9LCJjIjp7ImR0eXBl\
      IjoiSTY0Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMCwxNl19LCJzY2FsYXIiOnsiZHR5cGUiOiJGNjQi\
      LCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzE2LDI0XX0sImEiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzEs\
      M10sImRhdGFfb2Zmc2V0cyI6WzI0LDM2XX0sImVtcHR5Ijp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlswLDNdLCJk\
      YXRhX29mZnNldHMiOlszNiwzNl19LCJiIjp7ImR0eXBlIjoiQkYxNiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0\
      cyI6WzM2LDQwXX0sImZsYWciOnsiZHR5cGUiOiJCT09MIiwic2hhcGUiOlszXSwiZGF0YV9vZmZzZXRzIjpbNDAs\
      NDNdfX0gICAgICAgBwAAAAAAAAD4/////////wAAAAAAABBAAADAPwAAAMAAAFBAAD+AvwEAAQ==
      """
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("f.safetensors")
      try #require(Data(base64Encoded: text)).write(to: url)
      let file = try SafetensorsFile(url)
      #expect(file.names == ["a", "b", "c", "empty", "flag", "scalar"])
      #expect(file.metadata == ["format": "pt", "note": "caf\u{e9}"])
      #expect(try file.tensor(named: "a").floats == [1.5, -2, 3.25])
      #expect(file.shape(of: "a") == [1, 3])
      #expect(try file.tensor(named: "b").floats == [0.5, -1])
      #expect(try file.tensor(named: "c").integers == [7, -8])
      #expect(try file.tensor(named: "flag").integers == [1, 0, 1])
      #expect(try file.tensor(named: "empty").shape == [0, 3])
      #expect(try file.tensor(named: "scalar").floats == [4])
    }
  }

  private static func bytes(_ header: String, data: Int = 0, padded: Bool = true) -> Data {
    var text = Data(header.utf8)
    while padded, !text.count.isMultiple(of: 8) { text.append(32) }
    var all = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
    all.append(text)
    all.append(Data(repeating: 0, count: data))
    return all
  }

  private static func open(_ data: Data) throws -> [[Float]] {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("f.safetensors")
      try data.write(to: url)
      let file = try SafetensorsFile(url)
      return try file.names.map { try file.tensor(named: $0).floats }
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

  @Test(
    "says what is wrong with a damaged header",
    arguments: [
      (#"[1]"#, 0, "not a JSON object"),
      (#"{"a":1}"#, 0, "cannot be read"),
      (#"{"a":{"dtype":"F32","shape":[1],"#, 4, "cannot be read"),
      (#"{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}}"#, 4, "of type F4"),
      (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "has shape [-1]"),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "needs 8 bytes"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "byte range [4, 0]"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 4, "byte range"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, "byte range [0]"),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "cut off"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5, "1 bytes at its end"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "leaves a gap"),
      (
        #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"#
          + #""b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#, 6, "overlaps"
      ),
      (
        #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0,
        "has shape"
      ),
      (
        #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, 4,
        "cannot be read"
      ),
      (#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, 4, "dtype"),
      (#"{"__metadata__":{"a":1}}"#, 0, "cannot be read"),
    ]
  )
  func malformed(header: String, data: Int, expected: String) {
    #expect(Self.reason(Self.bytes(header, data: data)).contains(expected))
  }

  @Test("refuses hostile header lengths, short files, folders and missing files")
  func hostile() throws {
    for length: UInt64 in [1, 1 << 20, 100_000_001, 1 << 63, .max, .max - 7] {
      let data = withUnsafeBytes(of: length.littleEndian) { Data($0) }
      let reason = Self.reason(data)
      #expect(reason.contains("header of") || reason.contains("inside its header"), "\(reason)")
    }
    #expect(Self.reason(Data()).contains("too few"))
    #expect(Self.reason(Data([1, 2, 3])).contains("too few"))
    let deep = String(repeating: "{\"a\":", count: 100_000)
    #expect(Self.reason(Self.bytes(deep)).contains("cannot be read"))
    let folder = FileManager.default.temporaryDirectory
    #expect(throws: TensorError.malformedFile(file: folder.path, reason: "is not a file")) {
      try SafetensorsFile(URL(fileURLWithPath: folder.path))
    }
    #expect(throws: TensorError.notFound(file: "/no/such/file")) {
      try SafetensorsFile(URL(fileURLWithPath: "/no/such/file"))
    }
  }

  @Test("a huge empty shape is an error or an empty tensor, never a crash")
  func hugeEmpty() {
    let header =
      #"{"a":{"dtype":"U8","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}}"#
    #expect(throws: (any Error).self) { try Self.open(Self.bytes(header)) }
  }

  @Test("copies tensors that the file does not align")
  func misaligned() throws {
    let header =
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
      + #""b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}"#
    var data = Self.bytes(header, data: 1, padded: false)
    data.append(withUnsafeBytes(of: (Float(1.5), Float(-2))) { Data($0) })
    #expect(try Self.open(data) == [[0], [1.5, -2]])
  }

  @Test("survives 300 random byte changes and cuts of a valid file")
  func fuzz() throws {
    let valid = try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("x.safetensors")
      try Safetensors.write(Self.samples(), to: url)
      return try Data(contentsOf: url)
    }
    var random = SeededGenerator(seed: 11)
    var (read, refused) = (0, 0)
    for round in 0..<300 {
      var data = valid
      if round.isMultiple(of: 4) {
        data = data.prefix(Int.random(in: 0..<valid.count, using: &random))
      } else {
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          let place = Int.random(in: 0..<valid.count, using: &random)
          data[place] = UInt8.random(in: 0...255, using: &random)
        }
      }
      do {
        _ = try Self.open(data)
        read += 1
      } catch is TensorError {
        refused += 1
      }
    }
    #expect(read + refused == 300 && refused > 100, "\(read) read, \(refused) refused")
  }

  @Test("splits into shards with an index and reads them as one")
  func shards() throws {
    try withTemporaryFolder { folder in
      let tensors = (0..<5).map {
        (name: "w\($0)", tensor: Tensor([Float($0), 1, 2, 3]))  // 16 bytes each
      }
      try Safetensors.writeFolder(tensors, to: folder, maximumShardBytes: 40)
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(
        files == [
          "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
          "model-00003-of-00003.safetensors", "model.safetensors.index.json",
        ]
      )
      let weights = try WeightsFolder(folder)
      #expect(weights.names == tensors.map(\.name))
      #expect(weights.metadata == ["format": "pt"])
      for (name, tensor) in tensors {
        #expect(try weights.tensor(named: name).floats == tensor.floats)
        #expect(weights.shape(of: name) == [4] && weights.dtype(of: name) == .float32)
      }
      #expect(weights.shape(of: "w9") == nil)
      #expect(throws: TensorError.self) { try weights.tensor(named: "w9") }

      let missing = folder.appendingPathComponent(files[1])
      try FileManager.default.removeItem(at: missing)
      #expect(throws: TensorError.notFound(file: missing.path)) { try WeightsFolder(folder) }

      try Safetensors.writeFolder(tensors, to: folder)  // one file takes the shards' place
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model.safetensors"]
      )
      #expect(try WeightsFolder(folder).names == tensors.map(\.name))
    }
  }

  @Test("an index that leads outside of its folder or states what is not there is refused")
  func badIndex() throws {
    try withTemporaryFolder { folder in
      let index = folder.appendingPathComponent("model.safetensors.index.json")
      try Safetensors.write(
        [("a", Tensor([1] as [Float]))],
        to: folder.appendingPathComponent("s.safetensors")
      )
      for (text, expected) in [
        (#"{"weight_map":{"a":"../s.safetensors"}}"#, "same folder"),
        (#"{"weight_map":{"b":"s.safetensors"}}"#, "has the tensor b"),
        (#"{"weight_map":[]}"#, "cannot be read"), ("", "cannot be read"),
        (#"{}"#, "weight_map"),
      ] {
        try Data(text.utf8).write(to: index)
        let error = #expect(throws: TensorError.self) { try WeightsFolder(folder) }
        #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
      }
    }
  }

  @Test("refuses two tensors of one name and a folder that is not there")
  func cannotWrite() throws {
    let one = Tensor([1] as [Float])
    try withTemporaryFolder { folder in
      #expect(throws: TensorError.self) {
        try Safetensors.write(
          [("a", one), ("a", one)],
          to: folder.appendingPathComponent("x.safetensors")
        )
      }
      #expect(throws: TensorError.self) {
        try Safetensors.write([("a", one)], to: folder.appendingPathComponent("no/x.safetensors"))
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(left.isEmpty)
    }
  }
}
