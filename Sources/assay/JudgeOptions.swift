import ArgumentParser
import AssayReward
import AssayText

/// Options of commands in which a model compares responses.
struct JudgeOptions: ParsableArguments {
  @Option(help: "Judgements of each pair, half in each order; odd is rounded up. Default: 2.")
  var votes: Int?

  @Option(
    help: """
      How sure votes must be, from 0.5 to 1, for no more of them to be drawn of a pair, of which --votes is \
      then the most: the probability that endless votes would agree. Default: none, all are drawn.
      """
  )
  var confidence: Double?

  @Option(
    help: "What a judge writes: chain (reasons) or token (a letter). Default: as it was trained."
  )
  var task: RolePrompts.JudgeTask?

  @Option(
    help: """
      How a judge is asked: english, playground or, for RLHFlow's models, pair-preference. Default: as \
      it was trained.
      """
  )
  var prompts: PromptSet?

  @Option(
    help: """
      What the probability is of judges that give reasons: the share of votes, or the mean \
      likelihood of the verdict behind the reasons. Default: votes.
      """
  )
  var aggregate: VerdictAggregation?

  @Option(
    help: """
      What a judgement may be: free, or enforced (reasons, then a verdict: none is unparseable; see \
      Documentation/grammar.md). Default: free.
      """
  )
  var verdicts: VerdictForm?

  @Option(
    help: """
      The least probability of both letters together at which a letter is a verdict, or decides behind a \
      judgement that was cut; below, the judgement is unparseable. Default: 0.25; 0 for models that were \
      trained to write a letter.
      """
  )
  var letterMass: Double?

  func validate() throws {
    try Limit.check("--votes", votes, in: Limit.count)
    try Limit.check("--letter-mass", letterMass, in: 0...1)
    try Limit.check("--confidence", confidence, in: 0.5...1)
    guard confidence == nil || (votes ?? 0) > 4 && task != .token else {
      throw ValidationError(
        "--confidence ends votes early, of which two are always drawn in each order: give --votes above 4, "
          + "and a --task with reasons"
      )
    }
  }

  /// Whether any of them is given.
  var isEmpty: Bool {
    votes == nil && task == nil && prompts == nil && aggregate == nil && verdicts == nil
      && letterMass == nil && confidence == nil
  }

  /// Whether none but the number of votes is given.
  var isOfVotesAlone: Bool {
    var others = self
    others.votes = nil
    return others.isEmpty
  }

  /// Refuses what does not go with the model.
  ///
  /// - Parameters:
  ///   - samples: Critiques that were asked for.
  ///   - scores: Whether the model scores, rather than compares.
  /// - Throws: `ValidationError`.
  func validate(samples: Int?, scores: Bool) throws {
    guard scores || samples == nil else {
      throw ValidationError("--samples belongs to models that score; give --votes")
    }
    guard !scores || isEmpty else {
      throw ValidationError(
        "--votes, --task, --prompts and --verdicts belong to judges; give --samples"
      )
    }
  }

  /// Refuses what a judge elsewhere cannot do.
  ///
  /// - Throws: `ValidationError`.
  func validateRemote() throws {
    guard aggregate != .likelihood else {
      throw ValidationError("--aggregate likelihood needs a model of one's own: --model")
    }
  }

  func settings(_ draws: DrawOptions, seed: UInt64) -> JudgeSettings {
    var settings = JudgeSettings()
    settings.votes = votes ?? settings.votes
    settings.confidence = confidence
    settings.temperature = draws.temperature
    settings.topP = draws.topP ?? settings.topP
    settings.tokens = draws.maxTokens
    settings.seed = seed
    settings.task = task
    settings.aggregation = aggregate ?? settings.aggregation
    settings.verdicts = verdicts ?? settings.verdicts
    settings.letterMass = letterMass
    settings.prompts = prompts?.prompts
    return settings
  }
}

extension RolePrompts.JudgeTask: ExpressibleByArgument {}
extension VerdictAggregation: ExpressibleByArgument {}
extension VerdictForm: ExpressibleByArgument {}

/// A set of wording, by its name.
struct PromptSet: ExpressibleByArgument {
  let prompts: RolePrompts

  init?(argument: String) {
    guard let prompts = RolePrompts.named(argument) else { return nil }
    self.prompts = prompts
  }

  static var allValueStrings: [String] { RolePrompts.known.map(\.name) }
}
