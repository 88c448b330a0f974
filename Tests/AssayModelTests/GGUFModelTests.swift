import AssayModel
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

@Suite struct GGUFModelTests {
  /// What Scripts/record_gguf_models.py recorded.
  private struct Record: Decodable {
    struct Expected: Decodable {
      let ids: [Int32]
      let logits: [Float]
    }
    let text: String
    let models: [String: Expected]

    func expected(_ name: String) throws -> Expected { try #require(models[name]) }
  }

  private static func record() throws -> Record {
    let data = try Data(contentsOf: Fixture.folder("gguf-models.json"))
    return try JSONDecoder().decode(Record.self, from: data)
  }

  /// The logits behind the last of some tokens.
  private static func logits(_ model: Model, _ ids: [Int32]) -> [Float] {
    let rows = Tensor([Int64(ids.count - 1)])
    let hidden = model.decoder(PackedBatch([ids]), rows: rows, training: false)
    return model.decoder.logits(hidden, training: false).floats
  }

  @Test(
    "computes what transformers does with the same numbers, for each architecture",
    arguments: [
      "gemma", "gemma2", "gemma3", "granite", "internlm2", "llama", "mixtral", "olmo2", "phi3",
      "qwen2", "qwen3", "qwen3moe", "smollm3",
    ]
  )
  func parity(_ name: String) throws {
    let record = try Self.record()
    let expected = try record.expected(name)
    let url = try Fixture.folder("\(name)-tiny.gguf")
    let model = try Model.load(url)
    #expect(model.tokenizer.encode(record.text) == expected.ids)
    expectClose(
      Self.logits(model, expected.ids),
      expected.logits,
      relative: 1e-4,
      absolute: 1e-4,
      name
    )
    #expect(model.manifest.kind == .languageModel && model.template.name == "own")
    let tied = ["gemma", "gemma2", "gemma3", "granite", "qwen2", "smollm3"]
    #expect(model.decoder.configuration.tiesEmbeddings == tied.contains(name))
    #expect(
      model.decoder.configuration.endTokenIDs == [
        model.tokenizer.id(of: "<|im_end|>").map(Int.init)
      ]
    )
    #expect(ModelFiles.exist(at: url))
    #expect(try ModelFiles.configuration(at: url) == model.decoder.configuration)
    #expect(try ModelFiles.tokenizer(at: url).encode(record.text) == expected.ids)
  }

  @Test("a folder that holds one GGUF file and no config.json is that model")
  func folder() throws {
    try withTemporaryFolder { folder in
      let source = try Fixture.folder("qwen2-tiny.gguf")
      try FileManager.default.copyItem(at: source, to: folder.appendingPathComponent("a.gguf"))
      #expect(ModelFiles.exist(at: folder))
      #expect(try Model.load(folder).decoder.configuration.hiddenSize == 32)
      try FileManager.default.copyItem(at: source, to: folder.appendingPathComponent("b.gguf"))
      #expect(!ModelFiles.exist(at: folder))
    }
  }

  @Test("keeps what it computes when it is saved as a model folder")
  func saved() throws {
    let record = try Self.record()
    for name in ["llama", "gemma3", "internlm2", "mixtral", "phi3"] {
      let expected = try record.expected(name)
      let model = try Model.load(Fixture.folder(name + "-tiny.gguf"))
      try withTemporaryFolder { folder in
        try model.save(to: folder)
        let again = try Model.load(folder)
        #expect(again.tokenizer.encode(record.text) == expected.ids)
        let logits = Self.logits(again, expected.ids)
        expectClose(logits, expected.logits, relative: 1e-4, absolute: 1e-4, name)
      }
    }
  }

  @Test("a folder made of one has added tokens in the vocabulary too, where others read their ids")
  func addedTokens() throws {
    let model = try Model.load(Fixture.folder("qwen2-tiny.gguf"))
    try withTemporaryFolder { folder in
      try model.save(to: folder)
      let data = try Data(contentsOf: folder.appendingPathComponent("tokenizer.json"))
      let document = try #require(
        try JSONSerialization.jsonObject(with: data) as? [String: Any]
      )
      let added = try #require(document["added_tokens"] as? [[String: Any]])
      let vocabulary = (document["model"] as? [String: Any])?["vocab"] as? [String: Int]
      #expect(!added.isEmpty)
      for token in added {
        let content = try #require(token["content"] as? String)
        #expect(vocabulary?[content] == token["id"] as? Int, "\(content)")
      }
    }
  }

  /// A fixture with one text in it exchanged for another of the same length.
  private static func changed(_ name: String, _ old: String, _ new: String) throws -> String {
    precondition(old.utf8.count == new.utf8.count)
    var data = try Data(contentsOf: Fixture.folder(name))
    let range = try #require(data.range(of: Data(old.utf8)))
    data.replaceSubrange(range, with: Data(new.utf8))
    return try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("changed.gguf")
      try data.write(to: url)
      do {
        _ = try Model.load(url)
        return "loaded without an error"
      } catch {
        return "\(error)"
      }
    }
  }

  @Test("names the field that it cannot follow")
  func refused() throws {
    for (name, old, new, expected) in [
      ("llama-tiny.gguf", "general.architecture", "general.architectur_", "is missing"),
      (
        "qwen2-tiny.gguf", "qwen2.block_count", "qwen2.block_coun_",
        "is a setting that is not known"
      ),
      ("qwen2-tiny.gguf", "qwen2.vocab_size", "qwen2.qk_scaling", "qwen2.qk_scaling: is a setting"),
      ("qwen3-tiny.gguf", "attention.value_length", "attention.causal_lengt", "not known"),
      (
        "qwen2-tiny.gguf", "blk.0.attn_q.bias", "blk.0.attn_q.bia_", "blk.0.attn_q.bia_: is not one"
      ),
      ("llama-tiny.gguf", "blk.1.ffn_up.weight", "blk.9.ffn_up.weight", "blk.9.ffn_up.weight"),
      ("llama-tiny.gguf", "rope_freqs.weight", "rope_factr.weight", "rope_factr.weight"),
      ("llama-tiny.gguf", "tokenizer.ggml.model", "tokenizer.ggml.mode_", "model: is missing"),
      ("llama-tiny.gguf", "smollm", "smullm", "smullm is not known; known are gpt-2"),
      ("phi3-tiny.gguf", "rope.scaling.attn_factor", "rope.scaling.attn_factoR", "not known"),
      ("phi3-tiny.gguf", "rope_factors_long", "rope_factors_lonG", "rope_factors_lon"),
      ("gemma-tiny.gguf", "tokenizer.ggml.scores", "tokenizer.ggml.score_", "scores: is missing"),
      ("mixtral-tiny.gguf", "blk.1.ffn_up_exps.", "blk.1.ffn_up_expt.", "ffn_up_expt"),
      ("llama-tiny.gguf", "tokenizer.ggml.merges", "tokenizer.ggml.merge_", "merges: is missing"),
    ] {
      let text = try Self.changed(name, old, new)
      #expect(text.contains(expected), "\(new): \(text)")
    }
  }
}
