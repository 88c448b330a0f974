/// A question about a topic; wrong responses miss the topic, stop in the middle or are garbled.
enum TopicTask {
  private static let openings = [
    "hello.", "good morning.", "i have a question.", "please help me.", "i want to learn.", "hi.",
  ]
  private static let questions = [
    "what can you tell me about", "please tell me about", "what do you know about",
    "can you tell me something about", "i want to know more about", "let us talk about",
  ]
  private static let endings = [
    "please write two short and full sentences.", "two sentences are good.",
    "please make it short.", "write it in your own words.", "use short and full sentences.",
    "write two things that you know.",
  ]

  static func draft(
    _ content: PlaygroundContent = .all,
    _ random: inout PlaygroundRandom
  ) -> PlaygroundDraft {
    let topics = random.sample(2, of: content.picks(PlaygroundTopics.all, name: \.name))
    // The third is for responses that are cut.
    let facts = random.sample(3, of: topics[0].facts)
    let right = Array(facts.prefix(2))
    let prompt =
      "\(random.pick(openings)) \(random.pick(questions)) \(topics[0].name)"
      + "\(random.isHeads() ? ", my friend" : ""). \(random.pick(endings))"
    let chosen = right.joined(separator: " ")
    let rejected =
      switch random.below(3) {
      case 0: random.sample(2, of: topics[1].facts).joined(separator: " ")
      case 1: cut(facts, &random)
      default: garbled(right, &random)
      }
    return PlaygroundDraft(
      prompt: prompt,
      facts: .topic(topics[0].name),
      chosen: chosen,
      rejected: rejected
    )
  }

  /// One or two facts and the start of another, so that a cut response may be the longer one.
  private static func cut(_ facts: [String], _ random: inout PlaygroundRandom) -> String {
    let whole = random.integer(1...2)
    let words = facts[whole].split(separator: " ").map(String.init)
    let kept = words.prefix(random.integer(2...(words.count - 1)))
    return (facts.prefix(whole) + kept).joined(separator: " ")
  }

  /// The words of the facts in another order, as many of them in each sentence.
  private static func garbled(_ facts: [String], _ random: inout PlaygroundRandom) -> String {
    let sentences = facts.map { $0.dropLast().split(separator: " ").map(String.init) }
    var result = facts.joined(separator: " ")
    while case .complete = TopicResponse(result) {
      let words = random.shuffled(sentences.flatMap { $0 })
      let first = words.prefix(sentences[0].count).joined(separator: " ")
      let second = words.dropFirst(sentences[0].count).joined(separator: " ")
      result = "\(first). \(second)."
    }
    return result
  }
}

/// What a response to a question about a topic is.
enum TopicResponse: Hashable {
  /// Whole sentences about one topic.
  case complete(topic: String)
  /// No full stop at the end.
  case cut
  /// Words that make no known sentence.
  case garbled

  init(_ response: String) {
    guard response.last == "." else {
      self = .cut
      return
    }
    let sentences = response.split(separator: ".").map { sentence in
      sentence.drop(while: \.isWhitespace) + "."
    }
    let topics = Set(sentences.map { PlaygroundTopics.topicOfFact[String($0)] })
    if topics.count == 1, let topic = topics.first ?? nil {
      self = .complete(topic: topic)
    } else {
      self = .garbled
    }
  }

  /// The words of a critique for it, where the question is about a topic.
  func finding(asked: String) -> String {
    switch self {
    case .complete(let topic) where topic == asked: "the response is about \(topic) and complete"
    case .complete(let topic): "the response is about \(topic)"
    case .cut: "the response stops in the middle"
    case .garbled: "the words are in a wrong order"
    }
  }
}
