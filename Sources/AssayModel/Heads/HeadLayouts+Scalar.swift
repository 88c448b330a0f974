// Layouts whose score is one row, or a row of each step.

extension HeadLayout {
  /// CLoud's two layers, which read where the critique ends.
  ///
  /// Source: Ankner et al. 2024 (arXiv:2408.11791) section 2; their `reward_head`.
  static let cloud = HeadLayout(name: "reward_head") { evidence in
    guard
      evidence.names.contains(where: { $0.hasPrefix("reward_head.") })
        || evidence.className == "FeedbackRewardModel"
    else { return nil }
    let descriptor = HeadDescriptor.cloud(hiddenSize: evidence.hiddenSize)
    for layer in descriptor.layers {
      for part in [".weight", ".bias"] { _ = try evidence.need(layer.name + part) }
    }
    return descriptor
  }

  /// One row, or one of several: transformers' sequence classification.
  ///
  /// Source: `transformers` `modeling_layers.py` (`GenericForSequenceClassification`): the last token
  /// that is not padding.
  static let score = HeadLayout(name: "score") { evidence in
    guard evidence.isClassifier || evidence.has("score.weight") else { return nil }
    let isKnown = evidence.isClassifier || evidence.isPlain
    guard isKnown || evidence.strangers == ["score.weight"] else {
      throw unknown(evidence)
    }
    var descriptor = HeadDescriptor.linear(hiddenSize: evidence.hiddenSize)
    descriptor.layers = [try evidence.layer("score")]
    descriptor.needsLanguageModel = !evidence.isClassifier
    if !evidence.isOwn, let padding = evidence.padding {
      descriptor.position = .lastBut(padding: padding)
    }
    let rows = descriptor.rowCount
    if case .rows(let reading) = evidence.choice {
      guard reading.rows.allSatisfy({ $0 < rows }) else {
        throw HeadError.weight(
          name: "score.weight",
          reason: "has \(rows) rows, and --head asks for row \(reading.rows.max() ?? 0)"
        )
      }
      descriptor.reading = reading
    } else if rows != 1 {
      throw HeadError.weight(
        name: "score.weight",
        reason:
          "has shape [\(rows), \(evidence.hiddenSize)]; a reward model has one label: say which of "
          + "the rows is the score by --head row:1, row:1-0, softmax:1 or mean"
      )
    }
    return descriptor
  }

  /// Two layers with ReLU, one row: Qwen2.5-Math-RM, WorldPM, INF-ORM.
  ///
  /// Source: huggingface.co/Qwen/Qwen2.5-Math-RM-72B `modeling_qwen2_rm.py`; huggingface.co/infly/
  /// INF-ORM-Llama3.1-70B, README: the token before the first padding. WorldPM's card names
  /// <|endoftext|>, its code reads the token before it; we follow the code.
  static let mlp = HeadLayout(name: "score.0 and score.2") { evidence in
    let classes = ["Qwen2ForRewardModel", "INFORMForSequenceClassification"]
    guard evidence.has("score.0.weight") || classes.contains(evidence.className) else { return nil }
    let layers = try scoreLayers(evidence)
    guard layers[1].rows == 1 else {
      throw HeadError.weight(
        name: "score.2.weight",
        reason: "has \(layers[1].rows) rows; one is a reward, and two are a step's only in class "
          + "Qwen2ForProcessRewardModel"
      )
    }
    return HeadDescriptor(
      layout: "score MLP",
      layers: layers,
      position: evidence.beforePadding
    )
  }

  /// Two layers with ReLU and two rows, of which the second says that the step is right.
  ///
  /// Source: huggingface.co/Qwen/Qwen2.5-Math-PRM-7B `modeling_qwen2_rm.py` and its README, which puts
  /// <extra_0> behind each step.
  static let processMLP = HeadLayout(name: "score.0 and score.2 of two rows") { evidence in
    guard evidence.className == "Qwen2ForProcessRewardModel" else { return nil }
    let layers = try scoreLayers(evidence)
    guard layers[1].rows == 2 else {
      throw HeadError.weight(
        name: "score.2.weight",
        reason: "has \(layers[1].rows) rows, expected 2: a wrong step's and a right one's"
      )
    }
    return HeadDescriptor(
      layout: "step MLP",
      layers: layers,
      position: .each(.spelling("<extra_0>")),
      reading: .softmax(1)
    )
  }

  private static func scoreLayers(_ evidence: HeadEvidence) throws -> [HeadDescriptor.Layer] {
    let first = try evidence.layer("score.0", activation: .relu)
    return [first, try evidence.layer("score.2", columns: first.rows)]
  }

  /// One row at a reward token that is put behind the conversation.
  ///
  /// Source: huggingface.co/internlm/internlm2-7b-reward `modeling_internlm2.py` (`get_score`).
  static let internlm2 = HeadLayout(name: "v_head at reward_token_id") { evidence in
    guard evidence.className == "InternLM2ForRewardModel" else { return nil }
    guard let id = try evidence.settings.int("reward_token_id"),
      (0..<evidence.vocabularySize).contains(id)
    else {
      throw HeadError.setting(
        key: "reward_token_id",
        reason: "is missing, or no id of the vocabulary; this class reads the token that it names"
      )
    }
    return HeadDescriptor(
      layout: "v_head",
      layers: [try row("v_head", evidence)],
      position: .appended(Int32(id))
    )
  }

  /// One row, of a transformer that is called `transformer`.
  ///
  /// Source: huggingface.co/berkeley-nest/Starling-RM-7B-alpha, README (`GPTRewardModel`): the token before
  /// the first padding, which is <unk>, id 0.
  static let starling = HeadLayout(name: "v_head of a transformer.*") { evidence in
    guard evidence.has("v_head.weight"), evidence.backbone == "transformer." else { return nil }
    return HeadDescriptor(
      layout: "v_head",
      layers: [try row("v_head", evidence)],
      position: .before(padding: 0)
    )
  }

  /// One row at the last CLS token, which the chat template puts there.
  ///
  /// Source: huggingface.co/Nexusflow/Athene-RM-8B, README (`AtheneForSequenceClassification`), where the
  /// id stands in the code.
  static let athene = HeadLayout(name: "v_head at the CLS token") { evidence in
    guard evidence.has("v_head.weight") else { return nil }
    let name = evidence.className
    let classes = ["CustomAutoModelForSequenceClassification", "AtheneForSequenceClassification"]
    let id = try evidence.settings.int("cls_token_id").flatMap { Int32(exactly: $0) }
    guard let id = id ?? (classes.contains(name) ? 128_003 : nil) else {
      throw HeadError.setting(
        key: "cls_token_id",
        reason:
          "is missing; v_head.weight of class \(name.isEmpty ? "none" : name) reads at a token "
          + "that nothing here names"
      )
    }
    return HeadDescriptor(
      layout: "v_head",
      layers: [try row("v_head", evidence)],
      position: .lastOf(.id(id))
    )
  }

  /// A value head whose sigmoid at the end of a step is the step's score.
  ///
  /// Source: github.com/SkyworkAI/skywork-o1-prm-inference (`prepare_input`, `derive_step_rewards_vllm`).
  static let process = HeadLayout(name: "v_head.summary at the ends of steps") { evidence in
    guard evidence.className == "Qwen2ForPrmModel" else { return nil }
    return HeadDescriptor(
      layout: "step value head",
      layers: try summaryLayers(evidence),
      position: .ends("\n"),
      reading: .sigmoid
    )
  }

  /// A value head of TRL, one layer or several with ReLU: GRM, AceCodeRM, LLaMA-Factory.
  ///
  /// Source: github.com/allenai/reward-bench `rewardbench/models/grm.py`; TRL's `modeling_value_head.py`;
  /// LLaMA-Factory `train/rm/trainer.py`: the last token that is attended to.
  static let summary = HeadLayout(name: "v_head.summary") { evidence in
    guard
      evidence.names.contains(where: { $0.hasPrefix("v_head.summary.") })
        || ["GRewardModel", "Qwen2ForCausalRM"].contains(evidence.className)
    else { return nil }
    return HeadDescriptor(layout: "value head", layers: try summaryLayers(evidence))
  }

  private static func summaryLayers(_ evidence: HeadEvidence) throws -> [HeadDescriptor.Layer] {
    let name = "v_head.summary"
    let layers =
      evidence.has(name + ".0.weight")
      ? try evidence.layers(name, activation: .relu) : [try evidence.layer(name)]
    guard layers.last?.rows == 1 else {
      throw HeadError.weight(name: name, reason: "has \(layers.last?.rows ?? 0) rows, expected 1")
    }
    return layers
  }

  /// One row: UltraRM, Eurus-RM.
  ///
  /// Source: huggingface.co/openbmb/UltraRM-13b and Eurus-RM-7b, READMEs: the last token that is attended
  /// to.
  static let regression = HeadLayout(name: "regression_head") { evidence in
    guard
      evidence.has("regression_head.weight")
        || ["LlamaRewardModel", "EurusRewardModel"].contains(evidence.className)
    else { return nil }
    return HeadDescriptor(
      layout: "regression head",
      layers: [try row("regression_head", evidence)]
    )
  }

  /// An encoder's two layers at the first token.
  ///
  /// Source: `ContextPooler` in `transformers`.
  static let pooled = HeadLayout(name: "pooler.dense and classifier") { evidence in
    guard evidence.has("pooler.dense.weight"), evidence.has("classifier.weight") else { return nil }
    let descriptor = HeadDescriptor.pooled(hiddenSize: evidence.hiddenSize)
    for layer in descriptor.layers {
      let rows = try evidence.need(layer.name + ".weight").first ?? 0
      _ = try evidence.need(layer.name + ".bias")
      guard rows == layer.rows else {
        throw HeadError.weight(
          name: layer.name + ".weight",
          reason: "has \(rows) rows, expected \(layer.rows): a reward model has one label"
        )
      }
    }
    return descriptor
  }

  /// One row, normalized where the folder says so; of a cost, less is better.
  ///
  /// Source: github.com/PKU-Alignment/safe-rlhf `safe_rlhf/models/score_model`, `models/normalizer.py`.
  static let scoreModel = HeadLayout(name: "score_head") { evidence in
    guard evidence.has("score_head.weight") || evidence.className.hasSuffix("ForScore") else {
      return nil
    }
    let settings = evidence.settings
    let type = try settings.string("score_type") ?? "reward"
    guard ["reward", "cost", "critic"].contains(type) else {
      throw HeadError.setting(key: "score_type", reason: "\(type) is not reward, cost or critic")
    }
    var descriptor = HeadDescriptor(
      layout: "score head",
      layers: [try row("score_head", evidence)],
      isCost: type == "cost",
      attributes: type == "cost" ? ["cost"] : []
    )
    if try settings.bool("do_normalize") == true, type != "critic" {
      // What the weights say comes before what the configuration copied of them.
      func number(_ key: String) throws -> Double? {
        let name = "normalizer." + key
        guard evidence.has(name) else { return try settings.doubles(key)?.first }
        return try evidence.numbers(name).first
      }
      guard let mean = try number("mean"), let variance = try number("var"), variance >= 0 else {
        throw HeadError.weight(
          name: "normalizer.mean",
          reason: "and normalizer.var are missing, and do_normalize is true"
        )
      }
      descriptor.normalizer = .init(mean: type == "reward" ? mean : 0, variance: variance)
    }
    return descriptor
  }

  /// A layer of one row.
  private static func row(
    _ name: String,
    _ evidence: HeadEvidence
  ) throws -> HeadDescriptor.Layer {
    let layer = try evidence.layer(name)
    guard layer.rows == 1 else {
      throw HeadError.weight(name: name + ".weight", reason: "has \(layer.rows) rows, expected 1")
    }
    return layer
  }
}
