// What endpoints that score have in common.

import AssayBase
import AssayModel
import AssayReward
import AssayText

extension Exchange {
  /// Checks that the model gives rewards.
  ///
  /// - Throws: `ServeError.wrongKind`.
  func requireReward() throws(ServeError) {
    guard model.text.hasHead, model.kind.scores else {
      throw .wrongKind(
        endpoint: path,
        kind: model.kind.rawValue,
        needed: "a classic or cloud model, or compare two responses at /v1/judgements"
      )
    }
  }

  /// Scores texts; none of them is cut.
  ///
  /// - Parameters:
  ///   - inputs: What to score.
  ///   - critiques: How critiques are written; `nil` is as the operator said.
  /// - Returns: One score an input.
  /// - Throws: `RewardError`, `TextError`, or what the model throws.
  func score(
    _ inputs: [ScoringInput],
    critiques: CritiqueSettings? = nil
  ) async throws -> [Score] {
    let settings = critiques ?? self.settings.critiqueDefaults
    let length = try TextLength(model.text, critiques: settings)
    for (index, input) in inputs.enumerated() {
      // Others are refused where they are read.
      guard case .response = input else { continue }
      let tokens = try length.tokens(input)
      guard tokens <= length.contextTokens else {
        throw RewardError.tooLong(index: index, tokens: tokens, maximum: length.contextTokens)
      }
    }
    return try await ModelScorer(port, options: .init(critiques: settings)).score(inputs)
  }

  /// How critiques are written, by what a request says.
  ///
  /// - Throws: `ServeError`, also where a model that writes none is told how.
  func critiques(_ fields: inout RequestFields) throws(ServeError) -> CritiqueSettings {
    var settings = self.settings.critiques
    settings.seed = try fields.seed() ?? settings.seed
    guard model.kind.writes else {
      for key in ["samples", "temperature", "top_p", "max_tokens"] {
        try fields.refuse(key, "a classic model writes no critiques; leave it out")
      }
      return settings
    }
    settings.samples = try fields.int("samples", 1...256) ?? settings.samples
    settings.temperature =
      try fields.float("temperature") ?? self.settings.temperature
      ?? CritiqueSettings.usualTemperature(samples: settings.samples)
    settings.topP =
      try fields.float("top_p", most: 1, isAboveZero: true) ?? self.settings.topP
      ?? settings.topP
    settings.tokens = try fields.int("max_tokens", 1...Int.max) ?? settings.tokens
    return settings
  }

  /// How a judge reads and writes, by what a request says.
  ///
  /// - Throws: `ServeError`.
  func judging(_ fields: inout RequestFields) throws(ServeError) -> JudgeSettings {
    var settings = JudgeSettings()
    settings.votes = try fields.int("votes", 1...256) ?? settings.votes
    settings.temperature = try fields.float("temperature") ?? self.settings.temperature
    settings.topP =
      try fields.float("top_p", most: 1, isAboveZero: true)
      ?? self.settings.topP ?? settings.topP
    settings.tokens = try fields.int("max_tokens", 1...Int.max) ?? self.settings.critiques.tokens
    settings.seed = try fields.seed() ?? self.settings.critiques.seed
    if let name = try fields.string("task") {
      guard let task = RolePrompts.JudgeTask(rawValue: name) else {
        let known = RolePrompts.JudgeTask.allCases.map(\.rawValue).joined(separator: " or ")
        throw .parameter(name: "task", actual: name, expected: known)
      }
      settings.task = task
    }
    settings.letterMass = nil
    let forms = VerdictForm.allCases
    settings.verdicts =
      try fields.choice("verdicts", forms.map(\.rawValue)).flatMap(VerdictForm.init) ?? .free
    settings.aggregation =
      try fields.choice("aggregate", VerdictAggregation.allCases.map(\.rawValue))
      .flatMap(VerdictAggregation.init) ?? settings.aggregation
    if let name = try fields.string("prompts") {
      guard let prompts = RolePrompts.named(name) else {
        let known = RolePrompts.known.map(\.name).joined(separator: " or ")
        throw .parameter(name: "prompts", actual: name, expected: known)
      }
      settings.prompts = prompts
    }
    return settings
  }

  /// Checks that the model compares responses.
  ///
  /// - Throws: `ServeError.wrongKind`.
  func requireJudge() throws(ServeError) {
    guard model.kind.judges else {
      throw .wrongKind(
        endpoint: path,
        kind: model.kind.rawValue,
        needed: "a judge, a pair or a language model, or score both responses at /v1/rewards"
      )
    }
  }

  /// How a judge is asked to compare by one criterion alone.
  ///
  /// It stands behind the responses, so that judgements by several criteria begin alike and are read
  /// once.
  func judging(_ settings: JudgeSettings, by criterion: String?) throws -> JudgeSettings {
    guard let criterion else { return settings }
    var settings = settings
    var prompts = try JudgementReading(settings, manifest: model.text.manifest).prompts
    let words = "\n\nDecide by this criterion alone: \(criterion)\n"
    prompts.chainQuestion = words + prompts.chainQuestion
    prompts.tokenQuestion = words + prompts.tokenQuestion
    settings.prompts = prompts
    return settings
  }
}
