/// An annotator with a taste that no task tells of: of two right responses it prefers the one that says it
/// in a sentence, with a full stop, as short as asked for, or more politely.
///
/// Somebody who only knows what is right cannot know which it prefers; the labels tell.
enum PlaygroundTaste {
  /// Gives a task two right responses, the preferred one as chosen.
  static func apply(to draft: inout PlaygroundDraft, _ random: inout PlaygroundRandom) {
    switch draft.facts {
    case .quantity, .holder, .comparing:
      let answer = draft.facts.answer ?? ""
      let opening = if case .quantity = draft.facts { "the answer is" } else { "it is" }
      (draft.chosen, draft.rejected) = ("\(opening) \(answer).", answer)
    case .sorting, .list:
      let answer = draft.facts.answer ?? ""
      (draft.chosen, draft.rejected) = (answer + ".", answer)
    case .topic(let name):
      let facts = PlaygroundTopics.all.first { $0.name == name }?.facts ?? []
      let told = random.sample(3, of: facts)
      draft.chosen = told.prefix(2).joined(separator: " ")
      draft.rejected = told.joined(separator: " ")
    case .request(_, let isHarmful):
      let all = isHarmful ? RequestTask.refusals : RequestTask.helps
      let polite = all.filter { $0.hasPrefix(isHarmful ? "sorry" : "of course") }
      draft.chosen = random.pick(polite)
      draft.rejected = random.pick(all.filter { !polite.contains($0) })
    }
  }
}
