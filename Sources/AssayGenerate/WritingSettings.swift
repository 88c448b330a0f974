import AssayText

/// How texts are drawn and where they end.
package struct WritingSettings: Sendable, Equatable {
  /// Temperature; 0 is greedy.
  package var temperature: Float = 0
  /// Only this many most likely tokens are drawn from; 0 is all.
  package var topK = 0
  /// The most likely tokens that together have this probability are drawn from; 1 is all.
  package var topP: Float = 1
  /// Makes tokens that occurred less likely; 1 is off.
  package var repetitionPenalty: Float = 1
  /// Most tokens of a text; see `Writer.limit(_:_:)` for what is usual.
  package var maximumTokens = 512
  /// Texts that end a text, before them.
  package var stop: [String] = []
  /// How many alternatives of each token come with their log probability; `nil` asks for none, and
  /// not for that of the token itself.
  package var alternatives: Int?
  /// What a text may be; `nil` allows all.
  ///
  /// An endpoint is asked for it in a field of its own, where it has one.
  package var grammar: Grammar?

  /// Makes settings of defaults: a greedy text of up to 512 tokens.
  package init() {}
}
