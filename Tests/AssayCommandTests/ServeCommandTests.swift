import AssayModel
import AssayTestSupport
import Foundation
import Testing

/// The binary as a server.
private final class ServedBinary {
  let command: RunningCommand
  /// What `--generator openai:` takes, without `/v1`.
  let url: String

  init(_ model: String, _ arguments: String..., environment: [String: String] = [:]) throws {
    command = try RunningCommand(
      ["serve", "--model", model, "--port", "0", "--threads", "1", "--json"] + arguments,
      environment: environment
    )
    while command.isRunning, !command.outputSoFar.contains("\n") { usleep(2000) }
    let line = Data(command.outputSoFar.utf8)
    let ready = try JSONSerialization.jsonObject(with: line) as? [String: Any]
    url = try #require(ready?["url"] as? String, "\(command.logSoFar)")
  }

  deinit { if command.isRunning { command.send(SIGKILL) } }

  /// Posts JSON with curl's manners: one connection, no keep-alive.
  func post(_ path: String, _ body: String) throws -> (status: Int, text: String) {
    try exchange(
      "POST \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    )
  }

  /// Sends bytes and reads until the server closes.
  func exchange(_ text: String) throws -> (status: Int, text: String) {
    let socket = try RawConnection(url)
    try socket.send(text)
    return socket.answer()
  }
}

/// A blocking connection to a server on this machine, which is another process.
private final class RawConnection {
  private let handle: Int32

  init(_ url: String) throws {
    let port = try #require(UInt16(url.split(separator: ":").last ?? ""))
    #if canImport(Darwin)
    handle = socket(AF_INET, SOCK_STREAM, 0)
    #else
    handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(code == 0)
  }

  deinit { close(handle) }

  func send(_ text: String) throws {
    let bytes = Array(text.utf8)
    try #require(write(handle, bytes, bytes.count) == bytes.count)
  }

  /// Reads what is there, nothing at the end.
  func read() -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    #if canImport(Darwin)
    let count = Darwin.read(handle, &bytes, bytes.count)
    #else
    let count = Glibc.read(handle, &bytes, bytes.count)
    #endif
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  func answer() -> (status: Int, text: String) {
    var all = ""
    while case let more = read(), !more.isEmpty { all += more }
    let status = all.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return (status, String(all[(all.firstRange(of: "\r\n\r\n")?.upperBound ?? all.startIndex)...]))
  }
}

@Suite(.enabled(if: Binary.url != nil, Binary.missing)) struct ServeCommandTests {
  let folder: WorkFolder
  init() throws { folder = try WorkFolder() }

  private func objects(_ text: String) throws -> [NSDictionary] {
    let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
    return try #require(value as? [NSDictionary])
  }

  @Test(
    "serve gives the records of score",
    .kernels,
    arguments: [
      (ModelKind.classic, "plain"), (.cloud, "plain"), (.classic, "int8"), (.cloud, "int8"),
    ]
  )
  func score(_ kind: ModelKind, _ weights: String) throws {
    let rows = (0..<5).map {
      #"{"id": "r\#($0)", "prompt": "How many apples?", "response": "Anna has \#($0) apples."}"#
    }
    let text = #"{"id": "t", "text": "<s><|user|>3<|eot|><|assistant|>4<|eot|>"}"#
    let data = try folder.write((rows + [text]).joined(separator: "\n") + "\n", "rows.jsonl")
    let model = try folder.model(kind)
    let options = ["--weights", weights, "--batch-invariant", "--samples", "2"]
    let scored = try RunningCommand(
      ["score", "--model", model, "--data", data, "--threads", "1", "--quiet"] + options
    ).result()
    scored.expect(0)
    let served = try ServedBinary(
      model,
      "--weights",
      weights,
      "--batch-invariant",
      "--samples",
      "2"
    )
    let answer = try served.post(
      "/v1/rewards",
      "[" + (rows + [text]).joined(separator: ",") + "]"
    )
    #expect(answer.status == 200)
    #expect(try objects(answer.text) == scored.objects().map { $0 as NSDictionary })
    // The same rows one by one, of which only the first has the first one's seed.
    let alone = try served.post("/v1/rewards", rows[0])
    let record = try JSONSerialization.jsonObject(with: Data(alone.text.utf8)) as? NSDictionary
    #expect(try record == scored.objects()[0] as NSDictionary)
  }

  @Test(
    "serve gives the records of judge",
    .kernels,
    arguments: [ModelKind.judge, .pair, .languageModel]
  )
  func judge(_ kind: ModelKind) throws {
    let rows = (0..<3).map {
      #"{"id": "p\#($0)", "prompt": "How many?", "chosen": "\#($0) apples", "rejected": "none"}"#
    }
    let data = try folder.write(rows.joined(separator: "\n") + "\n", "pairs.jsonl")
    let model = try folder.model(kind, contextTokens: 512)
    let options = ["--batch-invariant", "--max-tokens", "12", "--seed", "5"]
    let prompts = kind == .languageModel ? ["--prompts", "playground", "--votes", "4"] : []
    let judged = try RunningCommand(
      ["judge", "--model", model, "--data", data, "--threads", "1", "--quiet"] + options + prompts
    ).result()
    judged.expect(0)
    let served = try ServedBinary(
      model,
      "--batch-invariant",
      "--max-tokens",
      "12",
      "--seed",
      "5"
    )
    let asked = kind == .languageModel ? #", "prompts": "playground", "votes": 4"# : ""
    let answer = try served.post(
      "/v1/judgements",
      #"{"pairs": [\#(rows.joined(separator: ","))]\#(asked)}"#
    )
    #expect(answer.status == 200, "\(answer.text)")
    #expect(try objects(answer.text) == judged.objects().map { $0 as NSDictionary })
  }

  @Test("a judge elsewhere is a judge here: --generator gives the texts of --model")
  func generator() throws {
    let rows = (0..<3).map {
      #"{"id": "p\#($0)", "prompt": "How many?", "chosen": "\#($0) apples", "rejected": "none"}"#
    }
    let data = try folder.write(rows.joined(separator: "\n") + "\n", "pairs.jsonl")
    let model = try folder.model(.judge, "judge", contextTokens: 512)
    let served = try ServedBinary(model)
    for options in [
      ["--task", "chain", "--max-tokens", "20", "--temperature", "0"],
      ["--task", "token"],
    ] {
      let common = ["judge", "--data", data, "--prompts", "playground", "--quiet"] + options
      let local = try RunningCommand(common + ["--model", model, "--threads", "1"]).result()
      let remote = try RunningCommand(
        common + ["--generator", "openai:\(served.url)/v1", "--generator-model", "judge"]
      ).result()
      local.expect(0)
      remote.expect(0)
      func texts(_ result: CommandResult) throws -> [String?] {
        try result.objects().flatMap { record in
          (record["judgements"] as? [[String: Any]] ?? []).map { $0["text"] as? String }
        }
      }
      guard options.contains("chain") else {
        #expect(try texts(remote).count == 6)
        continue
      }
      #expect(try texts(remote) == texts(local))
      #expect(try texts(remote).compactMap(\.self).count == 6)
    }
  }

  @Test("garbage is refused, and does the server no harm")
  func garbage() throws {
    let served = try ServedBinary(try folder.model(.classic))
    let good = #"{"prompt": "a", "response": "b"}"#
    for bytes in [
      "\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "POST /v1/rewards HTTP/9.9\r\n\r\n",
      "POST /v1/rewards HTTP/1.1\r\nHost: localhost\r\nContent-Length: -3\r\n\r\n",
    ] {
      #expect(try served.exchange(bytes).status == 400)
    }
    // Half of a body, and the client is gone.
    let half = try RawConnection(served.url)
    try half.send(
      "POST /v1/rewards HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"prompt\""
    )
    let answer = try served.post("/v1/rewards", good)
    #expect(answer.status == 200, "\(answer.text)")
    withExtendedLifetime(half) {}
  }

  @Test(
    "SIGTERM and SIGINT let a stream end, and then end the server",
    arguments: [SIGTERM, SIGINT]
  )
  func signals(_ signal: Int32) throws {
    let model = try folder.model(.languageModel, contextTokens: 4096)
    let served = try ServedBinary(model)
    let body = #"{"messages": [{"role": "user", "content": "How?"}], "stream": true}"#
    let stream = try RawConnection(served.url)
    try stream.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        + body
    )
    // The head: the text has begun.
    var text = stream.read()
    #expect(text.hasPrefix("HTTP/1.1 200"))
    served.command.send(signal)
    while case let more = stream.read(), !more.isEmpty { text += more }
    #expect(text.contains("data: [DONE]"))
    try served.command.result().expect(
      128 + signal,
      log: "serving model (language-model) at http://127.0.0.1:",
      "stopped: all requests were answered"
    )
  }

  @Test("several models are served by their names, and each by its path")
  func models() throws {
    let (first, second) = (try folder.model(.classic, "first"), try folder.model(.cloud, "second"))
    let served = try ServedBinary("a=\(first)", "--name", "b", "--model", second)
    let row = #""prompt": "a", "response": "b""#
    for name in ["a", "b", "second", first, second] {
      let answer = try served.post("/v1/rewards", "{\(row), \"model\": \"\(name)\"}")
      #expect(answer.status == 200, "\(name): \(answer.text)")
      // Only the second one criticizes.
      #expect(answer.text.contains("critiques") == name.hasSuffix("second"))
    }
    #expect(try served.post("/v1/rewards", "{\(row), \"model\": \"first\"}").status == 404)
  }

  @Test("a host for others needs a key, a port in use is 69, and wrong words are 64")
  func wrongUse() throws {
    let model = try folder.model(.classic)
    try assay("serve", "--model", model, "--host", "0.0.0.0", "--port", "0")
      .expect(64, log: "ASSAY_API_KEY", "--allow-anyone")
    try RunningCommand(
      ["serve", "--model", model, "--port", "0"],
      environment: ["ASSAY_API_KEY": "two words"]
    ).result().expect(64, log: "printable ASCII")
    let served = try ServedBinary(model, "--host", "localhost", "--name", "mine")
    let port = String(served.url.split(separator: ":").last ?? "")
    try assay("serve", "--model", model, "--port", port)
      .expect(69, log: "cannot listen at 127.0.0.1:\(port)", "in use")
    try assay("serve", "--model", folder.path("none")).expect(66)
    for words in [
      ["--port", "70000"], ["--max-queue", "0"], ["--timeout", "0"], ["--grace", "-1"],
      ["--tls-key", "key.pem"], ["--name", ""], ["--model", model],
    ] {
      try RunningCommand(["serve", "--model", model] + words).result().expect(64)
    }
    try assay("serve", "--model", model, "--port", "0", "--tls-certificate", "/nowhere.pem")
      .expect(66, log: "/nowhere.pem", "cannot serve TLS")
    let keyed = try ServedBinary(model, environment: ["ASSAY_API_KEY": "sesame"])
    #expect(try keyed.post("/v1/rewards", "{}").status == 401)
    #expect(
      try keyed.exchange(
        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sesame\r\n"
          + "Connection: close\r\n\r\n"
      ).status == 200
    )
    served.command.send(SIGINT)
    try served.command.result().expect(130)
  }
}
