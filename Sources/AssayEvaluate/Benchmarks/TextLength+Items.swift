import AssayData
import AssayReward
import AssayText

extension TextLength {
  /// The limit of a benchmark's items.
  package var items: TokenLimit<BenchmarkItem> {
    TokenLimit(maximumTokens: contextTokens) { [self] item in
      guard compares, item.chosen.count == 1, item.rejected.count == 1 else {
        return try item.candidates.map {
          try tokens(.response(prompt: $0.prompt, response: $0.response))
        }.max() ?? 0
      }
      return try tokens(
        PreferencePair(
          id: item.id,
          prompt: item.prompt,
          chosen: item.chosen[0],
          rejected: item.rejected[0]
        )
      )
    }
  }
}
