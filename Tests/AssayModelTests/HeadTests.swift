// Tiny models in every published layout of heads, against the formulas that Scripts/record_heads.py
// computes with transformers.

import AssayBase
import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct HeadTests {
  static let models = RecordedHead.recorded.models
  private let sequences = RecordedHead.recorded.sequences

  private func load(_ head: RecordedHead) throws -> Model {
    try withTemporaryFolder { folder in
      try head.write(to: folder)
      return try Model.load(folder, choice: head.choice.flatMap { HeadChoice($0) })
    }
  }

  private func passes(_ model: Model, _ sequences: [[Int32]]) throws -> [ModelPass] {
    let places = try #require(try model.places())
    return try sequences.map {
      let found = try places.find(in: $0)
      return ModelPass(tokens: found.tokens, places: found.places)
    }
  }

  @Test("gives the scores of the published formula", arguments: models)
  func scores(head: RecordedHead) throws {
    let model = try load(head)
    let kinds: [String: ModelKind] = ["cloud": .cloud, "pairrm": .pair]
    #expect(model.manifest.kind == kinds[head.name] ?? .classic)
    let values = try reader(model).read(passes(model, sequences), .reward)
    try #require(values.count == head.scores.count && !values.isEmpty)
    for (index, value) in values.enumerated() {
      let expected = head.scores[index]
      #expect(abs(value.value - expected) < 1e-4 * max(abs(expected), 0.01), "text \(index)")
      try #require(value.parts.count == head.parts[index].count, "text \(index)")
      for (part, expected) in zip(value.parts, head.parts[index]) {
        #expect(abs(part - expected) < 1e-4 * max(abs(expected), 0.01), "text \(index)")
      }
    }
    let names = model.head?.descriptor.attributes.count ?? 0
    #expect(names == 0 || names == values[0].parts.count)
  }

  @Test("gives one score whatever is read beside it", .kernels, arguments: models)
  func batches(head: RecordedHead) throws {
    let model = try load(head)
    let passes = try passes(model, sequences)
    let alone = try passes.map { try reader(model).read([$0], .reward)[0] }
    for count in [2, 7, 64] {
      let many = (0..<count).map { passes[$0 % passes.count] }
      for (index, value) in try reader(model).read(many, .reward).enumerated() {
        let expected = alone[index % passes.count]
        #expect(abs(value.value - expected.value) < 1e-5 * max(1, abs(expected.value)))
      }
    }
    model.decoder.execution.isBatchInvariant = true
    let one = try reader(model).read([passes[0]], .reward)
    #expect(try reader(model).read(passes, .reward)[0] == one[0])
  }

  private func reader(_ model: Model) -> PassReader { PassReader(model.decoder, head: model.head) }

  @Test("says in one line what is read where")
  func summary() throws {
    let known = [
      "score": "the last token but padding", "athene": "the last token id 8",
      "step-mlp": "each token \"<extra_0>\"; softmax of row 1", "internlm2": "behind the text",
      "beaver-cost": "a cost", "qrm": "3 quantiles", "yes-no": "row 0 less row 1",
    ]
    for (name, words) in known {
      let head = try load(.named(name)).head
      #expect(head?.descriptor.summary.contains(words) == true, "\(name)")
    }
  }

  /// Expects a changed folder to be refused in a sentence that has all the words.
  private func expectRefusal(
    _ name: String,
    _ words: [String],
    sourceLocation: SourceLocation = #_sourceLocation,
    _ change: (inout RecordedHead) -> Void
  ) throws {
    var head = try RecordedHead.named(name)
    change(&head)
    #expect(sourceLocation: sourceLocation) {
      let model = try load(head)
      _ = try model.places()
    } throws: { error in
      error is ModelError && words.allSatisfy { "\(error)".contains($0) }
    }
  }

  @Test(
    "names the weight that a layout lacks",
    arguments: [
      ("score", "score.weight"), ("score-mlp", "score.0.weight"), ("score-mlp", "score.2.weight"),
      ("inf-orm", "score.0.weight"), ("step-mlp", "score.2.weight"),
      ("internlm2", "v_head.weight"), ("acecode", "v_head.summary.weight"),
      ("ultrarm", "regression_head.weight"), ("eurus", "regression_head.weight"),
      ("beaver-cost", "score_head.weight"), ("armo", "regression_layer.weight"),
      ("armo", "reward_transform_matrix"), ("armo", "gating.logit_scale"),
      ("qrm", "gating.layers.2.running_mean"), ("cloud", "reward_head.out_proj.bias"),
      ("logit", "lm_head.weight"), ("urm", "score.weight"), ("urm", "weights.fc.0.weight"),
      ("pairrm", "head_layer.1.weight"), ("pairrm", "head_layer.4.weight"),
    ]
  )
  func missingWeight(name: String, weight: String) throws {
    try expectRefusal(name, ["weight \(weight): is missing"]) { $0.tensors[weight] = nil }
  }

  @Test(
    "names what does not fit where a layer of several is missing",
    arguments: [
      ("grm", "v_head.summary.0.weight", "v_head.summary.weight: is missing"),
      ("grm", "v_head.summary.2.weight", "v_head.summary: has 20 rows"),
      ("armo", "gating.layers.3.weight", "the gate of 12 attributes"),
      ("qrm", "gating.layers.0.weight", "gating.layers.2"),
      ("beaver-cost", "normalizer.var", "normalizer.mean"),
      // Of a class that any one may have, what its first guess would be is named.
      ("athene", "v_head.weight", "score.weight"), ("starling", "v_head.weight", "score.weight"),
    ]
  )
  func missingLayer(name: String, weight: String, words: String) throws {
    try expectRefusal(name, [words]) { $0.tensors[weight] = nil }
  }

  @Test("names the setting that a layout lacks")
  func missingSetting() throws {
    try expectRefusal("internlm2", ["reward_token_id", "is missing"]) {
      $0.set("reward_token_id", nil)
    }
    try expectRefusal("internlm2", ["reward_token_id", "no id of the vocabulary"]) {
      $0.set("reward_token_id", 288)
    }
    try expectRefusal("athene", ["cls_token_id", "GPTModel"]) {
      $0.set("cls_token_id", nil)
      $0.set("architectures", ["GPTModel"])
    }
    for key in ["source_prefix_id", "cand1_prefix_id", "cand2_prefix_id"] {
      try expectRefusal("pairrm", [key, "no id of the vocabulary"]) { $0.set(key, 288) }
    }
    try expectRefusal("beaver-cost", ["score_type", "happiness"]) {
      $0.set("score_type", "happiness")
    }
  }

  @Test("reads a class of code alone at the token that its code names")
  func tokenOfCode() throws {
    var head = try RecordedHead.named("athene")
    head.set("cls_token_id", nil)
    #expect(try load(head).head?.descriptor.position == .lastOf(.id(128_003)))
  }

  @Test("gives no class with code of its own a random head")
  func unknownClass() throws {
    try expectRefusal("ultrarm", ["architectures", "LlamaForHappiness", "joy.weight"]) {
      $0.set("architectures", ["LlamaForHappiness"])
      $0.tensors["joy.weight"] = $0.tensors.removeValue(forKey: "regression_head.weight")
    }
    try expectRefusal("ultrarm", ["LlamaForHappiness", "the head's weights are missing"]) {
      $0.set("architectures", ["LlamaForHappiness"])
      $0.tensors["regression_head.weight"] = nil
    }
  }

  @Test("asks which of several rows is the score")
  func severalRows() throws {
    let head = try RecordedHead.named("score-two-rows")
    try withTemporaryFolder { folder in
      try head.write(to: folder)
      #expect { try Model.load(folder) } throws: { "\($0)".contains("--head row:1") }
      #expect { try Model.load(folder, choice: .rows(.row(2))) } throws: {
        "\($0)".contains("has 2 rows, and --head asks for row 2")
      }
    }
    for (name, words) in [("grm", "whose rows are known"), ("logit", "score.weight: is missing")] {
      var head = try RecordedHead.named(name)
      head.choice = "row:0"
      #expect { try load(head) } throws: { "\($0)".contains(words) }
    }
    try expectRefusal("score-mlp", ["score.2.weight", "2 rows"]) {
      $0.tensors["score.2.weight"] = [2, 16]
      $0.tensors["score.2.bias"] = [2]
    }
  }

  @Test("takes what is the score from assay.json too")
  func manifest() throws {
    let head = try RecordedHead.named("yes-no")
    try withTemporaryFolder { folder in
      try head.write(to: folder)
      let manifest = folder.appendingPathComponent("assay.json")
      try Data(#"{"kind": "classic", "head": "logit:Yes-No"}"#.utf8).write(to: manifest)
      let model = try Model.load(folder)
      let value = try reader(model).read(passes(model, [sequences[0]]), .reward)[0]
      #expect(abs(value.value - head.scores[0]) < 1e-4 * abs(head.scores[0]))
      try Data(#"{"kind": "classic", "head": "yes"}"#.utf8).write(to: manifest)
      #expect { try Model.load(folder) } throws: {
        "\($0)".contains("assay.json: head: yes is not")
      }
    }
  }

  @Test("a language model has no head unless one is chosen")
  func languageModel() throws {
    let head = try RecordedHead.named("logit")
    try withTemporaryFolder { folder in
      try head.write(to: folder)
      let model = try Model.load(folder)
      #expect(model.head == nil && model.manifest.kind == .languageModel)
      #expect { try Model.load(folder, choice: HeadChoice("logit:Perhaps")) } throws: {
        "\($0)".contains("no token \"Perhaps\"")
      }
      #expect(throws: ModelError.self) { try Model.load(folder, choice: HeadChoice("logit:288")) }
    }
  }

  @Test("refuses to write a head of another tool's")
  func saving() throws {
    let model = try load(.named("grm"))
    try withTemporaryFolder { folder in
      _ = #expect { try model.save(to: folder) } throws: { "\($0)".contains("another tool's") }
    }
  }

  @Test("names the place that a text has not")
  func places() throws {
    for (name, words) in [
      ("step-mlp", "<extra_0>"), ("athene", "id 8"), ("armo", "assistant's turn"),
      ("shepherd", "\u{43A}\u{438}"),
    ] {
      let places = try #require(try load(.named(name)).places())
      #expect { try places.find(in: [1, 20, 21]) } throws: { "\($0)".contains(words) }
    }
  }
}

@Suite struct HeadChoiceTests {
  @Test(
    "reads what the user says is the score",
    arguments: [
      ("logit:0", HeadChoice.vocabulary(["0"], .row(0), .last)),
      ("logit:Yes-No", .vocabulary(["Yes", "No"], .difference(0, 1), .last)),
      ("logit:Yes-No@next", .vocabulary(["Yes", "No"], .difference(0, 1), .next)),
      (
        "probability:+--@\u{43A}\u{438}",
        .vocabulary(["+", "-"], .softmax(0), .each(.spelling("\u{43A}\u{438}")))
      ),
      ("probability:+--@turns", .vocabulary(["+", "-"], .softmax(0), .turns(answer: "+"))),
      ("logit:-", .vocabulary(["-"], .row(0), .last)), ("row:1", .rows(.row(1))),
      ("row:1-0", .rows(.difference(1, 0))), ("softmax:1", .rows(.softmax(1))),
      ("expected:1-5", .ratings(1...5, .last)), ("expected:0-9@next", .ratings(0...9, .next)),
      ("mean", .rows(.mean)),
    ]
  )
  func reads(text: String, choice: HeadChoice) { #expect(HeadChoice(text) == choice) }

  @Test(
    "takes nothing else",
    arguments: [
      "", "logit", "logit:", "logit:A-", "logit:A@", "probability:A", "row:", "row:a", "row:1-",
      "row:1-2-3", "row:-1", "softmax:1-0", "score:0", "expected:5", "expected:5-1", "expected:a-b",
      "expected:1-5@turns", "expected:1-5@\u{43A}\u{438}", "expected:1-1000", "mean:2",
    ]
  )
  func refuses(text: String) { #expect(HeadChoice(text) == nil) }
}
