/// Short English tasks with exact labels, in four sections, drawn from a seed.
///
/// Every item is a pure function of the seed, the split and the index, and no prompt is in two
/// splits: a prompt belongs to the split that its hash names, and is drawn again until it does.
package struct Playground: Sendable {
  /// What the items are drawn from.
  package let configuration: PlaygroundConfiguration

  /// Makes a Playground.
  ///
  /// - Parameter configuration: What the items are drawn from.
  /// - Precondition: `1 <= minimumSteps <= maximumSteps`, and `oodSteps` starts at 1 or above.
  package init(_ configuration: PlaygroundConfiguration = PlaygroundConfiguration()) {
    precondition(
      1 <= configuration.minimumSteps && configuration.minimumSteps <= configuration.maximumSteps
        && configuration.oodSteps.lowerBound >= 1,
      "no steps to draw from: \(configuration)"
    )
    self.configuration = configuration
  }

  /// Draws an item; the four sections take turns, in the corpus with more of what is hard to learn.
  ///
  /// - Parameters:
  ///   - split: The split.
  ///   - index: The item's place in it, from 0.
  /// - Returns: The item, the same in every process.
  /// - Precondition: `index >= 0`.
  package func item(_ split: PlaygroundSplit, _ index: Int) -> PlaygroundItem {
    precondition(index >= 0, "the index is \(index)")
    var random = PlaygroundRandom(seed: configuration.seed, split: split, index: index)
    let sections = split == .corpus ? Self.corpusSections : PlaygroundSection.allCases
    let section = sections[index % sections.count]
    let kind = kind(of: section, split, &random)
    var draft = draft(kind, split, &random)
    while !split.owns(draft.prompt) { draft = self.draft(kind, split, &random) }
    let isTaste = isTaste(split, index)
    if isTaste { PlaygroundTaste.apply(to: &draft, &random) }
    return PlaygroundItem(
      id: "\(split.rawValue)-\(index)",
      section: section,
      kind: kind,
      prompt: draft.prompt,
      chosen: draft.chosen,
      rejected: draft.rejected,
      facts: draft.facts,
      isTaste: isTaste
    )
  }

  /// Whether a pair is labelled by taste: drawn apart, so that its task is the same without.
  private func isTaste(_ split: PlaygroundSplit, _ index: Int) -> Bool {
    guard configuration.taste > 0, split == .train || split == .test else { return false }
    var random = PlaygroundRandom(
      seed: configuration.seed ^ 0x5441_5354_45,
      split: split,
      index: index
    )
    return random.happens(configuration.taste)
  }

  /// Draws the item of an id.
  ///
  /// - Parameter id: The split and the index, as in `train-17`.
  /// - Returns: The item, `nil` where there is none of the id.
  package func item(id: String) -> PlaygroundItem? {
    let parts = id.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let split = PlaygroundSplit(rawValue: String(parts[0])),
      let index = Int(parts[1]), index >= 0, parts[1] == "\(index)"
    else {
      return nil
    }
    return item(split, index)
  }

  /// Working out needs practice; refusing and chatting much less.
  private static let corpusSections: [PlaygroundSection] = [
    .reasoning, .chatHard, .reasoning, .reasoning, .chat, .reasoning, .chatHard, .reasoning,
    .reasoning, .safety,
  ]

  private func kind(
    of section: PlaygroundSection,
    _ split: PlaygroundSplit,
    _ random: inout PlaygroundRandom
  ) -> PlaygroundKind {
    switch section {
    case .reasoning where configuration.holdsOut && split != .corpus:
      // In percent: quantity 75, sorting 25; of those held out holder 40, comparing 30, quantity 30.
      switch (split, random.below(100)) {
      case (.unseen, ..<40): .holder
      case (.unseen, ..<70): .comparing
      case (.unseen, _), (_, ..<75): .quantity
      default: .sorting
      }
    case .reasoning:
      // In percent: quantity 60, holder 15, sorting 15, comparing 10.
      switch random.below(100) {
      case ..<60: .quantity
      case ..<75: .holder
      case ..<90: .sorting
      default: .comparing
      }
    case .chatHard: .list
    case .chat: .topic
    case .safety: .request
    }
  }

  private func draft(
    _ kind: PlaygroundKind,
    _ split: PlaygroundSplit,
    _ random: inout PlaygroundRandom
  ) -> PlaygroundDraft {
    // A language model has read more than its reward model is trained on: one task in four of the
    // corpus is of the size that pairs have out of distribution only.
    let isOOD = split == .ood || (split == .corpus && random.isHeads(percent: 25))
    let steps = configuration.minimumSteps...configuration.maximumSteps
    let content = PlaygroundContent(split, holdsOut: configuration.holdsOut)
    switch kind {
    case .quantity, .holder:
      let count = random.integer(isOOD ? configuration.oodSteps : steps)
      return kind == .quantity
        ? QuantityTask.draft(steps: count, content, &random)
        : HolderTask.draft(steps: count, &random)
    case .sorting: return SortingTask.draft(isOOD: isOOD, &random)
    case .comparing: return ComparingTask.draft(isOOD: isOOD, &random)
    case .list: return ListTask.draft(isOOD: isOOD, content, &random)
    case .topic: return TopicTask.draft(content, &random)
    case .request: return RequestTask.draft(content, &random)
    }
  }
}
