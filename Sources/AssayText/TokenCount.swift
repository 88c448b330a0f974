/// How many tokens were read and written.
package struct TokenCount: Codable, Hashable, Sendable {
  /// Tokens read.
  package var prompt: Int
  /// Tokens written.
  package var completion: Int

  /// Makes a count.
  package init(prompt: Int, completion: Int) {
    self.prompt = prompt
    self.completion = completion
  }

  /// Both together.
  package var total: Int { prompt + completion }
}
