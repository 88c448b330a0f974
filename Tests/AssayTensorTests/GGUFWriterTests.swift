import AssayTensor
import AssayTestSupport
import Foundation
import Testing

@Suite struct GGUFWriterTests {
  @Test("metadata of every type and tensors of every storage are read back")
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.gguf")
      let values = Tensor.normal([3, 64], seed: 1)
      let plain = Tensor.normal([5], seed: 2)
      let contents = GGUFContents(
        values: [
          ("a.integer", .integer(4_000_000_000)), ("a.number", .number(0.5)),
          ("a.flag", .flag(true)), ("a.text", .text("caf\u{E9}")), ("a.texts", .texts(["", "x"])),
          ("a.integers", .integers([-1, 2])), ("a.numbers", .numbers([0.25])),
        ],
        items: [
          .init(name: "plain", shape: [5], storage: .f32) { plain },
          .init(name: "half", shape: [3, 64], storage: .f16) { values },
          .init(name: "bytes", shape: [3, 64], storage: .q8_0) { values },
        ]
      )
      try contents.write(to: url)
      let file = try GGUFFile(url)
      #expect(try file.integer("a.integer") == 4_000_000_000)
      #expect(try file.number("a.number") == 0.5)
      #expect(try file.flag("a.flag") == true)
      #expect(try file.text("a.text") == "caf\u{E9}")
      #expect(try file.texts("a.texts") == ["", "x"])
      #expect(try file.integers("a.integers") == [-1, 2])
      #expect(try file.numbers("a.numbers") == [0.25])
      #expect(file.names == ["bytes", "half", "plain"])
      #expect(try file.tensor(named: "plain").floats == plain.floats)
      let halves = values.floats.map { Float(Float16($0)) }
      #expect(try file.tensor(named: "half").to(.float32).floats == halves)
      // Half a step of the largest of 32, and the rounding of its scale.
      let back = try file.tensor(named: "bytes").floats
      for (index, value) in values.floats.enumerated() {
        let block = values.floats[(index / 32 * 32)..<(index / 32 * 32 + 32)]
        let largest = block.map { abs($0) }.max() ?? 0
        #expect(abs(back[index] - value) <= largest * (0.5 / 127 + 1e-3))
      }
    }
  }

  @Test("refuses numbers that a type does not hold, and leaves no file")
  func refused() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.gguf")
      for (storage, number) in [
        (GGUFContents.Storage.f16, Float(70000)), (.f16, .nan), (.q8_0, .infinity), (.q8_0, .nan),
        (.q8_0, 1e8),
      ] {
        let tensor = Tensor([Float](repeating: number, count: 32), [1, 32])
        let item = GGUFContents.Item(name: "t", shape: [1, 32], storage: storage) { tensor }
        #expect(throws: TensorError.self) { try GGUFContents(items: [item]).write(to: url) }
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(left.isEmpty)
    }
  }
}
