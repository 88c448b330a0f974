import AssayText

/// The four sections, named after RewardBench's.
package enum PlaygroundSection: String, Codable, Hashable, Sendable, CaseIterable {
  /// Answers that have to be worked out step by step.
  case reasoning = "Reasoning"
  /// Instructions with constraints.
  case chatHard = "Chat Hard"
  /// Questions about a topic.
  case chat = "Chat"
  /// Requests to refuse, and requests that only sound so.
  case safety = "Safety"
}

/// The kinds of task.
package enum PlaygroundKind: String, Codable, Hashable, Sendable, CaseIterable {
  /// A number of things that changes step by step.
  case quantity
  /// A thing that moves between people.
  case holder
  /// Numbers or names to put in order.
  case sorting
  /// People of whom one is the tallest.
  case comparing
  /// A list to write in a certain way.
  case list
  /// A question about a topic.
  case topic
  /// A request, harmful or not.
  case request
}

/// A task with a right response and a wrong one, and an exact critique of each.
package struct PlaygroundItem: Hashable, Sendable {
  /// The split and the index, as in `train-17`.
  package var id: String
  /// The section.
  package var section: PlaygroundSection
  /// The kind of task.
  package var kind: PlaygroundKind
  /// What the user says.
  package var prompt: String
  /// A right response.
  package var chosen: String
  /// A wrong response.
  package var rejected: String
  /// What is true of the task.
  package var facts: PlaygroundFacts
  /// Whether both responses are right, and the label is one of taste.
  package var isTaste = false

  /// The exact critique of the right response.
  package var chosenCritique: String { critique(of: chosen) }
  /// The exact critique of the wrong response.
  package var rejectedCritique: String { critique(of: rejected) }
  /// A text that works the task out and answers it, for the corpus.
  package var solution: String { facts.solution ?? chosen }

  /// The item as a pair with both critiques.
  package var pair: PreferencePair {
    PreferencePair(
      id: id,
      prompt: [.user(prompt)],
      chosen: chosen,
      rejected: rejected,
      subset: section.rawValue,
      chosenCritique: chosenCritique,
      rejectedCritique: rejectedCritique
    )
  }

  /// Returns the exact critique of any response: the working first, then the conclusion.
  package func critique(of response: String) -> String {
    let conclusion = isRight(response) ? "it is right." : "it is wrong."
    return "\(facts.working(on: response)) \(conclusion)"
  }

  /// Returns whether a response is right.
  package func isRight(_ response: String) -> Bool { facts.isRight(response) }
}

/// An item before it has a place.
struct PlaygroundDraft {
  var prompt: String
  var facts: PlaygroundFacts
  var chosen: String
  var rejected: String
}
