// What CLoud, Critic-RM and GenRM claim, each measured with its own paper's methods, and what is held
// against them besides.
import AssayEvaluate

extension ClaimTable {
  /// "As good as" means: not more than 2 points below.
  static let asGood = -0.02

  /// The claims of the three papers, then bars and controls, which no paper claims.
  package static let papers: [Claim] = cloud + criticRM + genRM + rewarded + controls

  /// CLoud's.
  ///
  /// Source: Ankner et al. 2024 (arXiv:2408.11791).
  private static let cloud: [Claim] = [
    Claim(
      "cloud-classic",
      "CLoud beats Bradley-Terry",
      paper: "RewardBench +4.65 (8B), +5.84 (70B)",
      .difference("cloud", "classic", suite: "test", section: "overall")
    ),
    Claim(
      "cloud-classic-ood",
      "CLoud beats Bradley-Terry out of distribution",
      paper: "RewardBench +4.65 (8B), +5.84 (70B)",
      .difference("cloud", "classic", suite: "ood", section: "overall")
    ),
    Claim(
      "cloud-classic-sections",
      "CLoud beats Bradley-Terry in every category",
      paper: "in all four, at both sizes",
      .everySection("cloud", "classic", suite: "test")
    ),
    Claim(
      "on-policy",
      "On-policy CLoud beats off-policy CLoud",
      paper: "RewardBench +5.60 (8B), +3.03 (70B)",
      .difference("cloud", "cloud-off-policy", suite: "test", section: "overall")
    ),
    Claim(
      "on-policy-ood",
      "On-policy CLoud beats off-policy CLoud out of distribution",
      paper: "RewardBench +5.60 (8B), +3.03 (70B)",
      .difference("cloud", "cloud-off-policy", suite: "ood", section: "overall")
    ),
    Claim(
      "self-consistency",
      "Averaging critiques helps CLoud on reasoning",
      paper: "+0.70 (8B), +0.49 (70B)",
      .sampleGain("cloud", suite: "test", section: "Reasoning")
    ),
    Claim(
      "short-reasoning",
      "Averaging critiques helps CLoud most where reasoning is short",
      paper: "only items of 1 and 2 steps keep gaining",
      .stepGain("cloud", suite: "test")
    ),
    Claim(
      "best-of-n",
      "CLoud picks better responses out of N than Bradley-Terry",
      paper: "Best-of-16 +1.84 (8B), +0.89 (70B)",
      .bestOf("cloud", "classic")
    ),
    Claim(
      "best-of-n-on-policy",
      "On-policy CLoud picks better responses out of N than off-policy CLoud",
      paper: "Best-of-16 +3.31 (8B), +1.56 (70B)",
      .bestOf("cloud", "cloud-off-policy")
    ),
  ]

  /// Critic-RM's.
  ///
  /// Source: Yu et al. 2024 (arXiv:2411.16646).
  private static let criticRM: [Claim] = [
    Claim(
      "critic-rm-classic",
      "Critic-RM beats Bradley-Terry",
      paper: "+3.7 to +7.3",
      .difference("critic-rm-rank", "classic", suite: "test", section: "overall")
    ),
    Claim(
      "critic-rm-classic-ood",
      "Critic-RM beats Bradley-Terry out of distribution",
      paper: "+3.7 to +7.3",
      .difference("critic-rm-rank", "classic", suite: "ood", section: "overall")
    ),
    Claim(
      "critic-rm-judge",
      "Critic-RM beats the zero-shot judge",
      paper: "+3.7 to +7.3",
      .difference("critic-rm-rank", "judge", suite: "test", section: "overall")
    ),
    Claim(
      "critic-rm-judge-ood",
      "Critic-RM beats the zero-shot judge out of distribution",
      paper: "+3.7 to +7.3",
      .difference("critic-rm-rank", "judge", suite: "ood", section: "overall")
    ),
    Claim(
      "critic-rm-cloud",
      "Critic-RM beats CLoud whose teacher is no better than the start model",
      paper: "RewardBench +2.9 (70B)",
      .difference("critic-rm-rank", "cloud-equal", suite: "test", section: "overall")
    ),
    Claim(
      "critic-rm-filter",
      "Critic-RM beats itself without filter, on as many pairs",
      paper: "not known here",
      .difference("critic-rm-rank", "critic-rm-rank-only", suite: "test", section: "overall")
    ),
    Claim(
      "critic-rm-schedule",
      "Critic-RM beats itself with constant lambda",
      paper: "not known here",
      .difference("critic-rm-rank", "critic-rm-constant", suite: "test", section: "overall")
    ),
    Claim(
      "critic-rm-samples",
      "Averaging critiques helps Critic-RM",
      paper: "not known here",
      .sampleGain("critic-rm-rank", suite: "test", section: "overall")
    ),
    Claim(
      "filtered-truth",
      "Of one response, critiques that the filter keeps are more often true than those it drops",
      paper: "not known here",
      .given
    ),
    Claim(
      "revision",
      "Revising with a critique beats revising without",
      paper: "+2.5 to +3.2",
      .given
    ),
  ]

  /// GenRM's.
  ///
  /// Source: Mahan et al. 2024 (arXiv:2410.12832).
  private static let genRM: [Claim] = [
    Claim(
      "genrm-classic",
      "GenRM without reasons is as good as Bradley-Terry in distribution",
      paper: "UltraFeedback 73 to 74 each",
      .difference("genrm", "classic", suite: "test", section: "overall"),
      limit: asGood
    ),
    Claim(
      "judge-classic",
      "Bradley-Terry beats the zero-shot judge in distribution",
      paper: "+9 to +36",
      .difference("classic", "judge", suite: "test", section: "overall")
    ),
    Claim(
      "star-dpo-judge",
      "STaR-DPO's last iteration beats the zero-shot judge",
      paper: "UltraFeedback +6.2, RewardBench +6.7",
      .difference("star-dpo", "judge", suite: "test", section: "overall")
    ),
    Claim(
      "star-dpo-judge-ood",
      "STaR-DPO's last iteration beats the zero-shot judge out of distribution",
      paper: "+2 to +6",
      .difference("star-dpo", "judge", suite: "ood", section: "overall")
    ),
    Claim(
      "star-dpo-classic",
      "STaR-DPO is as good as Bradley-Terry in distribution",
      paper: "UltraFeedback 73.9 against 73 to 74",
      .difference("star-dpo", "classic", suite: "test", section: "overall"),
      limit: asGood
    ),
    Claim(
      "star-dpo-classic-ood",
      "STaR-DPO beats Bradley-Terry out of distribution",
      paper: "+10 to +45",
      .difference("star-dpo", "classic", suite: "ood", section: "overall")
    ),
    Claim(
      "star-sft-judge",
      "STaR-SFT brings nothing over the zero-shot judge: the judge is as good",
      paper: "68.8 each on UltraInteract",
      .difference("judge", "star-sft", suite: "test", section: "overall"),
      limit: asGood
    ),
    Claim(
      "star-dpo-sft",
      "STaR-DPO beats STaR-SFT",
      paper: "UltraFeedback +6.5",
      .difference("star-dpo", "star-sft", suite: "test", section: "overall")
    ),
    Claim(
      "rationalizer",
      "Rationalised rationales are as good as STaR-DPO in distribution",
      paper: "near STaR-DPO",
      .difference("star-rationalizer", "star-dpo", suite: "test", section: "overall"),
      limit: asGood
    ),
    Claim(
      "rationalizer-ood",
      "Rationalised rationales lose to STaR-DPO out of distribution",
      paper: "below the start model, STaR-DPO above",
      .difference("star-dpo", "star-rationalizer", suite: "ood", section: "overall")
    ),
    Claim(
      "borrowed",
      "Borrowed rationales are as good as own ones in distribution",
      paper: "UltraFeedback +4.4 (GPT-4, third iteration)",
      .difference("star-sft-borrowed", "star-sft", suite: "test", section: "overall"),
      limit: asGood
    ),
    Claim(
      "borrowed-ood",
      "Borrowed rationales lose to own ones out of distribution",
      paper: "RewardBench +13.6 (70B rationales, third iteration)",
      .difference("star-sft", "star-sft-borrowed", suite: "ood", section: "overall")
    ),
    Claim(
      "vote",
      "A vote beats a single judgement",
      paper: "32 votes +1.6 to +4.9",
      .sampleGain("star-dpo", suite: "test", section: "overall")
    ),
  ]

  /// J1's: a judge that learns from rewards of its verdicts.
  ///
  /// Source: Whitehouse et al. 2025 (arXiv:2505.10320).
  private static let rewarded: [Claim] = [
    Claim(
      "grpo-judge",
      "GRPO on verdicts beats the zero-shot judge",
      paper: "J1, in both orders",
      .difference("grpo", "judge", suite: "test", section: "overall")
    ),
    Claim(
      "grpo-judge-ood",
      "GRPO on verdicts beats the zero-shot judge out of distribution",
      paper: "J1, in both orders",
      .difference("grpo", "judge", suite: "ood", section: "overall")
    ),
  ]

  /// Methods that write before they decide, or decide by writing.
  private static let generative = [
    "genrm", "star-sft", "star-rationalizer", "star-dpo", "star-ipo", "grpo", "cloud",
    "critic-rm-rank",
    "critic-rm-summ",
  ]

  /// What no paper claims: bars that were asked for, and what tells causes apart.
  private static let controls: [Claim] = [
    Claim(
      "bar-cloud-reasoning",
      "CLoud beats Bradley-Terry on reasoning",
      paper: "a bar",
      .difference("cloud", "classic", suite: "test", section: "Reasoning"),
      bar: 0.20,
      isControl: true
    ),
    Claim(
      "bar-generative-ood",
      "The generative method that validation pairs choose beats Bradley-Terry out of distribution",
      paper: "a bar",
      .best(generative, "classic", suite: "ood", section: "Reasoning"),
      bar: 0.10,
      isControl: true
    ),
    Claim(
      "control-inference",
      "CLoud beats Bradley-Terry from its own critic: critiques help when they are read",
      paper: "a control",
      .difference("cloud", "classic-critic", suite: "test", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-signal",
      "Bradley-Terry from CLoud's critic beats Bradley-Terry: critiques help as a lesson",
      paper: "a control",
      .difference("classic-critic", "classic", suite: "test", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-self",
      "Critic-RM beats CLoud on the start model's own critiques",
      paper: "a control",
      .difference("critic-rm-rank", "cloud-self", suite: "test", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-random",
      "Critic-RM's choice beats a random critique that the filter keeps, on the same pairs",
      paper: "a control",
      .difference("critic-rm-rank", "critic-rm-random", suite: "test", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-labels",
      "STaR-DPO beats the judge that learnt its own judgements unselected, with all else as it had",
      paper: "a control",
      .difference("star-dpo", "star-sft-unselected", suite: "test", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-labels-ood",
      "STaR-DPO beats the judge that learnt its own judgements unselected, out of distribution",
      paper: "a control",
      .difference("star-dpo", "star-sft-unselected", suite: "ood", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-grpo",
      "GRPO beats STaR-DPO on as many samples and steps",
      paper: "a control",
      .difference("grpo", "star-dpo", suite: "test", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-grpo-ood",
      "GRPO beats STaR-DPO on as many samples and steps, out of distribution",
      paper: "a control",
      .difference("grpo", "star-dpo", suite: "ood", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-meta",
      "stated scores of the critiques that the model rates better beat those of all its critiques",
      paper: "a control",
      .difference("critic-meta", "critic", suite: "test", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-pointwise",
      "the judge of two responses beats the critic of single ones, as many texts each, nothing trained",
      paper: "a control",
      .difference("judge", "critic", suite: "test", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-heads",
      "eight heads on one trunk beat one",
      paper: "a control",
      .difference("classic-heads", "classic", suite: "test", section: "overall"),
      isControl: true
    ),
    Claim(
      "control-single",
      "STaR-DPO's last iteration beats the zero-shot judge, one judgement each",
      paper: "a control",
      .difference("star-dpo", "judge", suite: "test", section: "overall", samples: 1),
      isControl: true
    ),
  ]
}
