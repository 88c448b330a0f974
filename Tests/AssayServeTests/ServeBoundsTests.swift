import AssayBase
import AssayModel
import AssayServe
import AssayText
import Foundation
import NIOHTTP1
import Testing

/// What clients can hold of the server by the bodies that they send.
@Suite(.timeLimit(.minutes(1))) struct ServeBoundsTests {
  private let row: JSONValue = ["prompt": "a", "response": "b"]

  private func start(_ connection: RawConnection, length: Int, headers: String = "") async throws {
    try await connection.write(
      "POST /v1/rewards HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(length)\r\n\(headers)\r\n"
    )
  }

  @Test("a body that does not come holds no place, and ends in its own time")
  func unfinished() async throws {
    try await withServer(.classic) {
      $0.maximumRequests = 1
      $0.bodySeconds = 0.3
    } _: { client, _ in
      try await RawConnection.open(client.url) { connection in
        try await start(connection, length: 50)
        try await connection.write("{")
        for _ in 0..<3 { #expect(try await client.post("/v1/rewards", row).status == 200) }
        let answer = try await connection.answer()
        #expect(answer.status == 408 && answer.code == "slow_body", "\(answer.text)")
        #expect(answer.headers["connection"] == "close")
      }
    }
  }

  @Test("a large body that waits for its turn is read once there is one, and small ones pass it")
  func turns() async throws {
    try await withServer(.classic) {
      $0.bodySeconds = 5
    } _: { client, _ in
      let text = #"{"text": ""# + String(repeating: "z", count: 100_000) + "\"}"
      // Four begin and stand still.
      try await withThrowingTaskGroup(of: Void.self) { group in
        let (held, hold) = AsyncStream<Void>.makeStream()
        for _ in 0..<4 {
          group.addTask {
            try await RawConnection.open(client.url) { connection in
              try await start(connection, length: text.utf8.count)
              try await connection.write(String(text.prefix(80_000)))
              for await _ in held { break }
              try await connection.write(String(text.dropFirst(80_000)))
              #expect(try await connection.answer().status == 400)
            }
          }
        }
        group.addTask {
          let answer = try await client.send(.POST, "/v1/rewards", text)
          #expect(answer.status == 400)
        }
        for _ in 0..<3 { #expect(try await client.post("/v1/rewards", row).status == 200) }
        hold.finish()
        try await group.waitForAll()
      }
    }
  }

  @Test("a large body of very many values is refused unread")
  func values() async throws {
    try await withServer(.classic) {
      $0.maximumBodyBytes = 1 << 20
    } _: { client, _ in
      let ids = String(repeating: "1,", count: 150_000) + "1"
      let answer = try await client.send(.POST, "/classify", "{\"input\": [\(ids)]}")
      #expect(answer.status == 400 && answer.text.contains("131072 values"), "\(answer.text)")
      let fewer = String(repeating: "1,", count: 100_000) + "1"
      let other = try await client.send(.POST, "/classify", "{\"input\": [\(fewer)]}")
      #expect(other.status == 400 && other.text.contains("100001 tokens"), "\(other.text)")
      #expect(try await client.post("/v1/rewards", row).status == 200)
    }
  }

  @Test("a client that waits for the word to send its body gets it at once")
  func expectContinue() async throws {
    try await withServer(.classic) { client, _ in
      try await RawConnection.open(client.url) { connection in
        let body = row.compact
        try await start(connection, length: body.utf8.count, headers: "Expect: 100-continue\r\n")
        #expect(try await connection.head().hasPrefix("HTTP/1.1 100 Continue\r\n"))
        try await connection.write(body)
        #expect(try await connection.answer().status == 200)
        // The connection goes on.
        try await start(connection, length: body.utf8.count)
        try await connection.write(body)
        #expect(try await connection.answer().status == 200)
      }
    }
  }

  @Test("a body that is not wanted is not asked for")
  func notContinued() async throws {
    let key = try ServerKey("sesame")
    try await withServer(.classic) {
      $0.key = key
    } _: { client, _ in
      try await RawConnection.open(client.url) { connection in
        try await start(connection, length: 10, headers: "Expect: 100-continue\r\n")
        let answer = try await connection.answer()
        #expect(answer.status == 401 && answer.headers["connection"] == "close")
      }
    }
  }

  @Test("long rows are refused, or cut with a mark where that is asked for")
  func tooLong() async throws {
    for kind in [ModelKind.classic, .cloud] {
      try await withServer(kind) { client, _ in
        let long = String(repeating: "z ", count: 200)
        let rows: JSONValue = [
          ["id": "a", "prompt": .string(long), "response": "b"],
          ["id": "b", "prompt": "a", "response": "b"],
        ]
        let refused = try await client.post("/v1/rewards", ["records": rows])
        #expect(refused.status == 400 && refused.text.contains("item 0"), "\(refused.text)")
        #expect(refused.code == "context_length_exceeded")
        let cut = try await client.post("/v1/rewards", ["records": rows, "too_long": "cut"])
        #expect(cut.status == 200, "\(cut.text)")
        #expect(cut.json?.array?.map { $0["cut"] } == [true, nil])
        let chat = try await client.post(
          "/v1/chat/completions",
          [
            "messages": [
              ["role": "user", "content": .string(long)], ["role": "assistant", "content": "b"],
            ]
          ]
        )
        #expect(chat.status == 400 && chat.code == "context_length_exceeded")
      }
    }
  }
}
