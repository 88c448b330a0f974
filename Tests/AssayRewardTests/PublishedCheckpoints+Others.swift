// The published checkpoints that give several numbers, write their verdict, or are refused.

import AssayBase
import AssayTensor

extension Published {
  /// Several numbers a text: attributes that a gate weighs, steps of a response.
  static let severalNumbers: [Published] = [
    other(
      ["ArmoRM-Llama3-8B-v0.1"],
      "LlamaForRewardModelWithGating",
      "armo",
      .parts(19, "attributes, gated"),
      "llama-3"
    ) { $0.embeddings = 128_257 },
    other(
      ["QRM-Llama3-8B"],
      "LlamaForRewardModelWithGating3",
      "qrm",
      .parts(19, "attributes of 3 quantiles, gated"),
      "llama-3"
    ),
    other(
      ["QRM-Llama3.1-8B", "QRM-Llama3.1-8B-v2"],
      "LlamaForRewardModelWithGating31",
      "qrm",
      .parts(19, "attributes of 3 quantiles, gated"),
      "llama-3.1"
    ),
    other(
      ["QRM-Gemma-2-27B"],
      "Gemma2ForRewardModelWithGating",
      "score-gemma2",
      .parts(19, "attributes of 3 quantiles, gated"),
      "gemma"
    ) {
      gemma(&$0)
      $0.tensors = gate
    },
    other(
      ["URM-LLaMa-3.1-8B"],
      "LlamaForSequenceClassificationWithNormal_Weights",
      "urm",
      .parts(5, "means of attributes, gated"),
      "llama-3.1"
    ),
    other(
      ["LDL-Reward-Gemma-2-27B-v0.1"],
      "LDLRewardModel27B",
      "ldl",
      .scores("mean of 10 levels, gated"),
      "gemma",
      gemma
    ),
    other(
      ["Qwen2.5-Math-PRM-7B", "Qwen2.5-Math-PRM-72B"],
      "Qwen2ForProcessRewardModel",
      "step-mlp",
      .parts(2, "each token \"<extra_0>\"; softmax of row 1"),
      "qwen2"
    ),
    other(
      ["1.5B", "7B"].map { "Skywork-o1-Open-PRM-Qwen-2.5-\($0)" },
      "Qwen2ForPrmModel",
      "acecode",
      .parts(3, "the end of each step"),
      "qwen2"
    ),
    other(
      ["math-shepherd-mistral-7b-prm"],
      "MistralForCausalLM",
      "shepherd",
      .parts(2, "each token \"\u{43A}\u{438}\"; softmax of row 0"),
      "chatml"
    ) {
      $0.head = "probability:+--@\u{43A}\u{438}"
    },
    other(
      ["Mistral", "Deepseek"].map { "Llama3.1-8B-PRM-\($0)-Data" },
      "LlamaForCausalLM",
      "logit",
      .parts(2, "the opened turn behind each step"),
      "llama-3.1"
    ) {
      $0.head = "probability:+--@turns"
    },
    other(
      [
        "3.1-Nemotron-70B-Reward-HF", "3.3-Nemotron-70B-Reward",
        "3.3-Nemotron-70B-Reward-Multilingual",
      ]
      .map { "Llama-\($0)" },
      "LlamaForCausalLM",
      "logit",
      .scores("logits of the ids 0 at the last token; row 0"),
      "llama-3.1"
    ) {
      $0.head = "logit:0"
    },
    other(
      ["Llama-3.3-Nemotron-70B-Reward-Principle"],
      "LlamaForCausalLM",
      "logit",
      .scores("row 0 less row 1"),
      "llama-3.1"
    ) {
      ($0.head, $0.question) = ("logit:Yes-No", "Is it brief? Only answer Yes or No.")
    },
  ]

  static let gate: [String: [Int]] = [
    "score.weight": [], "regression_layer.weight": [57, 16], "reward_transform_matrix": [19, 19],
    "gating.logit_scale": [1], "gating.layers.0.weight": [12, 16],
    "gating.layers.2.weight": [12, 12], "gating.layers.4.weight": [19, 12],
    "gating.layers.4.bias": [19],
  ]

  /// Language models that write or name their verdict.
  static let judges: [Published] = [
    judge(
      ["prometheus-7b-v2.0", "prometheus-bgb"],
      "score-mistral",
      "MistralForCausalLM",
      "mistral-v1",
      mistral
    ),
    judge(["prometheus-8x7b-v2.0"], "logit-mixtral", "MixtralForCausalLM", "mistral-v1", mistral),
    judge(
      ["3B", "7B", "14B"].map { "M-Prometheus-\($0)" },
      "score-qwen2",
      "Qwen2ForCausalLM",
      "qwen2"
    ),
    judge(
      [
        "Skywork-Critic-Llama-3.1-8B", "Skywork-Critic-Llama-3.1-70B",
        "Self-taught-evaluator-llama3.1-70B", "OffsetBias-8B", "Selene-1-Mini-Llama-3.1-8B",
        "Think-RM-8B", "pair-preference-model-LLaMA3-8B",
      ],
      "logit",
      "LlamaForCausalLM",
      "llama-3.1"
    ),
    judge(["Auto-J-13B"], "logit", "LlamaForCausalLM", "llama-2") {
      $0.vocabulary = .model(special: [])
    },
    judge(
      ["1-1.5B", "1-7B", "1-14B", "1-32B", "2-7B", "2-32B"].map { "CompassJudger-\($0)" },
      "score-qwen2",
      "Qwen2ForCausalLM",
      "qwen2"
    ),
    judge(
      ["7B", "14B", "32B"].flatMap {
        ["RM-R1-Qwen2.5-\($0)", "RM-R1-DeepSeek-Distilled-Qwen-\($0)"]
      },
      "score-qwen2",
      "Qwen2ForCausalLM",
      "qwen2"
    ),
    judge(["3B", "7B"].map { "JudgeLRM-\($0)" }, "score-qwen2", "Qwen2ForCausalLM", "qwen2"),
    judge(
      ["4B", "8B", "14B"].flatMap {
        ["R3-Qwen3-\($0)-4k", "R3-Qwen3-\($0)-14k", "mR3-Qwen3-\($0)"]
      },
      "score-qwen3",
      "Qwen3ForCausalLM",
      "qwen3"
    ),
    judge(["RewardAnything-8B-v1"], "score-qwen3", "Qwen3ForCausalLM", "qwen3"),
    judge(["Qwen3-Nemotron-32B-GenRM-Principle"], "score-qwen3", "Qwen3ForCausalLM", "qwen3"),
    judge(
      ["235B-A22B-GenRM", "235B-A22B-GenRM-2603"].map { "Qwen3-Nemotron-\($0)" },
      "logit-qwen3-moe",
      "Qwen3MoeForCausalLM",
      "qwen3"
    ),
    judge(["DeepSeek-GRM-27B"], "score-gemma2", "Gemma2ForCausalLM", "gemma", gemma),
    other(
      ["PairRM-hf", "Better-PairRM"],
      "DebertaV2PairRM",
      "deberta-v3",
      .compares("the ids 90, 91 and 92; the first response less the second"),
      nil
    ) {
      $0.vocabulary = .pair
      $0.settings = [
        "source_prefix_id": 90, "cand1_prefix_id": 91, "cand2_prefix_id": 92,
        "max_position_embeddings": 128,
      ]
    },
  ]

  /// What is refused, by the name of what is missing.
  static let refused: [Published] = [
    other(
      ["URM-LLaMa-3-8B"],
      "LlamaForSequenceClassificationWithNormal",
      "score",
      .refused(["score.weight", "[10, 16]"]),
      "llama-3"
    ) { $0.tensors = ["score.weight": [10, 16]] },
    other(["PairRM"], "", "deberta-v3", .refused(["hidden_size", "is missing"]), nil) {
      ($0.vocabulary, $0.settings["hidden_size"]) = (.pair, .null)
    },
    other(
      ["Jamba-tiny-reward-dev"],
      "JambaForSequenceClassification",
      "score",
      .refused(["model_type", "jamba"]),
      "chatml"
    ) { $0.settings["model_type"] = "jamba" },
    other(
      ["any of Qwen3.5"],
      "Qwen3_5ForSequenceClassification",
      "score-qwen3",
      .refused(["model_type", "qwen3_5_text"]),
      "qwen3"
    ) { $0.settings["model_type"] = "qwen3_5_text" },
    other(
      ["", "-Multilingual"].map { "Llama-3_3-Nemotron-Super-49B-GenRM\($0)" },
      "DeciLMForCausalLM",
      "logit",
      .refused(["model_type", "nemotron-nas"]),
      "llama-3.1"
    ) {
      $0.settings["model_type"] = "nemotron-nas"
    },
    other(
      ["DeepSeek-GRM-16B"],
      "DeepseekV2ForCausalLM",
      "logit",
      .refused(["model_type", "deepseek_v2"]),
      "chatml"
    ) { $0.settings["model_type"] = "deepseek_v2" },
    other(
      ["Nemotron-4-340B-Reward", "Llama3-70B-SteerLM-RM"],
      "",
      "",
      .refused(["config.json"]),
      nil
    ),
  ]
}
