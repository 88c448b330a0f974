// What goes in: turns, responses, pairs.
import AssayData
import AssayText

/// One turn of a conversation.
public struct Message: Hashable, Sendable {
  /// Who speaks: `system`, `user`, `assistant`, or what else the model's chat template knows.
  public var role: String
  /// What is said.
  public var content: String

  /// Makes a turn.
  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }

  /// A system turn.
  public static func system(_ content: String) -> Message {
    .init(role: "system", content: content)
  }

  /// A turn of the user.
  public static func user(_ content: String) -> Message { .init(role: "user", content: content) }

  /// A turn of the assistant.
  public static func assistant(_ content: String) -> Message {
    .init(role: "assistant", content: content)
  }

  var own: AssayText.Message { .init(role: role, content: content) }
}

/// A response to a prompt.
public struct Response: Hashable, Sendable {
  /// The conversation up to the assistant's turn.
  public var prompt: [Message]
  /// The text of the assistant's turn.
  public var text: String

  /// Makes a response to a conversation.
  public init(prompt: [Message], text: String) {
    self.prompt = prompt
    self.text = text
  }

  /// Makes a response to one turn of a user.
  public init(prompt: String, text: String) { self.init(prompt: [.user(prompt)], text: text) }
}

/// Two responses to one prompt, of which `chosen` is preferred.
///
/// Where nobody knows which is better, `chosen` is the first; a judge does not see the order.
public struct Pair: Hashable, Sendable {
  /// What the pair is called in records and errors.
  public var id: String
  /// The conversation up to the assistant's turn.
  public var prompt: [Message]
  /// The preferred response.
  public var chosen: String
  /// The other response.
  public var rejected: String
  /// A critique of each response, by a critic that saw neither label nor the other response.
  public var critiques: (chosen: String, rejected: String)? {
    get { zip(chosenCritique, rejectedCritique) }
    set { (chosenCritique, rejectedCritique) = (newValue?.chosen, newValue?.rejected) }
  }
  /// The probability in (0, 1) that chosen is better; `nil` is certainty, 0.5 a tie.
  public var probability: Double?
  private var chosenCritique: String?
  private var rejectedCritique: String?

  /// Makes a pair.
  public init(
    id: String,
    prompt: [Message],
    chosen: String,
    rejected: String,
    probability: Double? = nil
  ) {
    self.id = id
    self.prompt = prompt
    self.chosen = chosen
    self.rejected = rejected
    self.probability = probability
  }

  private func zip(_ a: String?, _ b: String?) -> (chosen: String, rejected: String)? {
    guard let a, let b else { return nil }
    return (a, b)
  }

  /// Throws where the pair cannot be learnt from.
  func check() throws {
    guard let probability, !(probability > 0 && probability < 1) else { return }
    throw AssayError(
      "The pair \(id) has the probability \(probability): give a number above 0 and below 1, or nil."
    )
  }

  var own: PreferencePair {
    PreferencePair(
      id: id,
      prompt: prompt.map(\.own),
      chosen: chosen,
      rejected: rejected,
      chosenCritique: chosenCritique,
      rejectedCritique: rejectedCritique,
      probability: probability
    )
  }
}
