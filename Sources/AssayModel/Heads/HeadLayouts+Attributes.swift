// Layouts whose score is made of several hidden states or numbers.

extension HeadLayout {
  /// Attributes that a gate weighs by the prompt: ArmoRM, and QRM with quantiles of each.
  ///
  /// Source: huggingface.co/RLHFlow/ArmoRM-Llama3-8B-v0.1 `modeling_custom.py`; github.com/allenai/
  /// reward-bench `rewardbench/models/qrm.py`; the pattern of Gemma from RLHFlow/RLHF-Reward-Modeling.
  static let gated = HeadLayout(name: "regression_layer with gating") { evidence in
    guard evidence.has("regression_layer.weight") || evidence.className.contains("WithGating")
    else { return nil }
    let rows = try evidence.layer("regression_layer")
    let layers = try evidence.layers("gating.layers", activation: .relu)
    let transform = "reward_transform_matrix"
    let count = layers.last?.rows ?? 1
    let quantiles = rows.rows / count
    guard try evidence.need(transform) == [count, count], quantiles * count == rows.rows,
      try evidence.need("gating.logit_scale") == [1]
    else {
      throw HeadError.weight(
        name: "regression_layer.weight",
        reason: "has \(rows.rows) rows, which do not fit the gate of \(count) attributes and "
          + "\(transform) \(try evidence.need(transform))"
      )
    }
    let temperature = try evidence.settings.double("gating_temperature") ?? 10
    guard temperature > 0 else {
      throw HeadError.setting(key: "gating_temperature", reason: "\(temperature) is not above 0")
    }
    guard let pattern = promptEnds[evidence.architecture] else {
      let known = promptEnds.keys.sorted().joined(separator: " and ")
      throw HeadError.setting(
        key: "model_type",
        reason: "of a gated model it must be known how prompts end, as it is for \(known)"
      )
    }
    let gate = HeadDescriptor.Gate(
      layers: layers,
      temperature: temperature,
      scale: "gating.logit_scale",
      transform: transform,
      pattern: pattern
    )
    return HeadDescriptor(
      layout: quantiles > 1 ? "gated quantiles" : "gated attributes",
      layers: [rows],
      position: evidence.beforePadding,
      reading: .gated(gate, quantiles: quantiles),
      attributes: count == armoNames.count ? armoNames : (0..<count).map { "attribute_\($0)" }
    )
  }

  /// How the user's turn ends and the assistant's is opened, by architecture.
  private static let promptEnds = [
    "Llama": "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "Gemma2": "<end_of_turn>\n<start_of_turn>model\n",
  ]

  /// The attributes of ArmoRM and QRM, in their order.
  ///
  /// Source: huggingface.co/RLHFlow/ArmoRM-Llama3-8B-v0.1, README.
  private static let armoNames = [
    "helpsteer-helpfulness", "helpsteer-correctness", "helpsteer-coherence",
    "helpsteer-complexity", "helpsteer-verbosity", "ultrafeedback-overall_score",
    "ultrafeedback-instruction_following", "ultrafeedback-truthfulness", "ultrafeedback-honesty",
    "ultrafeedback-helpfulness", "beavertails-is_safe", "prometheus-score",
    "argilla-overall_quality", "argilla-judge_lm", "code-complexity", "code-style",
    "code-explanation", "code-instruction-following", "code-readability",
  ]

  /// Two layers that read a prompt's token and a response's at once, of two responses beside each other.
  ///
  /// Source: github.com/yuchenlin/LLM-Blender `llm_blender/pair_ranker/pairrm.py`.
  static let compared = HeadLayout(name: "head_layer of a comparison") { evidence in
    guard evidence.className == "DebertaV2PairRM" else { return nil }
    let first = try evidence.layer("head_layer.1", columns: 2 * evidence.hiddenSize)
    let second = try evidence.layer("head_layer.4", columns: first.rows)
    func id(_ key: String) throws -> Int32 {
      guard let id = try evidence.settings.int(key), (0..<evidence.vocabularySize).contains(id)
      else {
        throw HeadError.setting(key: key, reason: "is missing, or no id of the vocabulary")
      }
      return Int32(id)
    }
    return HeadDescriptor(
      layout: "comparison",
      layers: [
        HeadDescriptor.Layer(
          name: first.name,
          rows: 2 * first.rows,
          columns: evidence.hiddenSize,
          hasBias: first.hasBias,
          isSplit: true
        )
      ],
      position: .compared(
        .init(
          source: try id("source_prefix_id"),
          first: try id("cand1_prefix_id"),
          second: try id("cand2_prefix_id")
        )
      ),
      reading: .compared(second)
    )
  }

  /// A normal distribution of each attribute, whose mean a gate weighs: URM.
  ///
  /// Source: github.com/sgl-project/sglang `python/sglang/srt/models/llama_reward.py`; Lou et al. 2024
  /// (arXiv:2410.00847) for what the two rows of an attribute are; the attributes are HelpSteer2's.
  static let normals = HeadLayout(name: "score and weights.fc") { evidence in
    let prefix = "weights.fc"
    guard
      evidence.has(prefix + ".0.weight")
        || evidence.className.hasSuffix("ForSequenceClassificationWithNormal_Weights")
    else { return nil }
    let rows = try evidence.layer("score")
    var layers: [HeadDescriptor.Layer] = []
    for (module, activation) in [("0", .selu), ("2", .selu), ("4", .none)]
      as [(
        String, HeadDescriptor.Activation
      )]
    {
      let columns = layers.last?.rows
      layers.append(
        try evidence.layer("\(prefix).\(module)", columns: columns, activation: activation)
      )
    }
    let count = layers.last?.rows ?? 0
    guard rows.rows == 2 * count else {
      throw HeadError.weight(
        name: "score.weight",
        reason:
          "has \(rows.rows) rows, expected a mean and a deviation for each of the gate's \(count)"
      )
    }
    return HeadDescriptor(
      layout: "gated normals",
      layers: [rows],
      position: evidence.padding.map { .lastBut(padding: $0) } ?? .last,
      reading: .normals(HeadDescriptor.Gate(layers: layers, isSoftmax: false)),
      attributes: count == helpSteerNames.count
        ? helpSteerNames : (0..<count).map { "attribute_\($0)" }
    )
  }

  private static let helpSteerNames = Array(armoNames.prefix(5))

  /// A distribution over ten levels of each attribute, mixed by a gate: LDL-Reward.
  ///
  /// Source: github.com/allenai/reward-bench `rewardbench/models/ldlreward.py`.
  static let levels = HeadLayout(name: "regression_layer and gating_layer") { evidence in
    let prefix = "regression_layer.network"
    guard
      evidence.names.contains(where: { $0.hasPrefix(prefix + ".") })
        || evidence.className.hasPrefix("LDLRewardModel")
    else { return nil }
    let layers = try evidence.layers(prefix, activation: .leakyReLU)
    let gate = try evidence.layers("gating_layer.network", activation: .leakyReLU)
    let (rows, count) = (layers.last?.rows ?? 0, gate.last?.rows ?? 0)
    guard rows == count * levelCount else {
      throw HeadError.weight(
        name: prefix,
        reason: "has \(rows) rows, expected \(levelCount) for each of the gate's \(count)"
      )
    }
    return HeadDescriptor(
      layout: "gated levels",
      layers: layers,
      position: evidence.beforePadding,
      reading: .levels(
        .init(
          layers: gate,
          temperature: try evidence.settings.double("temperature") ?? 1,
          isSoftmax: try evidence.settings.bool("softmax") ?? false
        ),
        count: levelCount
      )
    )
  }

  private static let levelCount = 10
}
