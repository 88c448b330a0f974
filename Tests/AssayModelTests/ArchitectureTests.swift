// What every architecture must hold to, and what sets some apart from the others.

import AssayBase
import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct ArchitectureTests {
  private static let sequences: [[Int32]] = (0..<33).map { index in
    let (length, step) = (1 + index * 5 % 29, (index + 7) * 31)
    return (0..<length).map { Int32(($0 + 3) * step % 300) }
  }

  private func model(_ type: String, _ execution: Execution = Execution()) throws -> Model {
    let architecture = try #require(Architecture.all.first { $0.modelType == type })
    let head = architecture.isEncoder ? RewardHead.Kind.pooled : .linear
    let model = try Tiny.model(Tiny.configuration(architecture), head: head)
    model.decoder.execution = execution
    return model
  }

  private func scores(_ model: Model, _ sequences: [[Int32]]) throws -> [Double] {
    try PassReader(model.decoder, head: model.head)
      .read(sequences.map { ModelPass(tokens: $0, index: $0.count - 1) }, .reward).map(\.value)
  }

  @Test("a text's score does not depend on its batch", arguments: Architecture.all.map(\.modelType))
  func batches(type: String) throws {
    for isInvariant in Device.cpu.hasKernels ? [false, true] : [false] {
      let model = try model(type, Execution(isBatchInvariant: isInvariant))
      let alone = try Self.sequences.flatMap { try scores(model, [$0]) }
      let largest = alone.map(abs).max() ?? 0
      #expect(largest > 1e-3)
      for size in [4, 33] {
        let together = try stride(from: 0, to: Self.sequences.count, by: size).flatMap { first in
          try scores(model, Array(Self.sequences[first..<min(first + size, Self.sequences.count)]))
        }
        let distance = zip(alone, together).map { abs($0 - $1) }.max() ?? .infinity
        #expect(distance <= (isInvariant ? 0 : 1e-5 * largest), "\(distance) of \(largest)")
      }
    }
  }

  @Test(
    "packed weights change scores by rounding alone",
    .kernels,
    arguments: ["gemma3", "mixtral"]
  )
  func packed(name: String) throws {
    let decoder = try Fixture(name).decoder
    let batch = PackedBatch(Array(Self.sequences.prefix(9)).map { $0.map { $0 % 96 } })
    let ends = Tensor(zip(batch.starts, batch.lengths).map { Int64($0 + $1 - 1) })
    let exact = decoder(batch, rows: ends, training: false).floats
    let size = exact.map { $0 * $0 }.reduce(0, +).squareRoot()
    var errors: [Float] = []
    for (format, bound) in [(WeightFormat.int8, Float(0.05)), (.int4, 0.5)] {
      var packed = try Fixture(name).decoder
      packed.execution = Execution(dtype: .bfloat16, weights: format)
      packed.packForInference()
      let rounded = packed(batch, rows: ends, training: false).to(.float32).floats
      let distance = zip(rounded, exact).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
      errors.append(distance / size)
      #expect(distance < bound * size, "\(format): \(distance) of \(size)")
      #expect(packed.parameters.count < decoder.parameters.count)
    }
    #expect(errors[0] < errors[1])
  }

  /// A copy of a fixture's folder with other settings and names of weights.
  private func withCopy(
    _ name: String,
    settings: (JSONValue) -> JSONValue = { $0 },
    weights: (inout [(name: String, tensor: Tensor)]) -> Void,
    _ body: (URL) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let source = try Fixture.folder(name)
      let config = try Data(contentsOf: source.appendingPathComponent("config.json"))
      let document = settings(try JSONValue(parsing: Array(config)))
      try Data(document.pretty.utf8).write(to: folder.appendingPathComponent("config.json"))
      let file = try SafetensorsFile(source.appendingPathComponent("model.safetensors"))
      var tensors = try file.names.map { (name: $0, tensor: try file.tensor(named: $0)) }
      weights(&tensors)
      try Safetensors.write(tensors, to: folder.appendingPathComponent("model.safetensors"))
      try body(folder)
    }
  }

  @Test("reads the language model of a folder that has others too", arguments: [0, 1])
  func wrapped(layout: Int) throws {
    let expected = try Fixture("gemma3")
    let prefixes = [
      ("language_model.model.", "vision_tower."), ("model.language_model.", "model.vision_tower."),
    ]
    let (prefix, other) = prefixes[layout]
    try withCopy("gemma3") { config in
      let kept = (config.members ?? []).filter {
        // What a released file leaves to the language model's defaults, or says beside it.
        !["architectures", "eos_token_id", "hidden_activation"].contains($0.key)
      }
      return [
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
        "eos_token_id": [1, 2], "text_config": .object(kept), "vision_config": ["hidden_size": 16],
      ]
    } weights: { tensors in
      tensors = tensors.map { (prefix + $0.name.dropFirst("model.".count), $0.tensor) }
      tensors.append((other + "embeddings.position_embedding.weight", .ones([4, 16])))
    } _: { folder in
      let read = try Model.loadWeights(folder).decoder
      #expect(read.configuration.endTokenIDs == [1, 2])
      let hidden = read(expected.batch, rows: nil, training: false)
      let logits = read.logits(hidden, training: false).floats
      expectClose(logits, try expected.floats("logits"), relative: 1e-4, absolute: 1e-5)
    }
  }

  @Test("refuses a block's weight that it would not compute, by its name")
  func others() throws {
    for (name, extra) in [
      ("llama", "model.layers.0.self_attn.q_proj.bias"),
      ("qwen2", "model.layers.7.mlp.up_proj.weight"),
      ("mixtral", "model.layers.1.block_sparse_moe.experts.4.w1.weight"),
    ] {
      try withCopy(name) {
        $0.append((extra, .ones([32])))
      } _: { folder in
        #expect { _ = try Model.loadWeights(folder) } throws: { "\($0)".contains(extra) }
      }
      // A buffer of older files says nothing.
      let buffer = "model.layers.0.self_attn.rotary_emb.inv_freq"
      try withCopy(name) {
        $0.append((buffer, .ones([4])))
      } _: {
        _ = try Model.loadWeights($0)
      }
    }
    let missing = "model.layers.1.block_sparse_moe.experts.3.w2.weight"
    try withCopy("mixtral") {
      $0.removeAll { $0.name == missing }
    } _: { folder in
      #expect { _ = try Model.loadWeights(folder) } throws: { "\($0)".contains(missing) }
    }
  }

  @Test("refuses a number of experts that cannot be")
  func experts() throws {
    for (key, value) in [
      ("num_local_experts", 0), ("num_experts_per_tok", 5), ("num_experts_per_tok", 0),
    ] {
      try withCopy("mixtral") { config in
        config.replacing(key, with: .number("\(value)"))
      } weights: { _ in
      } _: { folder in
        #expect { _ = try Model.loadWeights(folder) } throws: { "\($0)".contains(key) }
      }
    }
  }
}
