import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct ModelFolderTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let kind: ModelKind
    let head: RewardHead.Kind?
    let tied: Bool
    let architecture: Architecture
    let dtype: DType
    var testDescription: String {
      "\(kind) \(head.map { "\($0)" } ?? "none") tied \(tied) \(architecture.modelType) \(dtype)"
    }
  }

  static let cases: [Case] = [
    Case(kind: .classic, head: .linear, tied: false, architecture: .llama, dtype: .float32),
    Case(kind: .classic, head: .linear, tied: true, architecture: .qwen2, dtype: .bfloat16),
    Case(kind: .classic, head: .cloud, tied: false, architecture: .qwen2, dtype: .float32),
    Case(kind: .cloud, head: .cloud, tied: true, architecture: .llama, dtype: .float32),
    Case(kind: .cloud, head: .linear, tied: false, architecture: .llama, dtype: .bfloat16),
    Case(kind: .languageModel, head: nil, tied: false, architecture: .qwen2, dtype: .float32),
    Case(kind: .languageModel, head: nil, tied: false, architecture: .phi3, dtype: .bfloat16),
    Case(kind: .languageModel, head: nil, tied: false, architecture: .internlm2, dtype: .float32),
    Case(kind: .classic, head: .linear, tied: true, architecture: .gemma2, dtype: .float32),
  ]

  private func rounded(_ weights: [(name: String, tensor: Tensor)], _ dtype: DType) -> [String:
    [Float]]
  {
    Dictionary(uniqueKeysWithValues: weights.map { ($0.name, $0.tensor.to(dtype).floats) })
  }

  @Test("gives back what was saved, bit for bit", arguments: cases)
  func roundTrip(item: Case) throws {
    let model = try Tiny.model(
      Tiny.configuration(tied: item.tied, item.architecture),
      kind: item.kind,
      head: item.head
    )
    if item.architecture == .qwen2 {
      // New biases are zero, which would hide a mistake in their order.
      for parameter in model.parameters where parameter.name.hasSuffix("qkv_bias") {
        parameter.value.copyInPlace(.normal(parameter.value.shape, seed: 3))
      }
    }
    try withTemporaryFolder { folder in
      try model.save(to: folder, dtype: item.dtype)
      let loaded = try Model.load(folder, dtype: item.dtype)
      var expected = rounded(model.decoder.named { $0.value }, item.dtype)
      // A sequence classifier has no output embedding.
      let isClassifier = item.kind == .classic && item.head == .linear
      let output = item.architecture == .internlm2 ? "output.weight" : "lm_head.weight"
      if isClassifier { expected[output] = nil }
      #expect(rounded(loaded.decoder.named { $0.value }, item.dtype) == expected)
      #expect(expected.keys.contains(output) == !(item.tied || isClassifier))
      #expect(loaded.decoder.isLanguageModel == !isClassifier)
      #expect(loaded.decoder.execution.dtype == item.dtype)
      #expect(loaded.decoder.configuration == model.decoder.configuration)
      #expect(loaded.head?.kind == item.head)
      #expect(
        (loaded.head?.parameters ?? []).map { $0.value.floats }
          == (model.head?.parameters ?? []).map { $0.value.to(item.dtype).floats }
      )
      #expect(loaded.manifest == model.manifest)
      #expect(loaded.template == model.template)
      let text = "What is 2 + 3? <|eot|>"
      #expect(loaded.tokenizer.encode(text) == model.tokenizer.encode(text))
      #expect(loaded.tokenizer.encodePlain(text) == model.tokenizer.encodePlain(text))
    }
  }

  @Test("finds the kind of a folder without a manifest", arguments: cases)
  func kind(item: Case) throws {
    let model = try Tiny.model(
      Tiny.configuration(tied: item.tied),
      kind: item.kind,
      head: item.head
    )
    try withTemporaryFolder { folder in
      try model.save(to: folder)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("assay.json"))
      let loaded = try Model.load(folder)
      // The weights of CLoud's classic baseline do not tell it from a model that writes.
      let isTold = !(item.kind == .classic && item.head == .cloud)
      #expect(loaded.manifest.kind == (isTold ? item.kind : .cloud))
      #expect(try loaded.verifyGolden() == nil)
    }
  }

  @Test("saves golden scores of the stored weights", arguments: cases)
  func golden(item: Case) throws {
    let model = try Tiny.model(kind: item.kind, head: item.head)
    try withTemporaryFolder { folder in
      try model.save(to: folder, dtype: item.dtype)
      let loaded = try Model.load(folder)
      let counts: [ModelKind: Int] = [.classic: 2, .cloud: 1, .languageModel: 0]
      #expect((loaded.manifest.golden ?? []).count == counts[item.kind])
      guard let golden = loaded.manifest.golden else {
        #expect(try loaded.verifyGolden() == nil)
        return
      }
      #expect(try #require(try loaded.verifyGolden()) < 1e-5)
      let texts = [
        "<s><|user|>What is 2 + 3?<|eot|><|assistant|>2 + 3 = 5.<|eot|>",
        "<s><|user|>Name a color.<|eot|><|assistant|>I had eggs for breakfast.<|eot|>",
      ]
      let critique = "<|user|>Critique the answer. The answer is correct.<|eot|>"
      #expect(golden.map(\.text) == (item.kind == .cloud ? [texts[0] + critique] : texts))
      // The score of a classic model is the one that the renderer's tokens have.
      if item.kind == .classic {
        let sequence = try loaded.renderer().render(
          prompt: [.user("What is 2 + 3?")],
          response: "2 + 3 = 5."
        )
        #expect(sequence.tokens == loaded.tokenizer.encode(golden[0].text))
        let head = try #require(loaded.head)
        let row = Tensor([Int64(sequence.scoredIndex)])
        let hidden = loaded.decoder(PackedBatch([sequence.tokens]), rows: row, training: false)
        #expect(abs(Double(head(hidden).item) - golden[0].score) < 1e-5)
      }
      // A changed head must show.
      let head = try #require(loaded.head?.parameters.first)
      head.value.scaleInPlace(1.5)
      #expect(try #require(try loaded.verifyGolden()) > 1e-4)
    }
  }

  @Test("verifies in float32 whatever the compute type, and keeps the type")
  func goldenType() throws {
    let model = try Tiny.model()
    model.decoder.execution.dtype = .bfloat16
    try withTemporaryFolder { folder in
      try model.save(to: folder)
      #expect(model.decoder.execution.dtype == .bfloat16)
      #expect(try #require(try Model.load(folder).verifyGolden()) < 1e-5)
      #expect(try #require(try model.verifyGolden()) < 1e-5)
    }
  }

  @Test("leaves out golden texts that the context does not hold")
  func shortContext() throws {
    var configuration = Tiny.configuration()
    configuration.contextTokens = 8
    let model = try Tiny.model(configuration)
    try withTemporaryFolder { folder in
      try model.save(to: folder)
      #expect(try Model.load(folder).verifyGolden() == nil)
    }
  }

  @Test("refuses to save a model whose rewards are not numbers")
  func diverged() throws {
    let model = try Tiny.model()
    model.head?.parameters[0].value.fillInPlace(.nan)
    try withTemporaryFolder { folder in
      let error = #expect(throws: ModelError.self) { try model.save(to: folder) }
      #expect("\(error, default: "")".contains("score.weight"))
    }
  }

  @Test("replaces an earlier model in the same folder")
  func replaces() throws {
    try withTemporaryFolder { folder in
      try Tiny.model(kind: .cloud, head: .cloud).save(to: folder)
      try Tiny.model(kind: .classic, head: .linear).save(to: folder)
      let loaded = try Model.load(folder)
      #expect(loaded.head?.kind == .linear)
      #expect(loaded.manifest.kind == .classic)
    }
  }

  @Test(
    "keeps rotary scaling, an unusual head width and a window",
    arguments: Architecture.all.filter { !$0.isEncoder }.map(\.modelType)
  )
  func configuration(type: String) throws {
    let architecture = try #require(Architecture.all.first { $0.modelType == type })
    var yarn = RotaryScaling.YaRN(factor: 4, original: 48)
    (yarn.fast, yarn.truncates, yarn.attentionFactor) = (16, false, 1.25)
    let factors = (0..<(architecture == .phi3 ? 4 : 8)).map { 1 + Double($0) / 4 }
    let long = RotaryScaling.LongRoPE(short: factors, long: factors, original: 192, extended: 400)
    let scalings: [RotaryScaling?] = [
      nil, .linear(factor: 4), .llama3(factor: 8, low: 1, high: 4, original: 64),
      .dynamic(factor: 2), .yarn(yarn), .longrope(long),
    ]
    for scaling in scalings {
      var configuration = Tiny.configuration(architecture)
      configuration.rotary.base = 500_000
      configuration.rotary.scaling = scaling
      configuration.headWidth = 16
      configuration.endTokenIDs = [2, 5]
      try withTemporaryFolder { folder in
        let url = folder.appendingPathComponent("config.json")
        try configuration.json(labels: 0, dtype: "float32").write(to: url)
        #expect(try ModelConfiguration(contentsOf: url) == configuration)
      }
    }
  }

  @Test("a scaling that is added to a file counts beside the parameters that it has")
  func addedScaling() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("config.json")
      try Tiny.configuration(.llama).json(labels: 0, dtype: "float32").write(to: url)
      var text = try String(contentsOf: url, encoding: .utf8)
      #expect(text.contains("rope_parameters") && !text.contains("rope_scaling"))
      #expect(try ModelConfiguration(contentsOf: url).rotary.scaling == nil)
      let brace = try #require(text.lastIndex(of: "}"))
      text.insert(contentsOf: #", "rope_scaling": {"type": "linear", "factor": 8.0}"#, at: brace)
      try Data(text.utf8).write(to: url)
      let scaled = try ModelConfiguration(contentsOf: url)
      #expect(scaled.rotary.scaling == .linear(factor: 8))
      #expect(scaled.rotary.base == Tiny.configuration(.llama).rotary.base)
      let empty = text.replacingOccurrences(of: #"{"type": "linear", "factor": 8.0}"#, with: "{}")
      try Data(empty.utf8).write(to: url)
      #expect(try ModelConfiguration(contentsOf: url).rotary.scaling == nil)
    }
  }

  /// CLoud's released layout: the wrapper's weights, and a configuration that names another folder.
  @Test(
    "loads CLoud's released layout",
    arguments: ["../base", "owner/base"],
    ["teacher", "vanilla"]
  )
  func released(base: String, feedback: String) throws {
    let model = try Tiny.model(kind: .cloud, head: .cloud)
    try withTemporaryFolder { parent in
      let base = (name: base, folder: parent.appendingPathComponent("base"))
      try model.save(to: base.folder)
      let folder = parent.appendingPathComponent("reward")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let file = try SafetensorsFile(base.folder.appendingPathComponent("model.safetensors"))
      let weights = try file.names.map { name in
        (
          name: name.hasPrefix("reward_head.") ? name : "reward_base_model." + name,
          tensor: try file.tensor(named: name)
        )
      }
      try Safetensors.writeFolder(weights, to: folder)
      let config =
        #"{"feedback_method": "\#(feedback)", "base_model_name_or_path": "\#(base.name)"}"#
      try Data(config.utf8).write(to: folder.appendingPathComponent("config.json"))
      // The base as it is published has no head and no manifest.
      try FileManager.default.removeItem(at: base.folder.appendingPathComponent("assay.json"))
      try FileManager.default.removeItem(
        at: base.folder.appendingPathComponent("model.safetensors")
      )
      let loaded = try Model.load(folder)
      #expect(loaded.manifest.kind == (feedback == "vanilla" ? .classic : .cloud))
      #expect(loaded.head?.kind == .cloud)
      #expect(
        rounded(loaded.decoder.named { $0.value }, .float32)
          == rounded(model.decoder.named { $0.value }, .float32)
      )
    }
  }
}
