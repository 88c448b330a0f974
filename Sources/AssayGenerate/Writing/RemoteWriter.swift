import AssayText

/// Writes with a model at an endpoint.
package struct RemoteWriter: Writer {
  let generator: any ChatGenerator

  /// It is elsewhere.
  package var isHere: Bool { false }

  /// Makes a writer.
  ///
  /// - Parameter generator: What continues conversations, such as an `OpenAIEndpoint`.
  package init(_ generator: any ChatGenerator) { self.generator = generator }

  /// Most tokens of a text: what is asked for, as nobody here knows the model.
  package func limit(_ asked: Int?, _ role: WritingRole) -> Int { asked ?? role.usualTokens }

  /// Writes texts; see `Writer`.
  ///
  /// - Throws: `WritingError.rendered`, or what the generator and `onWritten` throw.
  package nonisolated(nonsending) func write(
    _ requests: [WritingRequest],
    onWritten: (Int, [Written]) throws -> Void
  ) async throws -> [[Written]] {
    let asked = try requests.enumerated().flatMap { try self.asked($1, index: $0) }
    var written: [[Written]] = []
    var own: [Written] = []
    func handOn() throws {
      while written.count < requests.count, own.count == requests[written.count].draws {
        let texts = own
        own = []
        written.append(texts)
        try onWritten(written.count - 1, texts)
      }
    }
    try handOn()
    _ = try await generator.complete(asked) { _, completion in
      own.append(Written(completion))
      try handOn()
    }
    return written
  }

  private func asked(_ request: WritingRequest, index: Int) throws -> [ChatRequest] {
    let messages: [Message]
    switch request.opening {
    case .conversation(let given): messages = given
    case .critique(let prompt, let response, let leadIn):
      messages = RolePrompts.critique(
        prompt: prompt,
        response: response,
        leadIn: leadIn ?? RolePrompts.english.critiqueLeadIn
      )
    case .rendered, .answered: throw WritingError.rendered(request: index)
    }
    return (request.firstDraw..<request.firstDraw + request.draws).map {
      ChatRequest(messages: messages, settings: request.settings, seed: request.seed, draw: $0)
    }
  }
}

extension Written {
  fileprivate init(_ completion: ChatCompletion) {
    self.init(
      text: completion.text,
      answer: completion.text.withoutThoughts.trimmed,
      finishReason: completion.finishReason,
      usage: completion.usage,
      firstAlternatives: completion.firstAlternatives
    )
  }
}

extension RolePrompts {
  /// The conversation that asks a chat model for a critique of a response.
  ///
  /// It asks what the lead-in of critiques asks. What opens the critique there, behind its last
  /// sentence (`My analysis:`), is left out: a chat model opens its own turn.
  ///
  /// - Parameters:
  ///   - prompt: The conversation that was answered.
  ///   - response: The answer.
  ///   - leadIn: What opens the critique's turn of a model that was trained to write critiques.
  /// - Returns: Turns that a critique follows, as the assistant's.
  package static func critique(
    prompt: [Message],
    response: String,
    leadIn: String
  ) -> [Message] {
    let leadIn = leadIn.trimmed
    var question = leadIn[...]
    if leadIn.hasSuffix(":"), let end = leadIn.lastIndex(where: { ".?!".contains($0) }) {
      question = leadIn[...end]
    }
    return prompt + [.assistant(response), .user(String(question))]
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
