// The encoder against transformers, and what sets its folders apart.

import AssayBase
import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct EncoderTests {
  private func scores(_ fixture: Fixture, training: Bool) throws -> Tensor {
    let rows = Tensor(fixture.batch.starts.map(Int64.init))
    let head = try #require(fixture.head)
    return head(fixture.decoder(fixture.batch, rows: rows, training: training))
  }

  @Test("gives the scores of transformers", arguments: ["deberta-v3", "deberta-v2"])
  func scores(name: String) throws {
    let fixture = try Fixture(name)
    let expected = try fixture.floats("scores")
    #expect(expected.map(abs).max() ?? 0 > 0.1)
    for training in [false, true] {
      let actual = try scores(fixture, training: training).floats
      expectClose(actual, expected, relative: 1e-4, absolute: 1e-6, name)
    }
    #expect(!fixture.decoder.isLanguageModel && fixture.head?.kind == .pooled)
    // All rows, of which the first of each text are those asked for.
    let all = fixture.decoder(fixture.batch, rows: nil, training: false)
    let first = all.selected(axis: 0, Tensor(fixture.batch.starts.map(Int64.init)))
    let head = try #require(fixture.head)
    expectClose(head(first).floats, expected, relative: 1e-4, absolute: 1e-6, name)
  }

  @Test("gives the gradients of PyTorch", arguments: ["deberta-v3", "deberta-v2"])
  func gradients(name: String) throws {
    let fixture = try Fixture(name)
    for parameter in fixture.parameters { parameter.value.setRequiresGradientInPlace() }
    let scores = try scores(fixture, training: true)
    let (chosen, rejected) = (Tensor([0, 1] as [Int64]), Tensor([2, 3] as [Int64]))
    let difference = scores.selected(axis: 0, rejected) - scores.selected(axis: 0, chosen)
    let loss = difference.softplus().mean()
    #expect(abs(Double(loss.item) - fixture.expected.loss) < 1e-5 * fixture.expected.loss)
    loss.backward()
    var gradients = checkpointGradients(fixture.decoder)
    for parameter in fixture.head?.parameters ?? [] {
      gradients.append((parameter.name, try #require(parameter.value.gradient)))
    }
    let expected = try #require(fixture.expected.gradients)
    #expect(Set(gradients.map(\.name)) == Set(expected.keys))
    let largest = expected.values.map(\.l2).max() ?? 0
    for (parameter, gradient) in gradients {
      let recorded = try #require(expected[parameter], "\(parameter)")
      let values = gradient.floats.map(Double.init)
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      // A bias of keys alone changes no softmax: its gradient is rounding error.
      let bound = 1e-4 * recorded.l2 + 1e-6 * largest
      #expect(abs(norm - recorded.l2) < bound, "\(parameter)")
      #expect(abs(values.reduce(0, +) - recorded.sum) < bound, "\(parameter)")
    }
  }

  private struct Pairs: Decodable {
    struct Pair: Decodable {
      let prompt: String
      let response: String
      let score: Double
    }
    let pairs: [Pair]
  }

  @Test(
    "reads pairs of texts as transformers' tokenizer does",
    arguments: ["deberta-v3", "deberta-v2"]
  )
  func pairs(name: String) throws {
    let folder = try Fixture.folder(name)
    let model = try Model.load(folder)
    let data = try Data(contentsOf: folder.appendingPathComponent("expected.json"))
    let renderer = try model.renderer()
    let places = try #require(try model.places())
    let reader = PassReader(model.decoder, head: model.head)
    for pair in try JSONDecoder().decode(Pairs.self, from: data).pairs {
      let tokens = try renderer.render(prompt: [.user(pair.prompt)], response: pair.response).tokens
      let found = try places.find(in: tokens)
      let pass = ModelPass(tokens: found.tokens, places: found.places)
      let score = try reader.read([pass], .reward)[0].value
      #expect(abs(score - pair.score) < 1e-4 * max(1, abs(pair.score)), "\(pair)")
    }
  }

  /// A model with a tokenizer whose special tokens are an encoder's.
  static func model() throws -> Model {
    let tokenizer = try BPETrainer(
      vocabularySize: 300,
      specialTokens: ["[PAD]", "[CLS]", "[SEP]"]
    ).train(["The answer is 34. What is 2 + 3? The answer is correct. Name a color."])
    return Model(
      decoder: Decoder(random: Tiny.configuration(.debertaV2), seed: 1, isLanguageModel: false),
      head: RewardHead(random: .pooled, hiddenSize: 32, seed: 2),
      tokenizer: tokenizer,
      template: .pair(beginning: "[CLS]", end: "[SEP]"),
      manifest: ModelManifest(kind: .classic)
    )
  }

  @Test("a saved folder gives back weights, settings, golden scores and how pairs are read")
  func saved() throws {
    let model = try Self.model()
    try withTemporaryFolder { folder in
      try model.save(to: folder)
      let again = try Model.load(folder)
      #expect(again.decoder.configuration == model.decoder.configuration)
      #expect(again.template.isPair && again.head?.kind == .pooled)
      #expect(try #require(try again.verifyGolden()) < 1e-5)
      #expect(again.manifest.golden?.count == 2)
      let pair = try again.renderer().render(prompt: [.user("Name a color.")], response: "34.")
      let (prompt, response) = (
        again.tokenizer.encodePlain("Name a color."), again.tokenizer.encodePlain("34.")
      )
      #expect(pair.tokens == [1] + prompt + [2] + response + [2])
      #expect(pair.scoredIndex == 0 && pair.promptTokenCount == prompt.count + 2)
      #expect(
        try ModelFiles.chat(at: folder, tokenizer: again.tokenizer).template.isPair
      )
    }
  }

  @Test("refuses a conversation that is no pair, with its number of messages")
  func turns() throws {
    let renderer = try Self.model().renderer()
    for prompt in [[], [Message.user("a"), .assistant("b"), .user("c")]] {
      #expect(throws: TextError.notPair(messages: prompt.count)) {
        _ = try renderer.render(prompt: prompt, response: "d")
      }
    }
  }

  @Test(
    "refuses what it does not compute, by the key",
    arguments: [
      ("relative_attention", "false"), ("share_att_key", "false"),
      ("position_biased_input", "true"),
      ("type_vocab_size", "2"), ("hidden_act", "\"relu\""), ("embedding_size", "16"),
      ("norm_rel_ebd", "\"batch_norm\""), ("pos_att_type", "[\"p2p\"]"), ("pos_att_type", "3"),
      ("position_buckets", "1000"), ("conv_kernel_size", "4"), ("conv_groups", "2"),
      ("attention_head_size", "4"), ("conv_act", "\"relu\""),
    ]
  )
  func refused(key: String, value: String) throws {
    try withTemporaryFolder { folder in
      try Self.model().save(to: folder)
      let url = folder.appendingPathComponent("config.json")
      let document = try JSONValue(parsing: Array(Data(contentsOf: url)))
      let members = (document.members ?? []).filter { $0.key != key }
      let changed = members + [JSONMember(key, try JSONValue(parsing: Array(value.utf8)))]
      try Data(JSONValue.object(changed).pretty.utf8).write(to: url)
      #expect { _ = try Model.load(folder) } throws: { "\($0)".contains(key) }
    }
  }

  @Test("refuses an encoder without a head, and one of several labels")
  func headless() throws {
    for isHeadless in [true, false] {
      try withTemporaryFolder { folder in
        try Self.model().save(to: folder)
        let url = folder.appendingPathComponent("model.safetensors")
        let file = try SafetensorsFile(url)
        let weights = try file.names.compactMap { name -> (name: String, tensor: Tensor)? in
          let tensor = try file.tensor(named: name).copy()
          guard name.hasPrefix("classifier") || name.hasPrefix("pooler") else {
            return (name, tensor)
          }
          return isHeadless ? nil : (name, .concatenated([tensor, tensor]))
        }
        try Safetensors.write(weights, to: url)
        #expect { _ = try Model.load(folder) } throws: { error in
          "\(error)".contains(isHeadless ? "score.weight" : "pooler.dense.weight")
        }
      }
    }
  }
}
