/// One turn of a conversation.
package struct Message: Codable, Hashable, Sendable {
  /// Who speaks: `system`, `user` or `assistant`, or whatever else the chat template knows.
  package var role: String
  /// What is said.
  package var content: String
  /// Who that is among several of a role, for templates that tell; `nil` where nobody says.
  package var name: String?

  /// Makes a turn.
  ///
  /// - Parameters:
  ///   - role: Who speaks.
  ///   - content: What is said.
  ///   - name: Who that is among several of a role.
  package init(role: String, content: String, name: String? = nil) {
    self.role = role
    self.content = content
    self.name = name
  }

  /// A turn of the user.
  package static func user(_ content: String) -> Message { Message(role: "user", content: content) }

  /// A turn of the assistant.
  package static func assistant(_ content: String) -> Message {
    Message(role: "assistant", content: content)
  }

  /// A system turn.
  package static func system(_ content: String) -> Message {
    Message(role: "system", content: content)
  }
}
