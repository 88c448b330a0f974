// D hidden, H query heads, G key/value heads, K head width, F feed-forward width.

import AssayTensor
import Foundation

/// Makes what there is to be known of the weights of one block.
struct BlockSpecs {
  private let sizes: ModelConfiguration
  private let index: Int
  private var map: WeightMap { sizes.architecture.weights }

  /// Makes it for a block of a configuration.
  init(_ sizes: ModelConfiguration, index: Int) {
    self.sizes = sizes
    self.index = index
  }

  /// The specifications.
  var block: BlockParts<WeightSpec> {
    let (D, HK, GK) = (
      sizes.hiddenSize, sizes.headCount * sizes.headWidth, sizes.groupCount * sizes.headWidth
    )
    let (queries, keys) = map.normsHeadsTogether ? (HK, GK) : (sizes.headWidth, sizes.headWidth)
    let names = map.block
    let experts = sizes.experts.flatMap { $0.denseLayers.contains(index) ? nil : $0 }
    return BlockParts(
      inputNorm: names.inputNorm.map { norm("input_norm", $0, D) },
      qkv: projection("qkv", names.qkv, [D], .normal(factor: 1)),
      qkvBias: names.qkvBias.map { projection("qkv_bias", $0, [], .zeros) },
      queryNorm: names.queryNorm.map { norm("query_norm", $0, queries) },
      keyNorm: names.keyNorm.map { norm("key_norm", $0, keys) },
      output: spec("output", names.output, rows: [D], columns: [HK], residual),
      attentionNorm: names.attentionNorm.map { norm("attention_norm", $0, D) },
      middleNorm: names.middleNorm.map { norm("middle_norm", $0, D) },
      feedForward: experts == nil
        ? names.feedForward.map { gated("", $0, sizes.feedForwardSize) } : nil,
      feedForwardNorm: names.feedForwardNorm.map { norm("feed_forward_norm", $0, D) },
      router: experts.flatMap { experts in
        names.router.map { spec("router", $0, rows: [experts.count], columns: [D]) }
      },
      experts: experts.map { experts in
        (0..<experts.count).flatMap { number in
          names.experts.map { gated("experts.\(number).", $0, experts.width, of: number) }
        }
      } ?? [],
      encoder: names.encoder.map(biases)
    )
  }

  /// The two products that write into the residual stream start scaled by `1 / sqrt(2 layers)`.
  ///
  /// Source: Radford et al. 2019, "Language models are unsupervised multitask learners" section 2.3.
  private var residual: WeightSpec.Start {
    .normal(factor: 1 / (2 * Double(sizes.layerCount)).squareRoot())
  }

  /// A checkpoint that keeps one piece keeps all rows in it.
  private func spec(
    _ name: String,
    _ paths: [String],
    rows: [Int],
    columns: [Int] = [],
    _ start: WeightSpec.Start = .normal(factor: 1)
  ) -> WeightSpec {
    let rows = paths.count == 1 ? [rows.reduce(0, +)] : rows
    return WeightSpec(
      name: "\(index).\(name)",
      pieces: zip(paths, rows).map { path, rows in
        .init(name: "\(map.layers)\(index).\(path)", shape: [rows] + columns)
      },
      start: start
    )
  }

  private func norm(_ name: String, _ paths: [String], _ width: Int) -> WeightSpec {
    spec(name, paths, rows: [width], sizes.options.normOffset == 0 ? .ones : .zeros)
  }

  private func projection(
    _ name: String,
    _ paths: [String],
    _ columns: [Int],
    _ start: WeightSpec.Start
  ) -> WeightSpec {
    let (HK, GK) = (sizes.headCount * sizes.headWidth, sizes.groupCount * sizes.headWidth)
    var made = spec(name, paths, rows: [HK, GK, GK], columns: columns, start)
    made.order = headOrder(isInterleaved: map.interleavesHeads && paths.count == 1)
    return made
  }

  private func gated(
    _ prefix: String,
    _ paths: GatedParts<[String]>,
    _ width: Int,
    of expert: Int? = nil
  ) -> GatedParts<WeightSpec> {
    func numbered(_ paths: [String]) -> [String] {
      expert.map { number in paths.map { $0.replacing("#", with: "\(number)") } } ?? paths
    }
    let D = sizes.hiddenSize
    let rows = sizes.encoder == nil ? [width, width] : [width]
    return GatedParts(
      gateUp: spec(prefix + "gate_up", numbered(paths.gateUp), rows: rows, columns: [D]),
      down: spec(prefix + "down", numbered(paths.down), rows: [D], columns: [width], residual)
    )
  }

  private func biases(_ paths: EncoderBlockParts<[String]>) -> EncoderBlockParts<WeightSpec> {
    func bias(_ name: String, _ paths: [String], _ width: Int) -> WeightSpec {
      spec(name, paths, rows: [width], .zeros)
    }
    let D = sizes.hiddenSize
    return EncoderBlockParts(
      outputBias: bias("output_bias", paths.outputBias, D),
      attentionNormBias: bias("attention_norm_bias", paths.attentionNormBias, D),
      innerBias: bias("inner_bias", paths.innerBias, sizes.feedForwardSize),
      downBias: bias("down_bias", paths.downBias, D),
      feedForwardNormBias: bias("feed_forward_norm_bias", paths.feedForwardNormBias, D)
    )
  }

  /// Where the rows of queries, keys and values lie in a checkpoint; `nil` where they lie as here.
  ///
  /// Here each half of a head is rotated with the other; a checkpoint that rotates only the first part
  /// of a head has the halves of that part first.
  private func headOrder(isInterleaved: Bool) -> [Int]? {
    let (H, G, K) = (sizes.headCount, sizes.groupCount, sizes.headWidth)
    let R = sizes.rotary.rotatedWidth(of: K)
    guard isInterleaved || R < K else { return nil }
    let plain = Array(0..<K)
    // The first half of what is rotated and of what is not, then the second halves.
    let rest = (K - R) / 2
    let turned =
      Array(0..<R / 2) + Array(R..<R + rest) + Array(R / 2..<R) + Array(R + rest..<K)
    return (0..<H + 2 * G).flatMap { head -> [Int] in
      let rows = head < H + G ? turned : plain
      guard isInterleaved else { return rows.map { head * K + $0 } }
      // [G][H / G queries, a key, a value]
      let (repeats, group) = (H / G, head < H ? head / (H / G) : (head - H) % G)
      let place = head < H ? head % repeats : head < H + G ? repeats : repeats + 1
      return rows.map { (group * (repeats + 2) + place) * K + $0 }
    }
  }
}

extension ModelConfiguration {
  private func spec(_ name: String, _ path: String, _ shape: [Int], _ start: WeightSpec.Start)
    -> WeightSpec
  {
    WeightSpec(name: name, pieces: [.init(name: path, shape: shape)], start: start)
  }

  /// The weights that an encoder has outside of its blocks; `nil` of a decoder.
  func encoderSpecs(_ names: EncoderParts<String>) -> EncoderParts<WeightSpec>? {
    guard let encoder else { return nil }
    let D = hiddenSize
    func norm(_ name: String, _ paths: EncoderParts<String>.Norm) -> EncoderParts<WeightSpec>.Norm {
      .init(
        weight: spec(name, paths.weight, [D], .ones),
        bias: spec(name + "_bias", paths.bias, [D], .zeros)
      )
    }
    return EncoderParts(
      embeddingNorm: norm("embedding_norm", names.embeddingNorm),
      relative: spec("relative", names.relative, [2 * encoder.span, D], .normal(factor: 1)),
      relativeNorm: encoder.normsPositions
        ? names.relativeNorm.map { norm("relative_norm", $0) } : nil,
      convolution: encoder.convolution.flatMap { convolution in
        names.convolution.map { paths in
          let shape = [D, D, convolution.tokens]
          return .init(
            weight: spec("convolution", paths.weight, shape, .normal(factor: 1)),
            bias: spec("convolution_bias", paths.bias, [D], .zeros),
            norm: norm("convolution_norm", paths.norm)
          )
        }
      }
    )
  }
}

extension ModelConfiguration {
  /// All weights of the decoder, in the order of the layers, with the output embedding of a language
  /// model.
  package var weightSpecs: DecoderParts<WeightSpec> {
    let map = architecture.weights
    func embedding(_ name: String, _ path: String) -> WeightSpec {
      WeightSpec(
        name: name,
        pieces: [.init(name: path, shape: [vocabularySize, hiddenSize])],
        start: .normal(factor: 1)
      )
    }
    return DecoderParts(
      embedding: embedding("embed_tokens", map.embedding),
      blocks: (0..<layerCount).map { BlockSpecs(self, index: $0).block },
      finalNorm: map.finalNorm.map {
        WeightSpec(name: "norm", pieces: [.init(name: $0, shape: [hiddenSize])], start: .ones)
      },
      outputEmbedding: tiesEmbeddings || encoder != nil
        ? nil : embedding("lm_head", map.outputEmbedding),
      encoder: map.encoder.flatMap(encoderSpecs)
    )
  }
}
