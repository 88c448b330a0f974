// What `Scripts/record_heads.py` recorded, and folders of it.

import AssayBase
import AssayTensor
import Foundation
import Testing

/// A tiny model in a published layout, of drawn weights, and its scores.
package struct RecordedHead: CustomTestStringConvertible {
  package let name: String
  /// The contents of `config.json`.
  package var config: JSONValue
  package var choice: String?
  /// The file of the head, where it has its own; it holds `headTensors`.
  package let headFile: String?
  package var tensors: [String: [Int]]
  package var headTensors: [String: [Int]]
  package let scores: [Double]
  package let parts: [[Double]]
  package var testDescription: String { name }

  /// Files of the head that are copied, and not written.
  package var copiedFiles: [String] {
    name == "ldl" ? ["regression_layer.pt", "gating_layer.pt"] : []
  }

  /// Where the recorded files are.
  package static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("AssayModelTests/Fixtures/heads")

  /// All of them, and the texts that they scored.
  package static let recorded: (models: [RecordedHead], sequences: [[Int32]]) = {
    guard let data = try? Data(contentsOf: folder.appendingPathComponent("heads.json")),
      let document = try? JSONValue(parsing: Array(data))
    else { return ([], []) }
    let sequences = document["sequences"]?.array?.map { text in
      (text.array ?? []).compactMap { $0.int.map(Int32.init) }
    }
    return (document["models"]?.array?.map(RecordedHead.init) ?? [], sequences ?? [])
  }()

  private init(_ document: JSONValue) {
    func shapes(_ key: String) -> [String: [Int]] {
      Dictionary(
        uniqueKeysWithValues: (document[key]?.members ?? []).map {
          ($0.key, ($0.value.array ?? []).compactMap(\.int))
        }
      )
    }
    func numbers(_ value: JSONValue?) -> [Double] { (value?.array ?? []).compactMap(\.double) }
    name = document["name"]?.string ?? ""
    config = document["config"] ?? .object([])
    choice = document["choice"]?.string
    headFile = document["headFile"]?.string
    tensors = shapes("tensors")
    headTensors = shapes("headTensors")
    scores = numbers(document["scores"])
    parts = (document["parts"]?.array ?? []).map { numbers($0) }
  }

  package static func named(_ name: String) throws -> RecordedHead {
    try #require(recorded.models.first { $0.name == name })
  }

  /// Changes a setting; `nil` takes it away.
  package mutating func set(_ key: String, _ value: JSONValue?) {
    let members = (config.members ?? []).filter { $0.key != key }
    config = .object(members + (value.map { [JSONMember(key, $0)] } ?? []))
  }

  /// Writes the folder.
  package func write(to folder: URL) throws {
    try Data(config.pretty.utf8).write(to: folder.appendingPathComponent("config.json"))
    for file in copiedFiles + ["tokenizer.json"] {
      let target = folder.appendingPathComponent(file)
      try FileManager.default.copyItem(at: Self.folder.appendingPathComponent(file), to: target)
    }
    if name == "pairrm" {
      let tokens = #"{"cls_token": "<|cls|>", "sep_token": "<|im_end|>"}"#
      try Data(tokens.utf8).write(to: folder.appendingPathComponent("tokenizer_config.json"))
    }
    func write(_ shapes: [String: [Int]], _ file: String) throws {
      try Safetensors.write(
        shapes.sorted { $0.key < $1.key }.map { ($0.key, Self.draw($0.key, $0.value)) },
        to: folder.appendingPathComponent(file)
      )
    }
    try write(tensors, "model.safetensors")
    if let headFile { try write(headTensors, headFile) }
  }

  /// Numbers of a weight: uniform, by SplitMix64 of a hash of its name; norms are around one.
  package static func draw(_ name: String, _ shape: [Int]) -> Tensor {
    let seed = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    let scale = shape.count > 1 ? (3 / Double(shape[shape.count - 1])).squareRoot() : 0.25
    let ends = [".running_var", ".var", ".logit_scale"]
    let center = name.contains("norm") || ends.contains(where: name.hasSuffix) ? 1.0 : 0
    let values = (0..<shape.reduce(1, *)).map { index -> Float in
      var z = seed &+ UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z = (z ^ (z >> 31)) >> 40
      return Float((Double(z) * 0x1p-23 - 1) * scale + center)
    }
    return Tensor(values, shape)
  }
}
