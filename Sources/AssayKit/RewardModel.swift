import AssayModel
import Foundation

/// A reward model, judge or language model, loaded from a folder.
///
/// ```swift
/// let model = try await RewardModel.load(URL(fileURLWithPath: "demo/models/cloud"))
/// let scores = try await model.score([Response(prompt: "2 + 3?", text: "5.")])
/// print(scores[0].value, scores[0].critiques.first?.text ?? "")
/// ```
///
/// Calls are computed one after another, on a thread of the model's own; the numbers are those of
/// `assay score`, `assay judge` and the server.
public struct RewardModel: Sendable {
  /// What a model can be asked for.
  public enum Ability: String, CaseIterable, Sendable {
    /// It gives a response a score.
    case scores
    /// It writes a critique before it scores.
    case criticizes
    /// It compares two responses.
    case judges
    /// It writes text.
    case writes
  }

  /// What the model can be asked for.
  public let abilities: Set<Ability>
  /// Tokens that it reads at most.
  public let contextTokens: Int
  private let worker: ModelWorker

  /// Loads a model.
  ///
  /// - Parameters:
  ///   - folder: A folder in Hugging Face's layout, or a run folder, whose last finished checkpoint
  ///     is taken.
  ///   - options: Where and how it computes.
  /// - Returns: The model.
  /// - Throws: `AssayError` where a file is missing, damaged, or of a kind that is not known.
  public static func load(
    _ folder: URL,
    options: LoadingOptions = LoadingOptions()
  ) async throws -> RewardModel {
    let worker = ModelWorker()
    let loaded = try await AssayError.wrap { try await worker.load(folder, options) }
    var abilities: Set<Ability> = [loaded.kind.scores ? .scores : .judges]
    if loaded.kind == .cloud { abilities.insert(.criticizes) }
    if loaded.isLanguageModel, !loaded.kind.scores { abilities.insert(.writes) }
    return RewardModel(abilities: abilities, contextTokens: loaded.contextTokens, worker: worker)
  }

  /// Scores responses, in one pass or by critiques that the model writes first.
  ///
  /// - Parameters:
  ///   - responses: What to score.
  ///   - critiques: How critiques are drawn, for models that write them; `count` is how many the
  ///     score is the mean of (default: one, greedy).
  /// - Returns: One score a response, in their order; each independent of the others.
  /// - Throws: `AssayError` where the model has no reward head, or a response does not fit its context.
  public func score(
    _ responses: [Response],
    critiques: Sampling = Sampling()
  ) async throws -> [Score] {
    try critiques.check()
    return try await AssayError.wrap { try await worker.score(responses, critiques) }
  }

  /// Writes critiques of responses.
  ///
  /// - Parameters:
  ///   - responses: What to criticize.
  ///   - sampling: How critiques are drawn; `count` of each response (default: one, greedy).
  /// - Returns: The critiques of each response, with their scores.
  /// - Throws: `AssayError` where the model does not write critiques (`abilities`).
  public func critique(
    _ responses: [Response],
    sampling: Sampling = Sampling()
  ) async throws -> [[Critique]] {
    guard abilities.contains(.criticizes) else {
      throw AssayError(
        "this model writes no critiques: load one that was trained with a method that writes them."
      )
    }
    return try await score(responses, critiques: sampling).map(\.critiques)
  }

  /// Compares the two responses of each pair, in both orders.
  ///
  /// - Parameters:
  ///   - pairs: What to judge.
  ///   - sampling: How judgements are drawn; `count` of each pair, half in each order (default: two,
  ///     greedy).
  /// - Returns: One verdict a pair, in their order.
  /// - Throws: `AssayError` where the model gives no verdicts, or a pair does not fit its context.
  public func judge(
    _ pairs: [Pair],
    sampling: Sampling = Sampling()
  ) async throws -> [Verdict] {
    try sampling.check()
    return try await AssayError.wrap { try await worker.judge(pairs, sampling) }
  }

  /// Goes on with conversations, as an assistant.
  ///
  /// - Parameters:
  ///   - prompts: Conversations that end with a turn of the user.
  ///   - sampling: How texts are drawn; `count` of each prompt (default: one), at temperature 1 unless
  ///     told otherwise, of at most `maximumTokens` tokens (default: 512).
  /// - Returns: The texts of each prompt.
  /// - Throws: `AssayError` where the model writes no text, or a prompt does not fit its context.
  public func generate(
    _ prompts: [[Message]],
    sampling: Sampling = Sampling()
  ) async throws -> [[Completion]] {
    try sampling.check()
    return try await AssayError.wrap { try await worker.generate(prompts, sampling) }
  }
}
