import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct ModelExportTests {
  private static let ids: [Int32] = [1, 40, 90, 200, 7, 33]

  private static func logits(_ model: Model) -> [Float] {
    let rows = Tensor([Int64(ids.count - 1)])
    let hidden = model.decoder(PackedBatch([ids]), rows: rows, training: false)
    return model.decoder.logits(hidden, training: false).floats
  }

  private static func export(
    _ source: URL,
    _ name: String,
    _ layout: ModelExport.Layout,
    dtype: DType? = nil
  ) throws -> ModelExport.Result {
    let out = source.deletingLastPathComponent().appendingPathComponent(name)
    return try ModelExport(source, to: out, layout: layout).run(dtype: dtype)
  }

  /// Gives `body` the folder of a saved model, beside which it may write.
  private static func withSaved(_ model: Model, _ body: (URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("source")
      try model.save(to: source)
      try body(source)
    }
  }

  @Test(
    "a GGUF file computes what the folder does, for each architecture that it can say",
    arguments: [
      Architecture.llama, .mistral, .qwen2, .granite, .olmo2, .gemma2, .gemma, .mixtral,
      .internlm2, .phi3,
    ]
  )
  func architectures(_ architecture: Architecture) throws {
    var configuration = Tiny.configuration(tied: architecture == .gemma2, architecture)
    // What the file leaves to llama.cpp's default.
    if architecture == .gemma2 {
      configuration.attention.scale = 1 / Double(configuration.headWidth).squareRoot()
    }
    if architecture == .mistral { configuration.attention.window = nil }
    if architecture == .llama {
      configuration.rotary = Rotary(
        base: 500_000,
        scaling: .llama3(factor: 8, low: 1, high: 4, original: 8192)
      )
    }
    if architecture == .phi3 {
      // A head of 8 numbers, of which 4 are rotated: two frequencies.
      configuration.rotary.scaling = .longrope(
        .init(short: [1, 1.25], long: [1.5, 8], original: 192, extended: 768)
      )
    }
    let model = try Tiny.model(configuration, kind: .languageModel, head: nil)
    try Self.withSaved(model) { source in
      for (layout, tolerance) in [(ModelExport.Layout.ggufF16, Float(0.02)), (.ggufQ8, 0.1)] {
        let result = try Self.export(source, layout.rawValue, layout)
        let stored = try Model.load(result.url)
        expectClose(
          Self.logits(stored),
          Self.logits(model),
          relative: tolerance,
          absolute: tolerance,
          "\(architecture.modelType) \(layout)"
        )
        #expect(stored.template == model.template)
        #expect(
          stored.tokenizer.encode("What is 2 + 3?") == model.tokenizer.encode("What is 2 + 3?")
        )
        #expect(stored.decoder.configuration.endTokenIDs == [5])
      }
    }
  }

  @Test(
    "a GGUF file that is written again in its own type holds the same weights and tokens",
    arguments: [
      "gemma", "gemma2", "gemma3", "granite", "internlm2", "llama", "mixtral", "olmo2", "phi3",
      "qwen2", "qwen3", "qwen3moe", "smollm3",
    ]
  )
  func again(_ name: String) throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("source.gguf")
      try FileManager.default.copyItem(at: Fixture.folder("\(name)-tiny.gguf"), to: source)
      let result = try Self.export(source, "again.gguf", .ggufQ8)
      let (old, new) = (try Model.load(source), try Model.load(result.url))
      for (a, b) in zip(old.decoder.parameters, new.decoder.parameters) {
        // Norms of 1 + w are rounded where the one is added and taken away; outputs came as F16.
        let absolute: Float = a.name == "lm_head" ? 5e-3 : 1e-6
        expectClose(b.value.floats, a.value.floats, relative: 1e-6, absolute: absolute, a.name)
      }
      #expect(new.template.jinja == old.template.jinja)
      let text = "<|im_start|>the other 1234 hens don't\n\n  they  caf\u{E9}<|im_end|>"
      #expect(new.tokenizer.encode(text) == old.tokenizer.encode(text))
    }
  }

  @Test(
    "reward heads, manifest and golden scores go with every layout",
    arguments: [
      ModelKind.classic, .cloud,
    ]
  )
  func rewards(_ kind: ModelKind) throws {
    let model = try Tiny.model(kind: kind, head: kind == .cloud ? .cloud : .linear)
    try Self.withSaved(model) { source in
      for layout in [ModelExport.Layout.full, .ggufF16, .ggufQ8] {
        let result = try Self.export(source, layout.rawValue, layout)
        #expect(result.goldenCount == (kind == .classic ? 2 : 1))
        let difference = try #require(result.goldenDifference)
        #expect(difference < (layout == .full ? 1e-5 : layout == .ggufF16 ? 0.01 : 0.1))
        let stored = try Model.load(result.url)
        #expect(stored.manifest.kind == kind)
        #expect(stored.manifest.leadIn == model.manifest.leadIn)
        #expect(try stored.verifyGolden() ?? 1 < 1e-5)
        try stored.checkGolden("here")
      }
    }
  }

  @Test("a folder keeps the type of its weights, or has the type that was asked for")
  func types() throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("source")
      try Tiny.model().save(to: source, dtype: .bfloat16)
      let same = try Self.export(source, "same", .full)
      #expect(same.goldenDifference ?? 1 < 1e-5)
      let wide = try Self.export(source, "wide", .full, dtype: .float32)
      let name = "model.norm.weight"
      #expect(try WeightsFolder(same.url).dtype(of: name) == .bfloat16)
      #expect(try WeightsFolder(wide.url).dtype(of: name) == .float32)
      let text = "tokenizer_config.json"
      #expect(
        try Data(contentsOf: same.url.appendingPathComponent(text))
          == Data(contentsOf: source.appendingPathComponent(text))
      )
    }
  }

  @Test("refuses what a layout cannot say, and leaves no file")
  func refused() throws {
    var configuration = Tiny.configuration()
    configuration.rotary.scaling = .dynamic(factor: 2)
    try Self.withSaved(try Tiny.model(configuration)) { source in
      let error = #expect(throws: ModelError.self) {
        try Self.export(source, "a.gguf", .ggufF16)
      }
      #expect(error?.description.contains("rotary scaling") == true)
      let folder = source.deletingLastPathComponent()
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(left == ["source"])
      for layout in [ModelExport.Layout.adapter, .merged] {
        let lacking = #expect(throws: ModelError.self) { try Self.export(source, "b", layout) }
        #expect(lacking?.description.contains("no adapter") == true)
      }
      #expect(throws: TensorError.self) { try Self.export(source, "source", .full) }
    }
  }

  @Test("golden scores refuse a head or a tokenizer that is not the one that was saved")
  func golden() throws {
    try Self.withSaved(try Tiny.model()) { source in
      let model = try Model.load(source)
      try model.checkGolden("here")
      model.decoder.execution = Execution(dtype: .bfloat16)
      try model.checkGolden("here")
      model.head = RewardHead(random: .linear, hiddenSize: 32, seed: 9)
      let error = #expect(throws: ModelError.self) { try model.checkGolden("here") }
      #expect(error?.description.contains("golden") == true)
      #expect(throws: ModelError.self) { try Self.exportChanged(source) }
    }
  }

  /// Exports a folder of which the head was exchanged.
  private static func exportChanged(_ source: URL) throws {
    let file = try SafetensorsFile(source.appendingPathComponent("model.safetensors"))
    let weights = try file.names.map { name in
      let value = try file.tensor(named: name)
      return (name: name, tensor: name == "score.weight" ? value * 3 : value.copy())
    }
    try Safetensors.writeFolder(weights, to: source)
    _ = try export(source, "changed", .full)
  }
}
