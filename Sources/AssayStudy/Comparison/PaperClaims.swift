// What CLoud, Critic-RM and GenRM claim, as far as the Playground can tell.
import AssayEvaluate

extension ClaimTable {
  /// "As good as" means: not more than 5 points below.
  private static let asGood = -0.05

  /// Methods that write before they decide, or decide by writing.
  private static let generative = [
    "genrm", "star-sft", "star-rationalizer", "star-dpo", "star-ipo", "cloud", "critic-rm-rank",
    "critic-rm-summ",
  ]

  /// The claims of the three papers.
  ///
  /// Source: Ankner et al. 2024 (arXiv:2408.11791), Yu et al. 2024 (arXiv:2411.16646), Mahan et al.
  /// 2024 (arXiv:2410.12832).
  package static let papers: [Claim] = [
    Claim(
      "cloud-classic",
      "CLoud beats Bradley-Terry",
      paper: "RewardBench +4.65 (8B), +5.84 (70B)",
      .difference("cloud", "classic", suite: "test", section: "Reasoning"),
      bar: 0.20
    ),
    Claim(
      "cloud-classic-ood",
      "CLoud beats Bradley-Terry out of distribution",
      paper: "RewardBench +4.65 (8B), +5.84 (70B)",
      .difference("cloud", "classic", suite: "ood", section: "Reasoning")
    ),
    Claim(
      "generative-ood",
      "The best generative method beats Bradley-Terry out of distribution",
      paper: "+10 to +45",
      .best(generative, "classic", suite: "ood", section: "Reasoning"),
      bar: 0.10
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
      "critic-rm-cloud",
      "Critic-RM beats CLoud",
      paper: "RewardBench +2.9 (70B)",
      .difference("critic-rm-rank", "cloud", suite: "test", section: "overall")
    ),
    Claim(
      "critic-rm-filter",
      "Critic-RM beats itself without filter",
      paper: "not known here",
      .difference("critic-rm-rank", "critic-rm-unfiltered", suite: "test", section: "overall")
    ),
    Claim(
      "critic-rm-schedule",
      "Critic-RM beats itself with constant lambda",
      paper: "not known here",
      .difference("critic-rm-rank", "critic-rm-constant", suite: "test", section: "overall")
    ),
    Claim(
      "filtered-truth",
      "Filtered critiques are more often true than unfiltered ones",
      paper: "not known here",
      .given
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
      "star-dpo-judge-single",
      "STaR-DPO's last iteration beats the zero-shot judge, one judgement each",
      paper: "not known here",
      .difference("star-dpo", "judge", suite: "test", section: "overall", samples: 1)
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
      "short-reasoning",
      "Self-consistency helps the shortest reasoning most",
      paper: "only items of 1 and 2 steps keep gaining",
      .given
    ),
    Claim(
      "self-consistency",
      "Averaging critiques helps CLoud on reasoning",
      paper: "+0.70 (8B), +0.49 (70B)",
      .sampleGain("cloud", suite: "test", section: "Reasoning")
    ),
    Claim(
      "vote",
      "A vote beats a single judgement",
      paper: "32 votes +1.6 to +4.9",
      .sampleGain("star-dpo", suite: "test", section: "overall")
    ),
    Claim(
      "best-of-n",
      "CLoud picks better responses out of N than Bradley-Terry",
      paper: "Best-of-16 +1.84 (8B), +0.89 (70B)",
      .given
    ),
    Claim(
      "revision",
      "Revising with a critique beats revising without",
      paper: "+2.5 to +3.2",
      .given
    ),
  ]
}
