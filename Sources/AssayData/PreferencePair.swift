import AssayText

/// A prompt with a preferred response and another one.
package struct PreferencePair: Hashable, Sendable {
  /// The file's own id, or the 0-based row where it has none.
  package var id: String
  /// The conversation up to the assistant's turn.
  package var prompt: [Message]
  /// The preferred response: the text of the assistant's turn.
  package var chosen: String
  /// The other response.
  package var rejected: String
  /// The section or subset that the pair belongs to.
  package var subset: String?
  /// A critique of the chosen response by a critic that saw neither label nor the other response.
  package var chosenCritique: String?
  /// A critique of the rejected response.
  package var rejectedCritique: String?
  /// By how much the chosen score should exceed the rejected one, in logits.
  package var margin: Double?
  /// The probability in (0, 1) that chosen is better; a tie is 0.5.
  ///
  /// `nil` means certain.
  package var probability: Double?

  /// Makes a pair.
  package init(
    id: String,
    prompt: [Message],
    chosen: String,
    rejected: String,
    subset: String? = nil,
    chosenCritique: String? = nil,
    rejectedCritique: String? = nil,
    margin: Double? = nil,
    probability: Double? = nil
  ) {
    self.id = id
    self.prompt = prompt
    self.chosen = chosen
    self.rejected = rejected
    self.subset = subset
    self.chosenCritique = chosenCritique
    self.rejectedCritique = rejectedCritique
    self.margin = margin
    self.probability = probability
  }
}

extension PreferencePair {
  /// The pair with the likelier response as chosen; `nil` for a tie.
  ///
  /// For methods that need to know which verdict is right. A probability below 0.5 prefers the
  /// response called rejected: the two are exchanged, with their critiques.
  package var decided: PreferencePair? {
    guard let probability, probability <= 0.5 else { return self }
    guard probability < 0.5 else { return nil }
    var pair = self
    (pair.chosen, pair.rejected) = (rejected, chosen)
    (pair.chosenCritique, pair.rejectedCritique) = (rejectedCritique, chosenCritique)
    pair.probability = 1 - probability
    pair.margin = margin.map { -$0 }
    return pair
  }
}
