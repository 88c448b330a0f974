// Names and shapes of a decoder's weights in Hugging Face's layout, and their joined forms here.
// D hidden, H query heads, G key/value heads, K head width, F feed-forward width, V vocabulary.

import AssayTensor
import Foundation

/// Reads and writes the weights of a decoder under Hugging Face's names.
enum CheckpointLayout {
  /// Where a decoder's weights come from.
  struct Source {
    let file: String
    /// CLoud's released files put everything of the language model below `reward_base_model.`.
    let prefix: String
    let names: Set<String>
    let load: (String) throws -> Tensor

    /// A weight of the shape that the configuration asks for.
    func tensor(
      _ name: String,
      _ shape: [Int],
      prefixed: Bool = true,
      expectation: String? = nil
    ) throws -> Tensor {
      let full = prefixed ? prefix + name : name
      guard names.contains(full) else {
        throw ModelError.weight(file: file, name: full, reason: "is missing")
      }
      let value = try load(full)
      guard value.shape == shape else {
        let expected = expectation ?? "config.json asks for \(shape)"
        throw ModelError.weight(
          file: file,
          name: full,
          reason: "has shape \(value.shape); \(expected)"
        )
      }
      guard value.dtype.isFloatingPoint else {
        throw ModelError.weight(
          file: file,
          name: full,
          reason: "is of type \(value.dtype); quantized weights are not supported"
        )
      }
      return value
    }
  }

  static func decoder(
    _ configuration: ModelConfiguration,
    from source: Source,
    dtype: DType,
    device: Device,
    needsLanguageModel: Bool
  ) throws -> Decoder {
    let (D, F) = (configuration.hiddenSize, configuration.feedForwardSize)
    let (H, G, K) = (configuration.headCount, configuration.groupCount, configuration.headWidth)
    func parameter(_ name: String, _ parts: [Tensor]) -> Parameter {
      let whole = parts.count == 1 ? parts[0] : Tensor.concatenated(parts)
      // A copy: the weights must not change with the file, nor the file with the weights.
      return Parameter(name, whole.to(dtype).to(device).copy())
    }
    func one(_ name: String, _ source: Tensor) -> Parameter { parameter(name, [source]) }
    let blocks = try (0..<configuration.layerCount).map { index in
      let base = "model.layers.\(index)."
      let attention = base + "self_attn."
      func projection(_ suffix: String) throws -> [Tensor] {
        try [("q_proj", H), ("k_proj", G), ("v_proj", G)].map { name, heads in
          let shape = suffix == "weight" ? [heads * K, D] : [heads * K]
          return try source.tensor(attention + name + "." + suffix, shape)
        }
      }
      return Decoder.Block(
        inputNorm: one(
          "\(index).input_norm",
          try source.tensor(base + "input_layernorm.weight", [D])
        ),
        qkv: parameter("\(index).qkv", try projection("weight")),
        qkvBias: configuration.hasAttentionBias
          ? parameter("\(index).qkv_bias", try projection("bias")) : nil,
        output: one(
          "\(index).output",
          try source.tensor(attention + "o_proj.weight", [D, H * K])
        ),
        middleNorm: one(
          "\(index).middle_norm",
          try source.tensor(base + "post_attention_layernorm.weight", [D])
        ),
        gateUp: parameter(
          "\(index).gate_up",
          try ["gate_proj", "up_proj"].map {
            try source.tensor(base + "mlp.\($0).weight", [F, D])
          }
        ),
        down: one("\(index).down", try source.tensor(base + "mlp.down_proj.weight", [D, F]))
      )
    }
    let vocabulary = [configuration.vocabularySize, D]
    let hasOutput =
      !configuration.tiesEmbeddings && source.names.contains(source.prefix + "lm_head.weight")
    return Decoder(
      configuration: configuration,
      device: device,
      inputEmbedding: one(
        "embed_tokens",
        try source.tensor("model.embed_tokens.weight", vocabulary)
      ),
      blocks: blocks,
      finalNorm: one("norm", try source.tensor("model.norm.weight", [D])),
      outputEmbedding: hasOutput && needsLanguageModel
        ? one("lm_head", try source.tensor("lm_head.weight", vocabulary)) : nil,
      isLanguageModel: needsLanguageModel && (hasOutput || configuration.tiesEmbeddings)
    )
  }

  /// The weights under Hugging Face's names, in the order of the layers.
  static func weights(of decoder: Decoder, dtype: DType) -> [(name: String, tensor: Tensor)] {
    let configuration = decoder.configuration
    let (H, G, K) = (configuration.headCount, configuration.groupCount, configuration.headWidth)
    let F = configuration.feedForwardSize
    var weights: [(name: String, tensor: Tensor)] = []
    func add(_ name: String, _ tensor: Tensor) {
      weights.append((name, withoutGradients { tensor.to(dtype).to(.cpu).contiguous() }))
    }
    func rows(_ tensor: Tensor, _ start: Int, _ count: Int) -> Tensor {
      withoutGradients { tensor.narrowed(axis: 0, start: start, count: count) }
    }
    add("model.embed_tokens.weight", decoder.inputEmbedding.value)
    for (index, block) in decoder.blocks.enumerated() {
      let base = "model.layers.\(index)."
      add(base + "input_layernorm.weight", block.inputNorm.value)
      for (joined, suffix) in [(block.qkv, "weight"), (block.qkvBias, "bias")] {
        guard let joined else { continue }
        var start = 0
        for (name, heads) in [("q_proj", H), ("k_proj", G), ("v_proj", G)] {
          add(base + "self_attn.\(name).\(suffix)", rows(joined.value, start, heads * K))
          start += heads * K
        }
      }
      add(base + "self_attn.o_proj.weight", block.output.value)
      add(base + "post_attention_layernorm.weight", block.middleNorm.value)
      add(base + "mlp.gate_proj.weight", rows(block.gateUp.value, 0, F))
      add(base + "mlp.up_proj.weight", rows(block.gateUp.value, F, F))
      add(base + "mlp.down_proj.weight", block.down.value)
    }
    add("model.norm.weight", decoder.finalNorm.value)
    if let output = decoder.outputEmbedding { add("lm_head.weight", output.value) }
    return weights
  }

  /// The gradients under Hugging Face's names: of parity tests.
  static func gradients(of decoder: Decoder) -> [(name: String, tensor: Tensor)] {
    // The joined weights are cut the same way as their gradients.
    let copy = Decoder(
      configuration: decoder.configuration,
      device: decoder.device,
      inputEmbedding: gradient(decoder.inputEmbedding),
      blocks: decoder.blocks.map {
        Decoder.Block(
          inputNorm: gradient($0.inputNorm),
          qkv: gradient($0.qkv),
          qkvBias: $0.qkvBias.map(gradient),
          output: gradient($0.output),
          middleNorm: gradient($0.middleNorm),
          gateUp: gradient($0.gateUp),
          down: gradient($0.down)
        )
      },
      finalNorm: gradient(decoder.finalNorm),
      outputEmbedding: decoder.outputEmbedding.map(gradient),
      isLanguageModel: decoder.isLanguageModel
    )
    return weights(of: copy, dtype: .float32)
  }

  private static func gradient(_ parameter: Parameter) -> Parameter {
    Parameter(
      parameter.name,
      parameter.value.gradient ?? .zeros(parameter.value.shape, device: parameter.value.device)
    )
  }
}

extension Decoder {
  /// The gradients of all weights under Hugging Face's names, zeros where there are none.
  package var namedGradients: [(name: String, tensor: Tensor)] {
    CheckpointLayout.gradients(of: self)
  }

  /// All weights under Hugging Face's names, float32.
  package var namedWeights: [(name: String, tensor: Tensor)] {
    CheckpointLayout.weights(of: self, dtype: .float32)
  }
}
