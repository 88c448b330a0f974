import ArgumentParser
import AssayEvaluate
import AssayGenerate
import AssayModel
import AssayReward
import AssayTensor
import AssayText
import AssayTrain
import Foundation

/// A model that a command uses: on this machine, or at an endpoint.
enum ModelSource {
  /// A model folder, loaded.
  case here(LocalPort, folder: URL, path: String)
  /// A model elsewhere.
  case elsewhere(OpenAIEndpoint)

  /// What writes texts.
  var writer: any Writer {
    switch self {
    case .here(let port, _, _): ModelWriter(port)
    case .elsewhere(let endpoint): RemoteWriter(endpoint)
    }
  }

  /// The texts of a model here.
  var text: ModelText? {
    if case .here(let port, _, _) = self { return port.text }
    return nil
  }

  /// Whether it scores single responses.
  var scores: Bool { text?.manifest.kind.scores ?? false }

  /// What to call it in results.
  var name: String {
    switch self {
    case .here(_, _, let path): URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
    case .elsewhere(let endpoint): endpoint.model
    }
  }

  /// A judge.
  ///
  /// - Throws: `RewardError` where the model gives no verdicts.
  func judge(_ settings: JudgeSettings) throws -> JudgeRater {
    switch self {
    case .here(let port, _, _): try JudgeRater(port, settings: settings)
    case .elsewhere: try JudgeRater(writer, settings: settings)
    }
  }

  /// A scorer; `nil` of a model that does not score.
  ///
  /// - Throws: `TextError` where the template does not fit.
  func scorer(_ critiques: CritiqueSettings) throws -> ModelScorer? {
    guard case .here(let port, _, _) = self, scores else { return nil }
    return try ModelScorer(port, options: .init(critiques: critiques))
  }

  /// What prefers responses: a scorer where the model scores, else a judge.
  ///
  /// - Throws: As `judge` and `scorer`.
  func rater(
    critiques: CritiqueSettings,
    judging: JudgeSettings,
    caution: Double = 0
  ) throws -> any Rater {
    if let scorer = try scorer(critiques) { return ScorerRater(scorer, caution: caution) }
    // A share of comparisons has no deviation.
    guard caution == 0 else { throw RewardError.noDeviation }
    return try judge(judging)
  }

  /// Whether it scores by a head that can be shuffled.
  var canShuffleHead: Bool {
    guard case .here(let port, _, _) = self else { return false }
    return scores && ShuffledHead.fits(port.model)
  }

  /// Shuffles its head; from then on it is a baseline.
  ///
  /// - Returns: The baseline's name; `nil` of a model without such a head.
  func shuffledHead() -> String? {
    guard case .here(let port, _, _) = self, canShuffleHead else { return nil }
    ShuffledHead.shuffleInPlace(port.model)
    return ShuffledHead.name
  }

  /// How far its scores of fixed texts are from those that were saved with it, in words; `nil` where none
  /// were saved.
  ///
  /// - Throws: As reading them.
  func goldenDifference() throws -> String? {
    guard case .here(let port, _, _) = self, scores else { return nil }
    return try port.model.verifyGolden().map { difference in
      difference == 0 ? "exactly" : String(format: "within %.0e", pow(10, ceil(log10(difference))))
    }
  }

  /// How long rows are for a model here; `nil` of one elsewhere, which has limits of its own.
  ///
  /// - Throws: `RewardError` where the model neither scores nor judges.
  func length(
    critiques: CritiqueSettings = CritiqueSettings(),
    judging: JudgeSettings = JudgeSettings()
  ) throws -> TextLength? {
    try text.map { try TextLength($0, critiques: critiques, judging: judging) }
  }

  /// Refuses a model that writes no text.
  ///
  /// - Throws: `ModelError.lacks`.
  func requireWriter() throws {
    guard case .here(let port, _, let path) = self, !port.model.decoder.isLanguageModel else {
      return
    }
    throw ModelError.lacks(
      path: path,
      part: "output embedding",
      hint: "a classifier cannot write text"
    )
  }
}

extension InferenceOptions {
  /// Loads a model as these options say.
  ///
  /// - Throws: What loading throws.
  func source(_ path: String, _ common: CommonOptions) throws -> ModelSource {
    let folder = try ModelPath.folder(path)
    return .here(try LocalPort(try load(folder, common)), folder: folder, path: path)
  }
}
