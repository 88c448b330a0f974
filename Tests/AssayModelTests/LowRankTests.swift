import AssayBase
import AssayModel
import AssayTensor
import AssayTestSupport
import Foundation
import Testing

@Suite struct LowRankTests {
  /// A fixture's decoder in a model whose tokens nobody asks for.
  private static func model(_ name: String) throws -> (Model, Fixture) {
    let fixture = try Fixture(name)
    let tiny = try TinyModels.make(.languageModel)
    let model = Model(
      decoder: fixture.decoder,
      head: fixture.head,
      tokenizer: tiny.tokenizer,
      template: tiny.template,
      manifest: ModelManifest(kind: .languageModel)
    )
    return (model, fixture)
  }

  private static func rewards(_ model: Model, _ fixture: Fixture) throws -> [Double] {
    let passes = fixture.expected.sequences.map { ids in
      ModelPass(tokens: ids, index: ids.lastIndex { $0 != 0 } ?? 0)
    }
    return try PassReader(model.decoder, head: model.head).read(passes, .reward).map(\.value)
  }

  /// The last hidden states of a fixture's sequences.
  private static func states(_ model: Model, _ fixture: Fixture, training: Bool) -> [Float] {
    model.decoder(fixture.batch, rows: nil, training: training).floats
  }

  /// Numbers in place of the zeros and ones that products start with.
  private static func fill(_ model: Model) {
    for (index, parameter) in model.trained.enumerated() {
      let noise = Tensor.normal(parameter.value.shape, deviation: 0.2, seed: UInt64(index))
      withoutGradients { parameter.value.copyInPlace(parameter.value + noise) }
    }
  }

  @Test(
    "computes what peft computes with the adapter beside its base, and writes what peft wrote",
    arguments: ["lora", "rslora", "dora", "wide"]
  )
  func peft(_ name: String) throws {
    let folder = try Fixture.folder("peft/\(name)")
    func json(_ path: String) throws -> JSONValue {
      try JSONValue(parsing: Array(try Data(contentsOf: Fixture.folder(path))))
    }
    let scores = try #require(try json("peft/expected.json")[name]?.array).compactMap(\.double)
    let config = try json("peft/\(name)/adapter_config.json")
    var options = LowRankOptions(
      rank: try #require(config["r"]?.int),
      alpha: try #require(config["lora_alpha"]?.double)
    )
    options.isRankStabilized = config["use_rslora"] == true
    options.hasMagnitudes = config["use_dora"] == true
    options.targets = try #require(config["target_modules"]?.array).compactMap(\.string)

    let (model, fixture) = try Self.model("llama-reward")
    try model.addAdapter(options, beside: folder, seed: 1)
    let stored = try WeightsFolder(folder, name: "adapter_model")
    #expect(stored.names == model.trained.map { "base_model.model." + $0.name }.sorted())
    for parameter in model.trained {
      parameter.value.copyInPlace(try stored.tensor(named: "base_model.model." + parameter.name))
    }
    func expectScores() throws {
      let found = try Self.rewards(model, fixture)
      #expect(found.count == scores.count && !found.isEmpty)
      for (score, reference) in zip(found, scores) {
        #expect(abs(score - reference) < 1e-4 * max(1, abs(reference)))
      }
    }
    try expectScores()
    try withTemporaryFolder { out in
      try model.mergeAdapter(writingTo: out)
      try expectScores()
      let written = try WeightsFolder(out, name: "adapter_model")
      #expect(written.names == stored.names)
      for name in stored.names {
        #expect(try written.tensor(named: name).floats == stored.tensor(named: name).floats)
      }
      let bytes = Array(try Data(contentsOf: out.appending(path: "adapter_config.json")))
      let own = try JSONValue(parsing: bytes)
      for key in ["peft_type", "use_rslora", "use_dora", "bias", "fan_in_fan_out"] {
        #expect(own[key] == config[key], "\(key)")
      }
      #expect(own["r"]?.int == options.rank && own["lora_alpha"]?.double == options.alpha)
      #expect(Set(own["target_modules"]?.array?.compactMap(\.string) ?? []) == Set(options.targets))
    }
  }

  @Test("begins as its base, and is the same merged", arguments: ["qwen2", "internlm2", "mixtral"])
  func merged(_ name: String) throws {
    for hasMagnitudes in [false, true] {
      let (model, fixture) = try Self.model(name)
      let base = Self.states(model, fixture, training: false)
      var options = LowRankOptions(rank: 3, alpha: 6)
      options.hasMagnitudes = hasMagnitudes
      try model.addAdapter(options, beside: try Fixture.folder(name), seed: 2)
      expectClose(Self.states(model, fixture, training: false), base)
      Self.fill(model)
      let beside = Self.states(model, fixture, training: true)
      #expect(zip(beside, base).contains { abs($0 - $1) > 0.01 })
      expectClose(Self.states(model, fixture, training: false), beside)
      try withTemporaryFolder { try model.mergeAdapter(writingTo: $0) }
      // The same products in another order: rounding, through all blocks.
      expectClose(Self.states(model, fixture, training: false), beside, absolute: 1e-5)
      #expect(model.trained.count == model.parameters.count)
    }
  }

  @Test("gradients are those of finite differences, and none is asked of the base")
  func gradients() throws {
    let (model, fixture) = try Self.model("internlm2")
    let before = model.parameters.map(\.value.floats)
    try model.addAdapter(LowRankOptions(rank: 2, alpha: 4), beside: fixture.folder, seed: 3)
    Self.fill(model)
    let trained = model.trained.prefix(4).map(\.value)
    let start = trained.map { $0.detached().copy() }
    for value in model.trained.map(\.value) { value.setRequiresGradientInPlace() }
    let states = model.decoder(fixture.batch, rows: nil, training: true)
    states.squared().sum().backward()
    let loss = {
      withoutGradients { model.decoder(fixture.batch, rows: nil, training: true).squared().sum() }
        .item
    }
    for (value, start) in zip(trained, start) {
      let gradient = try #require(value.gradient).floats
      let largest = try #require(gradient.indices.max { abs(gradient[$0]) < abs(gradient[$1]) })
      func moved(_ step: Float) -> Double {
        var numbers = start.floats
        numbers[largest] += step
        withoutGradients { value.copyInPlace(Tensor(numbers, start.shape)) }
        defer { withoutGradients { value.copyInPlace(start) } }
        return Double(loss())
      }
      let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2
      #expect(abs(slope - Double(gradient[largest])) < 0.02 * abs(slope))
    }
    for (parameter, before) in zip(model.decoder.parameters, before) {
      #expect(parameter.value.gradient == nil && parameter.value.floats == before)
    }
  }

  @Test("a target that is no layer is refused, naming those that are")
  func targets() throws {
    let (model, fixture) = try Self.model("llama-reward")
    var options = LowRankOptions(rank: 2, alpha: 4)
    options.targets = ["q_proj", "query"]
    let error = try #require(throws: ModelError.self) {
      try model.addAdapter(options, beside: fixture.folder, seed: 1)
    }
    #expect("\(error)".contains("layer query"))
    let known = "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"
    #expect("\(error)".contains(known))
    options.targets = ["v_proj"]
    try model.addAdapter(options, beside: fixture.folder, seed: 1)
    #expect(model.trained.count == 2 * 2 + 1)
  }
}
