import AssayGenerate
import Synchronization

/// An endpoint that answers by a function, and remembers what it was asked.
final class ScriptedChat: ChatGenerator {
  private let log = Mutex<[ChatRequest]>([])
  private let answer: @Sendable (ChatRequest) -> ChatCompletion
  var asked: [ChatRequest] { log.withLock { $0 } }

  init(_ answer: @escaping @Sendable (ChatRequest) -> ChatCompletion) { self.answer = answer }

  nonisolated(nonsending) func complete(
    _ requests: [ChatRequest],
    onCompletion: (Int, ChatCompletion) throws -> Void
  ) async throws -> [ChatCompletion] {
    log.withLock { $0 += requests }
    let answers = requests.map(answer)
    for (index, answer) in answers.enumerated() { try onCompletion(index, answer) }
    return answers
  }
}
