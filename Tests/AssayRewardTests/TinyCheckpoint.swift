// Folders of tiny drawn weights, as published checkpoints are laid out.

import AssayBase
import AssayTensor
import AssayTestSupport
import AssayText
import Foundation
import Testing

/// Writes the folder of a published checkpoint.
struct TinyCheckpoint {
  let published: Published
  private let folder: URL

  /// Writes the folder.
  @discardableResult init(_ published: Published, to folder: URL) throws {
    (self.published, self.folder) = (published, folder)
    guard !published.layout.isEmpty else { return }  // such as NeMo's, which has no config.json
    if case .pair = published.vocabulary {
      try writePair()
    } else {
      try writeModel()
    }
  }

  // MARK: Language models

  private func writeModel() throws {
    var head = try RecordedHead.named(published.layout)
    let recorded = head.config["vocab_size"]?.int
    let size = try writeVocabulary()
    let rows = published.embeddings ?? size
    head.set("vocab_size", .number("\(rows)"))
    head.set("max_position_embeddings", 8192)
    head.set("architectures", [.string(published.className)])
    for (key, value) in published.settings { head.set(key, value.isNull ? nil : value) }
    for (name, shape) in published.tensors { head.tensors[name] = shape.isEmpty ? nil : shape }
    for (name, shape) in head.tensors where shape.first == recorded {
      head.tensors[name] = [rows] + shape.dropFirst()
    }
    try Data(head.config.pretty.utf8).write(to: file("config.json"))
    for name in head.copiedFiles {
      try FileManager.default.copyItem(
        at: RecordedHead.folder.appendingPathComponent(name),
        to: file(name)
      )
    }
    try writeWeights(
      head.tensors.sorted { $0.key < $1.key }.map { name, shape in
        (name, RecordedHead.draw(name, shape).to(published.dtype))
      }
    )
    if let name = head.headFile {
      try Safetensors.write(
        head.headTensors.map { ($0.key, RecordedHead.draw($0.key, $0.value)) },
        to: file(name)
      )
    }
  }

  private func writeWeights(_ tensors: [(name: String, tensor: Tensor)]) throws {
    let bytes = tensors.reduce(0) { $0 + $1.tensor.count * $1.tensor.dtype.byteCount }
    switch published.files {
    case .safetensors(let shards):
      try Safetensors.writeFolder(
        tensors,
        to: folder,
        maximumShardBytes: bytes / shards + bytes / 8
      )
    case .bin(1): try PyTorchFiles.write(tensors, to: file("pytorch_model.bin"))
    case .bin(let shards):
      var map: [JSONMember] = []
      for shard in 0..<shards {
        let name = "pytorch_model-0000\(shard + 1)-of-0000\(shards).bin"
        let own = tensors.enumerated().filter { $0.offset % shards == shard }.map(\.element)
        try PyTorchFiles.write(own, to: file(name))
        map += own.map { JSONMember($0.name, .string(name)) }
      }
      let index: JSONValue = ["metadata": [:], "weight_map": .object(map)]
      try Data(index.pretty.utf8).write(to: file("pytorch_model.bin.index.json"))
    }
  }

  // MARK: Vocabularies

  private static let texts = RecordedHead.folder.deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("AssayTextTests/Fixtures")

  /// Writes tokenizer and template.
  ///
  /// - Returns: How many ids there are.
  private func writeVocabulary() throws -> Int {
    var settings: [JSONMember] = []
    switch published.vocabulary {
    case .bytes, .pair:
      let source = RecordedHead.folder.appendingPathComponent("tokenizer.json")
      try FileManager.default.copyItem(at: source, to: file("tokenizer.json"))
      settings = [
        JSONMember("bos_token", "<|begin_of_text|>"), JSONMember("eos_token", "<|eot_id|>"),
      ]
    case .pieces(let name, let special):
      let source = Self.texts.appendingPathComponent(name + ".tokenizer.json")
      let document = try JSONValue(parsing: Array(Data(contentsOf: source)))
      let added = document["added_tokens"]?.array ?? []
      let size = document["model"]?["vocab"]?.members?.count ?? 0
      let first = max(size, (added.compactMap { $0["id"]?.int }.max() ?? 0) + 1)
      let more = special.enumerated().map { index, spelling -> JSONValue in
        ["id": .number("\(first + index)"), "content": .string(spelling), "special": true]
      }
      let whole = document.replacing("added_tokens", with: .array(added + more))
      try Data(whole.pretty.utf8).write(to: file("tokenizer.json"))
      settings = [JSONMember("bos_token", "<s>"), JSONMember("eos_token", "</s>")]
    case .model(let special):
      let source = Self.texts.appendingPathComponent("spm-bpe.tokenizer.model")
      try FileManager.default.copyItem(at: source, to: file("tokenizer.model"))
      let first = try TokenizerFile.read(folder).vocabularySize
      let added = special.enumerated().map { index, spelling in
        JSONMember("\(first + index)", ["content": .string(spelling), "special": true])
      }
      settings = [
        JSONMember("bos_token", "<s>"), JSONMember("eos_token", "</s>"),
        JSONMember("added_tokens_decoder", .object(added)),
      ]
    }
    if let name = published.template {
      settings.append(JSONMember("chat_template", .string(try Self.template(name))))
    }
    let document: JSONValue = .object(settings)
    try Data(document.pretty.utf8).write(to: file("tokenizer_config.json"))
    return try TokenizerFile.read(folder).vocabularySize
  }

  /// The recorded chat template of a family.
  private static func template(_ name: String) throws -> String {
    // Athene's is Llama 3's with the token that its head reads behind the conversation.
    guard name != "athene" else { return try template("llama-3") + "{{ '<|cls|>' }}" }
    let data = try Data(contentsOf: texts.appendingPathComponent("chat-templates.json"))
    return try #require(JSONValue(parsing: Array(data))["templates"]?[name]?.string)
  }

  // MARK: The encoder

  private func writePair() throws {
    let source = RecordedHead.folder.deletingLastPathComponent()
      .appendingPathComponent(published.layout)
    try FileManager.default.copyItem(
      at: source.appendingPathComponent("tokenizer.json"),
      to: file("tokenizer.json")
    )
    let data = try Data(contentsOf: source.appendingPathComponent("config.json"))
    var config = try JSONValue(parsing: Array(data))
      .replacing("architectures", with: [.string(published.className)])
    for (key, value) in published.settings { config = config.replacing(key, with: value) }
    try Data(config.pretty.utf8).write(to: file("config.json"))
    let weights = try WeightsFolder(source)
    var tensors = try weights.names.map { (name: $0, tensor: try weights.tensor(named: $0)) }
    if published.className == "DebertaV2PairRM" {
      // The encoder has another name there, and the head reads two tokens at once.
      tensors = tensors.filter { $0.name.hasPrefix("deberta.") }.map {
        ($0.name.replacing("deberta.", with: "pretrained_model."), $0.tensor)
      }
      for (name, shape) in [
        ("1.weight", [32, 64]), ("1.bias", [32]), ("4.weight", [7, 32]), ("4.bias", [7]),
      ] {
        tensors.append(("head_layer." + name, RecordedHead.draw(name, shape)))
      }
    }
    try writeWeights(tensors)
  }

  private func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
}
