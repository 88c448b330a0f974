// Folders that are damaged or hostile: each gives one clear error, and none ends the process.

import AssayBase
import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct ModelFolderErrorTests {
  /// Expects loading a changed folder to fail with an error of ours that has all the words.
  private func expectError(
    _ words: [String],
    kind: ModelKind = .classic,
    head: RewardHead.Kind? = .linear,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ change: (URL) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      try Tiny.model(kind: kind, head: head).save(to: folder)
      _ = try Model.load(folder)
      try change(folder)
      #expect(sourceLocation: sourceLocation) {
        _ = try Model.load(folder)
      } throws: { error in
        let isOurs = error is ModelError || error is TensorError || error is TextError
        return isOurs && words.allSatisfy { "\(error)".contains($0) }
      }
    }
  }

  private func setting(_ key: String, _ json: String?, in folder: URL) throws {
    let url = folder.appendingPathComponent("config.json")
    let document = try JSONValue(parsing: Array(Data(contentsOf: url)))
    let members = (document.members ?? []).filter { $0.key != key }
    let value = try json.map { [JSONMember(key, try JSONValue(parsing: Array($0.utf8)))] } ?? []
    try Data(JSONValue.object(members + value).pretty.utf8).write(to: url)
  }

  /// Rewrites the weights; `nil` leaves one out.
  private func rewriting(_ folder: URL, _ change: (String, Tensor) -> Tensor?) throws {
    let url = folder.appendingPathComponent("model.safetensors")
    let file = try SafetensorsFile(url)
    let weights = try file.names.compactMap { name in
      change(name, try file.tensor(named: name)).map { (name: name, tensor: $0.copy()) }
    }
    try Safetensors.write(weights, to: url)
  }

  @Test(
    "names a file that is missing",
    arguments: ["config.json", "model.safetensors", "tokenizer.json"]
  )
  func missingFile(name: String) throws {
    try expectError([name]) {
      try FileManager.default.removeItem(at: $0.appendingPathComponent(name))
    }
  }

  @Test(
    "names a file that is not what it should be",
    arguments: ["config.json", "model.safetensors", "tokenizer.json", "assay.json"],
    ["", "[1, 2]", "null", "{", "\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\u{9}"]
  )
  func garbage(name: String, content: String) throws {
    try expectError(name == "tokenizer.json" ? [] : [name]) {
      try Data(content.utf8).write(to: $0.appendingPathComponent(name))
    }
  }

  @Test(
    "names the key that is wrong",
    arguments: [
      ("hidden_size", "\"32\""), ("hidden_size", "-32"), ("hidden_size", "0"),
      ("hidden_size", "9223372036854775807"), ("hidden_size", "-9223372036854775808"),
      ("hidden_size", "1e300"), ("hidden_size", "32.5"), ("hidden_size", "[32]"),
      ("hidden_size", nil), ("num_hidden_layers", "-1"), ("num_hidden_layers", "1000000000"),
      ("num_attention_heads", "0"), ("num_attention_heads", "-4"),
      ("num_key_value_heads", "3"), ("num_key_value_heads", "0"),
      ("num_key_value_heads", "-2"), ("head_dim", "7"), ("head_dim", "-8"),
      ("head_dim", "4611686018427387904"), ("intermediate_size", nil),
      ("intermediate_size", "-1"), ("vocab_size", "9223372036854775807"),
      ("max_position_embeddings", "0"), ("max_position_embeddings", "67108864"),
      ("max_position_embeddings", "9223372036854775807"), ("rms_norm_eps", "-1"),
      ("rms_norm_eps", "\"small\""), ("pad_token_id", "304"), ("eos_token_id", "[1, 304]"),
      ("eos_token_id", "\"end\""), ("model_type", "\"mamba\""), ("architectures", "[3]"),
      ("hidden_act", "\"gelu\""), ("mlp_bias", "true"), ("attention_bias", "true"),
      ("use_sliding_window", "true"), ("tie_word_embeddings", "1.5"),
    ] as [(String, String?)]
  )
  func wrongKey(key: String, value: String?) throws {
    // A token outside of the vocabulary is told apart by its id.
    let word = key.hasSuffix("token_id") && value?.contains("304") == true ? "304" : key
    try expectError(["config.json", word]) { try setting(key, value, in: $0) }
  }

  @Test("knows an architecture by its class too, and says which it knows")
  func architectures() throws {
    try withTemporaryFolder { folder in
      try Tiny.model(Tiny.configuration(.qwen3)).save(to: folder)
      try setting("model_type", nil, in: folder)
      #expect(try Model.load(folder).decoder.configuration.architecture == .qwen3)
    }
    let known = Architecture.all.map(\.modelType)
    try expectError(["model_type", "mamba"] + known) {
      try setting("model_type", "\"mamba\"", in: $0)
    }
    try expectError(["model_type", "missing", "architectures"] + known) {
      try setting("model_type", nil, in: $0)
      try setting("architectures", nil, in: $0)
    }
    try expectError(["architectures", "QwenForCausalLM"] + known) {
      try setting("model_type", nil, in: $0)
      try setting("architectures", "[\"QwenForCausalLM\"]", in: $0)
    }
  }

  @Test(
    "refuses rotary settings that it does not compute",
    arguments: [
      (#"{"rope_type": "proportional", "factor": 4}"#, "proportional"),
      (#"{"rope_type": "yarn"}"#, "factor"),
      (#"{"rope_type": "yarn", "factor": 4, "beta_fast": 1, "beta_slow": 2}"#, "beta_fast"),
      (#"{"rope_type": "yarn", "factor": 4, "mscale": 0.7}"#, "mscale"),
      (#"{"rope_type": "longrope", "short_factor": [1]}"#, "short_factor"),
      (#"{"rope_type": "llama3", "factor": 8}"#, "low_freq_factor"),
      (#"{"rope_type": "linear"}"#, "factor"), (#"{"rope_type": "linear", "factor": 0}"#, "factor"),
      (#"{"rope_type": "linear", "factor": 1e400}"#, "rope_parameters"),
      (#"{"rope_theta": -1}"#, "rope_theta"), (#"{"rope_theta": 0}"#, "rope_theta"),
      (#"{"rope_type": 3}"#, "rope_type"), (#"{"partial_rotary_factor": 0.5}"#, "partial_rotary"),
      (
        #"{"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4,"#
          + #""original_max_position_embeddings": 64}"#, "high_freq_factor"
      ),
    ]
  )
  func rotary(value: String, word: String) throws {
    try expectError(["config.json", word]) { folder in
      let url = folder.appendingPathComponent("config.json")
      var document = try JSONValue(parsing: Array(Data(contentsOf: url)))
      document = .object((document.members ?? []).filter { !$0.key.hasPrefix("rope") })
      // As text: one value is not a number that a parser of ours would write.
      let text = document.pretty.trimmedAsPython.dropLast()
      try Data("\(text), \"rope_parameters\": \(value)}".utf8).write(to: url)
    }
  }

  @Test(
    "names a weight that is missing",
    arguments: [
      "score.weight", "model.norm.weight", "model.embed_tokens.weight",
      "model.layers.1.self_attn.k_proj.weight", "model.layers.0.mlp.up_proj.weight",
    ]
  )
  func missingWeight(name: String) throws {
    try expectError([name, "is missing"]) {
      try rewriting($0) { other, tensor in other == name ? nil : tensor }
    }
  }

  @Test("does not take a language model without output embedding for anything else")
  func missingOutput() throws {
    for (kind, head) in [(ModelKind.languageModel, nil), (.cloud, RewardHead.Kind.cloud)] {
      try expectError(["lm_head.weight", "is missing"], kind: kind, head: head) {
        try rewriting($0) { name, tensor in name == "lm_head.weight" ? nil : tensor }
      }
    }
  }

  @Test("says when a reward head was lost")
  func lostHead() throws {
    try expectError(["no reward head"], kind: .cloud, head: .cloud) {
      try rewriting($0) { name, tensor in name.hasPrefix("reward_head.") ? nil : tensor }
    }
    try expectError(["reward_head.dense.bias", "is missing"], kind: .cloud, head: .cloud) {
      try rewriting($0) { name, tensor in name == "reward_head.dense.bias" ? nil : tensor }
    }
  }

  @Test("names a weight of another shape or type")
  func shapes() throws {
    try expectError(["score.weight", "[2, 32]", "one label"]) {
      try rewriting($0) { name, tensor in name == "score.weight" ? .zeros([2, 32]) : tensor }
    }
    try expectError(["model.layers.0.mlp.down_proj.weight", "[48, 32]", "[32, 48]"]) {
      try rewriting($0) { name, tensor in
        name == "model.layers.0.mlp.down_proj.weight" ? .zeros([48, 32]) : tensor
      }
    }
    try expectError(["model.norm.weight", "uint8", "quantized"]) {
      try rewriting($0) { name, tensor in
        name == "model.norm.weight" ? .zeros([32], dtype: .uint8) : tensor
      }
    }
    try expectError(["shape"]) { try setting("head_dim", "16", in: $0) }
    try expectError(["shape"]) { try setting("hidden_size", "16", in: $0) }
    try expectError(["is missing"]) { try setting("num_hidden_layers", "3", in: $0) }
  }

  @Test("refuses a vocabulary smaller than the tokenizer's")
  func vocabulary() throws {
    try expectError(["vocab_size", "200", "tokenizer"]) { folder in
      try setting("vocab_size", "200", in: folder)
      try rewriting(folder) { name, tensor in
        name == "model.embed_tokens.weight" ? .zeros([200, 32]) : tensor
      }
    }
  }

  @Test("refuses weights that are cut off", arguments: [1, 100, 10_000])
  func truncated(missing: Int) throws {
    try expectError(["model.safetensors", "copy it again"]) { folder in
      let url = folder.appendingPathComponent("model.safetensors")
      let data = try Data(contentsOf: url)
      try data.dropLast(missing).write(to: url)
    }
  }

  @Test("refuses a manifest that contradicts itself or the model")
  func manifest() throws {
    func replace(_ text: String, _ folder: URL) throws {
      try Data(text.utf8).write(to: folder.appendingPathComponent("assay.json"))
    }
    try expectError(["assay.json"]) { try replace(#"{"kind": "oracle"}"#, $0) }
    try expectError(["critiqueTokens"]) {
      try replace(#"{"kind": "classic", "critiqueTokens": -1}"#, $0)
    }
    try expectError(["lm_head.weight"]) { try replace(#"{"kind": "cloud"}"#, $0) }
    try expectError(["no reward head"], kind: .languageModel, head: nil) {
      try replace(#"{"kind": "classic"}"#, $0)
    }
  }

  @Test("refuses golden texts that cannot be scored")
  func golden() throws {
    let model = try Tiny.model()
    model.manifest.golden = [.init(text: "", score: 0)]
    #expect(throws: ModelError.self) { try model.verifyGolden() }
    model.manifest.golden = [.init(text: String(repeating: "x", count: 193), score: 0)]
    #expect(throws: ModelError.tooLong(tokens: 193, maximum: 192)) { try model.verifyGolden() }
  }

  @Test("says where CLoud's language model is looked for")
  func missingBase() throws {
    for base in ["meta-llama/Meta-Llama-3-8B", "/nowhere/base", "..", ".", ""] {
      try expectError(["base_model_name_or_path"]) {
        let config = #"{"feedback_method": "teacher", "base_model_name_or_path": "\#(base)"}"#
        try Data(config.utf8).write(to: $0.appendingPathComponent("config.json"))
      }
    }
  }
}
