import AssayGenerate
import AssayTestSupport
import AssayText
import Foundation
import Synchronization
import Testing

@Suite struct RemoteEndpointTests {
  @Test("asks as OpenAI has it, and reads text, reason and usage")
  func protocolOfChat() async throws {
    let server = try ChatServer { _, respond in respond(.completion("yes", finishReason: "length"))
    }
    var settings = WritingSettings()
    settings.temperature = 0.5
    settings.topP = 0.9
    settings.maximumTokens = 7
    settings.stop = ["\n"]
    settings.alternatives = 3
    let request = ChatRequest(messages: [.system("s"), .user("u")], settings: settings, seed: 1)
    let (answers, spend) = try await withEndpoint(server) {
      (try await $0.complete([request]), $0.spend)
    }
    #expect(answers.map(\.text) == ["yes"])
    #expect(answers[0].finishReason == .length && answers[0].finishReason.isCut)
    #expect(answers[0].usage == TokenCount(prompt: 10, completion: 3))
    let received = try #require(server.received.first)
    #expect(received.path == "/v1/chat/completions")
    #expect(received.authorization == nil)
    #expect(
      received.member("messages")
        == #"[{"role":"system","content":"s"},{"role":"user","content":"u"}]"#
    )
    for (key, value) in [
      ("model", "\"m\""), ("temperature", "0.5"), ("top_p", "0.9"), ("max_tokens", "7"),
      ("stop", #"["\n"]"#), ("logprobs", "true"), ("top_logprobs", "3"),
    ] { #expect(received.member(key) == value, "\(key)") }
    let seed = try #require(received.member("seed").flatMap { Int($0) })
    #expect((0..<1 << 31).contains(seed))
    #expect(spend.requests == 1 && spend.retries == 0 && spend.recorded == 0)
    #expect(spend.promptTokens == 10 && spend.completionTokens == 3 && spend.uncounted == 0)
  }

  @Test("draws of one conversation have seeds of their own")
  func seeds() async throws {
    let server = try ChatServer { received, respond in
      respond(.completion(received.member("seed") ?? ""))
    }
    let requests = (0..<3).map { ChatRequest(messages: [.user("u")], seed: 5, draw: $0) }
    let texts = try await withEndpoint(server) { try await $0.complete(requests).map(\.text) }
    #expect(Set(texts).count == 3)
    let again = try await withEndpoint(server) { try await $0.complete(requests).map(\.text) }
    #expect(again == texts)
  }

  @Test("returns answers in the order of the requests, whatever order they come in")
  func order() async throws {
    let held = Mutex<[(String, @Sendable (ChatServer.Reply) -> Void)]>([])
    let server = try ChatServer { received, respond in
      let all = held.withLock { held -> [(String, @Sendable (ChatServer.Reply) -> Void)] in
        held.append((received.question, respond))
        return held.count == 4 ? held : []
      }
      // The last one first.
      for (question, respond) in all.sorted(by: { $0.0 > $1.0 }) {
        respond(.completion("answer \(question)"))
      }
    }
    var settings = quickSettings()
    settings.concurrency = 4
    let (texts, told) = try await withEndpoint(server, settings: settings) { endpoint in
      let told = Mutex<[String]>([])
      let answers = try await endpoint.complete(questions("0", "1", "2", "3")) { index, answer in
        told.withLock { $0.append("\(index) \(answer.text)") }
      }
      return (answers.map(\.text), told.withLock { $0 })
    }
    #expect(texts == (0..<4).map { "answer \($0)" })
    #expect(told == (0..<4).map { "\($0) answer \($0)" })
  }

  @Test("never has more requests under way than it may, and as many as it may")
  func concurrency() async throws {
    struct State {
      var held: [@Sendable (ChatServer.Reply) -> Void] = []
      var most = 0
    }
    let state = Mutex(State())
    let server = try ChatServer { _, respond in
      let isFull = state.withLock { state in
        state.held.append(respond)
        state.most = max(state.most, state.held.count)
        return state.held.count == 3
      }
      guard isFull else { return }
      // Time for a fourth one to come, which only a client without a bound sends.
      DispatchQueue.global().asyncAfter(deadline: .now() + 0.1) {
        let held = state.withLock { state in
          defer { state.held = [] }
          return state.held
        }
        for respond in held { respond(.completion("x")) }
      }
    }
    var settings = quickSettings()
    settings.concurrency = 3
    let count = try await withEndpoint(server, settings: settings) { endpoint in
      try await endpoint.complete((0..<9).map { ChatRequest(messages: [.user("\($0)")]) }).count
    }
    #expect(count == 9)
    #expect(state.withLock { $0.most } == 3)
  }

  @Test("sends the key, and neither shows nor repeats it")
  func key() async throws {
    let secret = "sk-very-secret"
    let server = try ChatServer { received, respond in
      // Some servers tell what they were sent.
      respond(.answer(status: 401, body: "bad: \(received.authorization ?? "")"))
    }
    let scratch = ScratchFile()
    let (error, text) = await failure {
      _ = try await withEndpoint(server, key: secret, records: try RequestRecords(scratch.path)) {
        try await $0.complete(questions("q"))
      }
    }
    #expect(server.received.map(\.authorization) == ["Bearer \(secret)"])
    #expect(text.contains("status 401") && text.contains("bad: Bearer [key]"))
    #expect(text.contains("OPENAI_API_KEY") && !text.contains(secret))
    guard case .refused(_, 401, _, false)? = error else {
      Issue.record("\(text)")
      return
    }
    #expect(!scratch.text.contains(secret))
    let key = try #require(try EndpointKey(" \(secret)\n"))
    var dumped = "\(key) \(String(reflecting: key)) "
    dump(key, to: &dumped)
    #expect(!dumped.contains(secret))
    #expect(try EndpointKey(" ") == nil)
    #expect(throws: EndpointError.malformedKey) { try EndpointKey("a b") }
  }

  @Test(
    "reads addresses as they are written",
    arguments: [
      ("http://localhost:8000/v1", "http://localhost:8000/v1"),
      ("http://localhost:8000", "http://localhost:8000"),
      ("https://host/a/v1/", "https://host/a/v1"),
      ("https://host/v1/chat/completions", "https://host/v1"),
    ]
  )
  func addresses(text: String, base: String) throws {
    #expect(try EndpointAddress(text).base == base)
  }

  @Test(
    "refuses what is no address, without repeating a password",
    arguments: [
      "", "localhost:8000", "ftp://host", "http://", "http://u:pa55@host/v1", "http://h?k=v",
    ]
  )
  func malformedAddresses(text: String) {
    do {
      _ = try EndpointAddress(text)
      Issue.record("\(text) was taken")
    } catch {
      guard case .address = error else {
        Issue.record("\(error)")
        return
      }
      #expect(!"\(error)".contains("pa55"))
    }
  }
}
