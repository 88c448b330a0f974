// The reward models and judges that people use, as they are published: what a folder of each has in it.

import AssayBase
import AssayTensor

/// Checkpoints that are published in one layout.
struct Published {
  /// What there is to be had of one.
  enum Outcome {
    /// A score of a response; words that `assay inspect` says of its head.
    case scores(String)
    /// A score that several numbers stand behind; how many, and words of its head.
    case parts(Int, String)
    /// A verdict on two responses, which the head reads beside each other; words of it.
    case compares(String)
    /// A verdict on two responses, asked in the model's own template.
    case judges
    /// A refusal, with these words in it.
    case refused([String])
  }

  /// The vocabulary of a folder.
  enum Vocabulary {
    /// Bytes with the special tokens of Llama 3 and ChatML, in `tokenizer.json`.
    case bytes
    /// SentencePiece's BPE in `tokenizer.json`: a fixture's name, and special tokens behind it.
    case pieces(String, special: [String])
    /// SentencePiece's own file and `tokenizer_config.json`, with special tokens behind the vocabulary.
    case model(special: [String])
    /// That of the recorded encoder.
    case pair
  }

  /// How weights are kept.
  enum Files {
    /// One file, or two with an index.
    case safetensors(shards: Int)
    /// The same of PyTorch's.
    case bin(shards: Int)
  }

  let names: [String]
  let className: String
  /// The recorded head whose weights and settings a folder has.
  let layout: String
  let outcome: Outcome
  var dtype = DType.bfloat16
  var files = Files.safetensors(shards: 1)
  var vocabulary = Vocabulary.bytes
  /// The family of the chat template; `nil` of a model that has none, and is given rendered texts.
  var template: String? = "chatml"
  /// Settings that differ from the recorded layout's; null takes one away.
  var settings: [String: JSONValue] = [:]
  /// Weights that differ from the recorded layout's; none takes one away.
  var tensors: [String: [Int]] = [:]
  /// What `--head` says, and `--question`.
  var head: String?
  var question: String?
  /// How many embeddings there are, where that is not the size of the vocabulary.
  var embeddings: Int?
}

extension Published {
  static let last = "score [1, 16] at the last token but padding"

  static func classifier(
    _ names: [String],
    _ family: String,
    _ template: String,
    _ change: (inout Published) -> Void = { _ in }
  ) -> Published {
    let starts = [
      "llama": "Llama", "qwen2": "Qwen2", "qwen3": "Qwen3", "mistral": "Mistral", "gemma": "Gemma",
      "gemma2": "Gemma2",
    ]
    var one = Published(
      names: names,
      className: (starts[family] ?? "") + "ForSequenceClassification",
      layout: family == "llama" ? "score" : "score-" + family,
      outcome: .scores(last),
      template: template
    )
    change(&one)
    return one
  }

  static func judge(
    _ names: [String],
    _ layout: String,
    _ className: String,
    _ template: String,
    _ change: (inout Published) -> Void = { _ in }
  ) -> Published {
    var one = Published(
      names: names,
      className: className,
      layout: layout,
      outcome: .judges,
      template: template,
      tensors: ["score.weight": []]
    )
    if !["logit", "logit-mixtral", "logit-qwen3-moe", "score-gemma2"].contains(layout) {
      one.tensors["lm_head.weight"] = [288, 16]
    }
    change(&one)
    return one
  }

  static func other(
    _ names: [String],
    _ className: String,
    _ layout: String,
    _ outcome: Outcome,
    _ template: String?,
    _ change: (inout Published) -> Void = { _ in }
  ) -> Published {
    var one = Published(
      names: names,
      className: className,
      layout: layout,
      outcome: outcome,
      template: template
    )
    change(&one)
    return one
  }

  static let gemmaTurns = ["<start_of_turn>", "<end_of_turn>"]

  static func gemma(_ one: inout Published) {
    one.vocabulary = .pieces("gemma", special: gemmaTurns)
  }

  static func mistral(_ one: inout Published) {
    one.vocabulary = .pieces("mistral", special: [])
  }

  /// One label of a language model's last token.
  static let classifiers: [Published] = [
    classifier(
      ["0.6B", "1.7B", "4B", "8B"].map { "Skywork-Reward-V2-Qwen3-\($0)" },
      "qwen3",
      "qwen3"
    ),
    classifier(
      ["3.1-8B", "3.1-8B-40M", "3.2-1B", "3.2-3B"].map { "Skywork-Reward-V2-Llama-\($0)" },
      "llama",
      "llama-3.1"
    ),
    classifier(["v0.1", "v0.2"].map { "Skywork-Reward-Llama-3.1-8B \($0)" }, "llama", "llama-3.1") {
      ($0.embeddings, $0.files) = (128_257, .safetensors(shards: 2))
    },
    classifier(["v0.1", "v0.2"].map { "Skywork-Reward-Gemma-2-27B \($0)" }, "gemma2", "gemma") {
      gemma(&$0)
      $0.files = .safetensors(shards: 2)
    },
    classifier(["GRM-Gemma2-2B-rewardmodel-ft"], "gemma2", "gemma") {
      gemma(&$0)
      $0.dtype = .float16
    },
    classifier(["GRM-llama3.2-3B", "GRM-Llama3-8B"].map { $0 + "-ft" }, "llama", "llama-3"),
    classifier(
      ["0.6B", "1.7B", "4B", "8B", "14B", "32B"].map { "Themis-RM-\($0)" },
      "qwen3",
      "qwen3"
    ),
    classifier(["1.7B", "4B", "8B"].map { "CodeScaler-\($0)" }, "qwen3", "qwen3"),
    classifier(["Qwen-3-Nemotron-32B-Reward"], "qwen3", "qwen3") { $0.dtype = .float32 },
    classifier(
      [
        "Llama-3.1-8B-Instruct", "Llama-3.1-8B-Base", "Llama-3.1-70B-Instruct",
        "Llama-3.1-Tulu-3-8B-SFT", "Llama-3.1-Tulu-3-8B-DPO", "Llama-3.1-Tulu-3-8B-RL",
        "Llama-3.1-Tulu-3-70B-SFT",
      ].map { $0 + "-RM-RB2" },
      "llama",
      "llama-3.1"
    ) { $0.files = .bin(shards: 2) },
    classifier(["Llama-3.1-Tulu-3-8B-RM"], "llama", "tulu"),
    classifier(["FsfairX-LLaMA3-RM-v0.1", "OffsetBias-RM-8B", "RAMO-8B"], "llama", "llama-3"),
    classifier(["SmolTulu-1.7b-RM"], "llama", "chatml") {
      $0.settings["tie_word_embeddings"] = true
    },
    classifier(
      ["RM-Mistral-7B", "Mistral-RM-for-RAFT-GSHF", "Unified-Feedback"],
      "mistral",
      "mistral-v1",
      mistral
    ),
    classifier(["RM-Gemma-2B", "RM-Gemma-7B"], "gemma", "gemma", gemma),
  ]

  /// Heads of other shapes, read at the end or at a token of their own.
  static let heads: [Published] = [
    other(
      ["GRM-llama3-sftreg", "GRM-llama3.2-sftreg"],
      "GRewardModel",
      "grm",
      .scores("relu, v_head.summary.2 [1, 20] at the last token"),
      "llama-3"
    ),
    other(
      ["GRM-Gemma-2B-sftreg"],
      "GRewardModel",
      "score-gemma",
      .scores("v_head.summary [1, 16] at the last token"),
      "gemma"
    ) {
      gemma(&$0)
      $0.tensors = [
        "score.weight": [], "v_head.summary.weight": [1, 16], "v_head.summary.bias": [1],
      ]
    },
    other(
      ["GRM-Gemma2-2B-sftreg"],
      "GRewardModel",
      "score-gemma2",
      .scores("v_head.summary [1, 16] at the last token"),
      "gemma"
    ) {
      gemma(&$0)
      $0.tensors = [
        "score.weight": [], "v_head.summary.weight": [1, 16], "v_head.summary.bias": [1],
      ]
    },
    other(
      ["INF-ORM-Llama3.1-70B"],
      "INFORMForSequenceClassification",
      "inf-orm",
      .scores("score.2 [1, 16] at the token before padding"),
      "llama-3.1"
    ),
    other(
      ["1.8B", "7B", "20B"].map { "internlm2-\($0)-reward" },
      "InternLM2ForRewardModel",
      "internlm2",
      .scores("the reward token (id 9) behind the text"),
      "internlm2"
    ) {
      $0.dtype = .float16
      $0.vocabulary = .model(special: ["<|im_start|>", "<|im_end|>"])
    },
    other(
      ["Qwen2.5-Math-RM-72B"],
      "Qwen2ForRewardModel",
      "score-mlp",
      .scores("score.2 [1, 16] at the token before padding"),
      "qwen2"
    ),
    other(
      ["72B", "72B-HelpSteer2", "72B-UltraFeedback", "72B-RLHFLow"].map { "WorldPM-\($0)" },
      "Qwen2ForRewardModel",
      "score-mlp",
      .scores("score.2 [1, 16] at the last token"),
      "chatml"
    ) {
      $0.settings["pad_token_id"] = .null
    },
    other(
      ["Athene-RM-8B", "Athene-RM-70B"],
      "CustomAutoModelForSequenceClassification",
      "athene",
      .scores("v_head [1, 16] at the last token id 8"),
      "athene"
    ),
    other(
      ["Starling-RM-7B-alpha"],
      "GPTRewardModel",
      "starling",
      .scores("v_head [1, 16] at the token before padding (id 0)"),
      nil
    ) {
      ($0.files, $0.vocabulary) = (.bin(shards: 1), .model(special: []))
    },
    other(
      ["Starling-RM-34B"],
      "LlamaForSequenceClassification",
      "starling",
      .scores("v_head [1, 16] at the token before padding (id 0)"),
      nil
    ) {
      ($0.files, $0.vocabulary) = (.bin(shards: 2), .model(special: []))
    },
    other(
      ["UltraRM-13b"],
      "LlamaRewardModel",
      "ultrarm",
      .scores("regression_head [1, 16] at the last token"),
      nil
    ) {
      ($0.files, $0.vocabulary) = (.bin(shards: 2), .model(special: []))
    },
    other(
      ["Eurus-RM-7b"],
      "EurusRewardModel",
      "eurus",
      .scores("regression_head [1, 16] at the last token"),
      nil
    ) {
      $0.vocabulary = .pieces("mistral", special: [])
    },
    other(
      ["v1.0", "v2.0", "v3.0"].map { "beaver-7b-\($0)-reward" },
      "LlamaForScore",
      "beaver-reward",
      .scores("normalized"),
      nil
    ) { $0.vocabulary = .pieces("llama2", special: []) },
    other(
      ["v1.0", "v2.0", "v3.0"].map { "beaver-7b-\($0)-cost" },
      "LlamaForScore",
      "beaver-cost",
      .scores("a cost: the score is minus it"),
      nil
    ) {
      $0.vocabulary = .pieces("llama2", special: [])
    },
    other(
      ["AceCodeRM-7B", "AceCodeRM-32B"],
      "Qwen2ForCausalRM",
      "acecode",
      .scores("v_head.summary [1, 16] at the last token"),
      "qwen2"
    ),
    other(
      ["any of LLaMA-Factory"],
      "LlamaForCausalLM",
      "llama-factory",
      .scores("v_head.summary [1, 16] at the last token"),
      "llama-3"
    ),
    other(
      ["v3-large-v2", "v3-base"].map { "reward-model-deberta-\($0)" },
      "DebertaV2ForSequenceClassification",
      "deberta-v3",
      .scores("classifier [1, 32] at the first token"),
      nil
    ) {
      ($0.dtype, $0.files, $0.vocabulary) = (.float32, .bin(shards: 1), .pair)
    },
    other(
      ["CLoud-8B", "CLoud-70B"],
      "FeedbackRewardModel",
      "cloud",
      .scores("reward_head.out_proj [1, 16] at the last token"),
      "llama-3"
    ),
  ]

  static var all: [Published] { classifiers + heads + severalNumbers + judges + refused }
}
