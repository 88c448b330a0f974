/// How a strong model is asked for the critiques that CLoud starts from.
///
/// It is shown one response, never the other one or the label. The wording is Assay's own; what it
/// asks for is what CLoud's authors ask their oracle for.
///
/// Source: Ankner et al. 2024 (arXiv:2408.11791), figure 9, in substance; METHODS.md 2.4.
package enum OraclePrompt {
  /// The system turn.
  package static let system =
    "You are an expert in feedback on the answers of AI assistants. You are shown what a user wrote "
    + "and what an assistant answered. Think step by step, and analyse how well the answer serves "
    + "the user: is it helpful, which means that it does what was asked and is correct; is it "
    + "relevant, which means that every part of it bears on what was asked; is it concise, which "
    + "means that nothing could be left out without loss? Name what information is missing. Say "
    + "both what is good and what is bad, plainly: the feedback need not be polite. Give no "
    + "score, grade or other number as a judgement: the feedback is words only. Reply with the "
    + "feedback alone."

  private static let opening = "[Start of the answer]"
  private static let closing = "[End of the answer]"

  /// The conversation that asks for a critique.
  ///
  /// - Parameters:
  ///   - prompt: The conversation that was answered; roles are named where it has several turns.
  ///   - response: The answer.
  /// - Returns: A system turn, and a user's that holds the prompt and then the answer between two
  ///   lines.
  package static func critique(prompt: [Message], response: String) -> [Message] {
    let asked =
      prompt.count == 1
      ? prompt[0].content
      : prompt.map { "\($0.role): \($0.content)" }.joined(separator: "\n\n")
    return [
      .system(system), .user("\(asked)\n\n\(opening)\n\(response)\n\(closing)"),
    ]
  }
}
