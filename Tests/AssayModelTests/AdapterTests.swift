import AssayBase
import AssayModel
import AssayTensor
import AssayTestSupport
import Foundation
import Testing

@Suite struct AdapterTests {
  private static let layer = "model.layers.0.self_attn.q_proj"
  private static let prefix = "base_model.model."
  /// Of the base, D = 16, H K = 16.
  private static let width = 16

  /// A and B of rank 2 for one layer.
  private static func matrices() -> [(name: String, tensor: Tensor)] {
    [
      (prefix + layer + ".lora_A.weight", Tensor.normal([2, width], deviation: 0.3, seed: 1)),
      (prefix + layer + ".lora_B.weight", Tensor.normal([width, 2], deviation: 0.3, seed: 2)),
    ]
  }

  private static var score: (name: String, tensor: Tensor) {
    (prefix + "score.weight", Tensor.normal([1, width], seed: 3))
  }

  /// Writes a base and an adapter beside it, and gives the adapter's folder and the base's weights.
  private static func write(
    _ folder: URL,
    settings: String,
    _ tensors: [(name: String, tensor: Tensor)]
  ) throws -> (adapter: URL, base: [String: Tensor]) {
    let manager = FileManager.default
    let (base, adapter) = (folder.appending(path: "base"), folder.appending(path: "adapter"))
    for url in [base, adapter] {
      try manager.createDirectory(at: url, withIntermediateDirectories: true)
    }
    let model = try TinyModels.make(.languageModel)
    try model.save(to: base)
    let standard = ["peft_type": "LORA", "base_model_name_or_path": "org/base"]
    let missing = standard.filter { !settings.contains($0.key) }.map { #""\#($0)": "\#($1)", "# }
    let config = "{" + missing.joined() + #""r": 2, "lora_alpha": 6"# + settings + "}"
    try Data(config.utf8).write(to: adapter.appending(path: "adapter_config.json"))
    try Safetensors.write(tensors, to: adapter.appending(path: "adapter_model.safetensors"))
    return (adapter, weights(model))
  }

  private static func weights(_ model: Model) -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: model.decoder.named { $0.value }.map { ($0.name, $0.tensor) })
  }

  /// `W + s B A` by loops, each row scaled to a magnitude where there is one.
  private static func merged(_ weight: [Float], scale: Float, magnitudes: [Float]?) -> [Float] {
    let (a, b) = (matrices()[0].tensor.floats, matrices()[1].tensor.floats)
    var result = weight
    for row in 0..<width {
      for column in 0..<width {
        let product = (0..<2).reduce(Float(0)) { $0 + b[row * 2 + $1] * a[$1 * width + column] }
        result[row * width + column] += scale * product
      }
      guard let magnitudes else { continue }
      let cells = row * width..<(row + 1) * width
      let norm = result[cells].reduce(0) { $0 + $1 * $1 }.squareRoot()
      for cell in cells { result[cell] *= magnitudes[row] / norm }
    }
    return result
  }

  @Test(
    "adds alpha / r, or alpha / sqrt(r) where it is rank-stabilized, times B A; DoRA sets the length",
    arguments: [
      ("", 3, false), (#", "use_rslora": true"#, 6 / Float(2).squareRoot(), false),
      (#", "use_dora": true"#, 3, true),
    ]
  )
  func merges(settings: String, scale: Float, hasMagnitudes: Bool) throws {
    try withTemporaryFolder { folder in
      let magnitudes = (0..<Self.width).map { 0.5 + Float($0) / 10 }
      let dora = (
        name: Self.prefix + Self.layer + ".lora_magnitude_vector", tensor: Tensor(magnitudes)
      )
      let (adapter, base) = try Self.write(
        folder,
        settings: settings + #", "task_type": "CAUSAL_LM""#,
        Self.matrices() + (hasMagnitudes ? [dora] : [])
      )
      let model = try Model.load(adapter)
      let name = Self.layer + ".weight"
      for (other, value) in Self.weights(model) where other != name {
        #expect(value.floats == base[other]?.floats, "\(other)")
      }
      let expected = Self.merged(
        try #require(base[name]).floats,
        scale: scale,
        magnitudes: hasMagnitudes ? magnitudes : nil
      )
      expectClose(try #require(Self.weights(model)[name]).floats, expected)
      #expect(model.manifest.kind == .languageModel)
    }
  }

  @Test(
    "scores as peft does with the adapter beside its base",
    arguments: ["lora", "rslora", "dora", "wide"]
  )
  func peft(_ name: String) throws {
    let expected = try JSONValue(
      parsing: Array(try Data(contentsOf: Fixture.folder("peft/expected.json")))
    )
    let scores = try #require(expected[name]?.array).compactMap(\.double)
    let fixture = try Fixture("llama-reward")
    let weights = try Model.loadWeights(Fixture.folder("peft/\(name)"))
    let passes = fixture.expected.sequences.map { ids in
      ModelPass(tokens: ids, index: ids.lastIndex { $0 != 0 } ?? 0)
    }
    let found = try PassReader(weights.decoder, head: weights.head).read(passes, .reward)
    #expect(found.count == scores.count)
    for (score, reference) in zip(found, scores) {
      #expect(abs(score.value - reference) < 1e-4 * max(1, abs(reference)))
    }
  }

  @Test(
    "adapters beside one base share its weights, and score as each does merged",
    arguments: [WeightFormat.plain, .int8]
  )
  func beside(format: WeightFormat) throws {
    let folders = try ["lora", "rslora", "dora", "wide"].map { try Fixture.folder("peft/" + $0) }
    let bases = try SharedBases(of: folders)
    let fixture = try Fixture("llama-reward")
    let passes = fixture.expected.sequences.map { ids in
      ModelPass(tokens: ids, index: ids.lastIndex { $0 != 0 } ?? 0)
    }
    func scores(_ weights: Model.Weights) throws -> [Double] {
      try PassReader(weights.decoder, head: weights.head).read(passes, .reward).map(\.value)
    }
    func packed(_ decoder: Decoder) -> Decoder {
      var decoder = decoder
      decoder.execution.weights = format
      decoder.packForInference()
      return decoder
    }
    var all: [[Parameter]] = []
    // Whole numbers of the merged weights are others than those of the base.
    let limit = format == .plain ? 1e-4 : 0.1
    for folder in folders {
      let own = try Model.loadWeights(folder, beside: bases)
      let decoder = packed(own.decoder)
      all.append(decoder.parameters)
      let found = try PassReader(decoder, head: own.head).read(passes, .reward)
      let expected = try scores(try Model.loadWeights(folder))
      #expect(found.count == expected.count && !found.isEmpty)
      for (score, reference) in zip(found.map(\.value), expected) {
        #expect(abs(score - reference) < limit * max(1, abs(reference)), "\(folder.path)")
      }
    }
    for parameters in all {
      #expect(!parameters.isEmpty && zip(parameters, all[0]).allSatisfy { $0 === $1 })
    }
  }

  @Test("an adapter is exported as it was, and scores the same merged or not")
  func exported() throws {
    try withTemporaryFolder { folder in
      let settings = #", "task_type": "SEQ_CLS", "modules_to_save": ["score"]"#
      let adapter = try Self.write(
        folder,
        settings: settings,
        Self.matrices() + [Self.score]
      ).adapter
      for layout in [ModelExport.Layout.adapter, .merged, .ggufF16] {
        let out = folder.appending(path: "out-" + layout.rawValue)
        let result = try ModelExport(adapter, to: out, layout: layout).run()
        #expect(result.goldenCount == 2)
        let limit = layout == .ggufF16 ? 0.01 : 1e-5
        #expect(try #require(result.goldenDifference) < limit, "\(layout)")
        #expect(try Model.load(result.url).manifest.kind == .classic)
      }
      let file = try WeightsFolder(folder.appending(path: "out-adapter"), name: "adapter_model")
      #expect(file.names == (Self.matrices() + [Self.score]).map(\.name).sorted())
      let other = folder.appending(path: "out-adapter").appending(path: "adapter_config.json")
      let document = try JSONValue(parsing: Array(try Data(contentsOf: other)))
      let base = folder.appending(path: "base").path
      #expect(document["base_model_name_or_path"]?.string == base)
    }
  }

  @Test("a classifier's adapter brings its head, and is refused without one")
  func head() throws {
    try withTemporaryFolder { folder in
      let settings = #", "task_type": "SEQ_CLS", "modules_to_save": ["score"]"#
      let adapter = try Self.write(
        folder,
        settings: settings,
        Self.matrices() + [Self.score]
      ).adapter
      let model = try Model.load(adapter)
      #expect(model.manifest.kind == .classic)
      #expect(model.head?.parameters.first?.value.floats == Self.score.tensor.floats)
    }
    try withTemporaryFolder { folder in
      let adapter = try Self.write(
        folder,
        settings: #", "task_type": "SEQ_CLS""#,
        Self.matrices()
      ).adapter
      let error = #expect(throws: ModelError.self) { try Model.load(adapter) }
      #expect(error?.description.contains("keeps no score.weight") == true)
    }
  }

  @Test(
    "takes beginnings that leave the base as it is",
    arguments: ["true", "false", "null", #""gaussian""#, #""EVA""#, #""orthogonal""#]
  )
  func starts(value: String) throws {
    try withTemporaryFolder { folder in
      let adapter = try Self.write(
        folder,
        settings: #", "task_type": "CAUSAL_LM", "init_lora_weights": "# + value,
        Self.matrices()
      ).adapter
      #expect(try Model.load(adapter).manifest.kind == .languageModel)
    }
  }

  @Test("refuses what it does not compute, by the key or the weight")
  func refused() throws {
    let (a, b) = (Self.matrices()[0], Self.matrices()[1])
    let foreign = (name: Self.prefix + "model.layers.7.q.lora_A.weight", tensor: a.tensor)
    let embedding = (name: Self.prefix + Self.layer + ".lora_embedding_A", tensor: a.tensor)
    let short = (name: b.name, tensor: Tensor.zeros([Self.width, 3]))
    for (settings, tensors, expected) in [
      (#", "bias": "all""#, [a, b], "bias: all is not supported"),
      (#", "fan_in_fan_out": true"#, [a, b], "fan_in_fan_out"),
      (#", "init_lora_weights": "pissa_niter_4""#, [a, b], "pissa_niter_4 may change the base's"),
      (#", "init_lora_weights": "OLoRA""#, [a, b], "path_initial_model_for_weight_conversion"),
      (#", "init_lora_weights": "loftq""#, [a, b], "init_lora_weights: loftq"),
      (#", "alpha_pattern": {"q_proj": 4}"#, [a, b], "alpha_pattern"),
      (#", "peft_type": "IA3""#, [a, b], "peft_type: IA3 is not supported"),
      (#", "base_model_name_or_path": "org/none""#, [a, b], "none beside this one"),
      ("", [foreign], "which the base model has not"), ("", [a], "lora_B.weight: is missing"),
      ("", [a, b, embedding], "not a part of a linear layer"), ("", [a, short], "do not fit"),
      ("", [], "adapter_model holds no weights"),
    ] {
      try withTemporaryFolder { folder in
        let adapter = try Self.write(folder, settings: settings, tensors).adapter
        let error = #expect(throws: ModelError.self) { try Model.load(adapter) }
        #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
      }
    }
  }
}
