import AssayTensor

extension Architecture {
  /// InternLM 2: queries, keys and values of each key/value head together in one matrix.
  ///
  /// Source: Cai et al. 2024 (arXiv:2403.17297) section 2.2; `modeling_internlm2.py` of
  /// internlm/internlm2-chat-1_8b.
  package static let internlm2 = Architecture(
    modelType: "internlm2",
    className: "InternLM2",
    weights: {
      var map = WeightMap()
      map.embedding = "model.tok_embeddings.weight"
      map.outputEmbedding = "output.weight"
      map.interleavesHeads = true
      map.block = BlockParts(
        inputNorm: ["attention_norm.weight"],
        qkv: ["attention.wqkv.weight"],
        output: ["attention.wo.weight"],
        middleNorm: ["ffn_norm.weight"],
        feedForward: GatedParts(
          gateUp: ["feed_forward.w1.weight", "feed_forward.w3.weight"],
          down: ["feed_forward.w2.weight"]
        )
      )
      return map
    }(),
    read: { file, model in try model.readShared(file, contextTokens: 2048) },
    members: { _ in [] },
    gguf: GGUFForm(modelType: "llama")
  )
}
