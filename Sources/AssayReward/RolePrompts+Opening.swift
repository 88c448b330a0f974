import AssayGenerate
import AssayText

extension RolePrompts {
  /// How a critique is asked for: a chat model is asked, and answers in a turn of its own; one that was
  /// taught so goes on behind the lead-in.
  ///
  /// - Parameters:
  ///   - prompt: The conversation that was answered.
  ///   - response: The answer.
  ///   - leadIn: What opens the critique.
  /// - Returns: What a writer continues.
  package func opening(
    prompt: [Message],
    response: String,
    leadIn: String
  ) -> WritingRequest.Opening {
    opensCritiques
      ? .critique(prompt: prompt, response: response, leadIn: leadIn)
      : .conversation(Self.critique(prompt: prompt, response: response, leadIn: leadIn))
  }
}
