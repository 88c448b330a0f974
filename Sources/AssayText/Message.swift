/// One turn of a conversation.
public struct Message: Codable, Hashable, Sendable {
  /// Who speaks: `system`, `user` or `assistant`, or whatever else the chat template knows.
  public var role: String
  /// What is said.
  public var content: String

  /// Makes a turn.
  ///
  /// - Parameters:
  ///   - role: Who speaks.
  ///   - content: What is said.
  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }

  /// A turn of the user.
  public static func user(_ content: String) -> Message { Message(role: "user", content: content) }

  /// A turn of the assistant.
  public static func assistant(_ content: String) -> Message {
    Message(role: "assistant", content: content)
  }

  /// A system turn.
  public static func system(_ content: String) -> Message {
    Message(role: "system", content: content)
  }
}
