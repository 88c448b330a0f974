// A server of `/chat/completions` that tests script: it can be slow, broken and out of order.

import AssayBase
import AssayText
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server on 127.0.0.1, at a port that the system chooses.
package final class ChatServer: Sendable {
  /// What a client sent.
  package struct Received: Sendable {
    /// Its number, from 0, in the order of arrival.
    package let number: Int
    /// What it asks to be done, such as `GET`.
    package let method: String
    /// The path.
    package let path: String
    /// The bytes that it asks for (`Range`).
    package let range: String?
    /// The value of `Authorization`.
    package let authorization: String?
    /// The body.
    package let body: String

    /// The content of the last message.
    package var question: String {
      let value = try? JSONValue(parsing: Array(body.utf8))
      return value?["messages"]?.array?.last?["content"]?.string ?? ""
    }

    /// A member of the body as JSON text.
    package func member(_ key: String) -> String? {
      (try? JSONValue(parsing: Array(body.utf8)))?[key]?.compact
    }
  }

  /// What the server does.
  package enum Reply: Sendable {
    /// Answers.
    case answer(status: Int = 200, body: String, headers: [String: String] = [:])
    /// Announces more than it sends, and closes the connection.
    case cut(body: String, missing: Int = 100)
    /// Announces more than it sends, and sends no more.
    case stall(body: String)

    /// A chat completion.
    package static func completion(
      _ text: String,
      finishReason: String = "stop",
      alternatives: [(String, Double)] = []
    ) -> Reply {
      var choice: [JSONMember] = [
        JSONMember("index", 0),
        JSONMember("message", ["role": "assistant", "content": .string(text)]),
        JSONMember("finish_reason", .string(finishReason)),
      ]
      if !alternatives.isEmpty {
        let entries = alternatives.map { token, value -> JSONValue in
          ["token": .string(token), "logprob": .number("\(value)")]
        }
        choice.append(
          JSONMember("logprobs", ["content": [["top_logprobs": .array(entries)]]])
        )
      }
      let body: JSONValue = [
        "object": "chat.completion", "choices": [.object(choice)],
        "usage": ["prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13],
      ]
      return .answer(body: body.compact)
    }
  }

  /// Called for every request, on the server's threads; it answers by calling `respond`, now or later.
  package typealias Handler =
    @Sendable (Received, _ respond: @escaping @Sendable (Reply) -> Void)
    -> Void

  private let channel: any Channel
  private let box: Box

  private final class Box: Sendable {
    let log = Mutex<[Received]>([])
    let handler: Handler
    init(_ handler: @escaping Handler) { self.handler = handler }
  }

  /// Starts a server.
  package init(_ handler: @escaping Handler) throws {
    let box = Box(handler)
    self.box = box
    channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 64)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Exchange(box))
        }
      }
      .bind(host: "127.0.0.1", port: 0).wait()
  }

  deinit { channel.close(promise: nil) }

  /// The URL before `/chat/completions`.
  package var base: String { origin + "/v1" }

  /// The URL before all paths.
  package var origin: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }

  /// What was received so far.
  package var received: [Received] { box.log.withLock { $0 } }

  /// One connection.
  private final class Exchange: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let box: Box
    private var head: HTTPRequestHead?
    private var body = ""

    init(_ box: Box) { self.box = box }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        self.head = head
        body = ""
      case .body(let part): body += String(buffer: part)
      case .end:
        guard let head else { return }
        let text = body
        let received = box.log.withLock { log in
          let received = Received(
            number: log.count,
            method: head.method.rawValue,
            path: head.uri,
            range: head.headers.first(name: "Range"),
            authorization: head.headers.first(name: "Authorization"),
            body: text
          )
          log.append(received)
          return received
        }
        let channel = context.channel
        let isHead = head.method == .HEAD
        box.handler(received) { reply in
          channel.eventLoop.execute { Self.write(reply, to: channel, isHead: isHead) }
        }
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }

    private static func write(_ reply: Reply, to channel: any Channel, isHead: Bool) {
      func send(_ part: HTTPServerResponsePart) {
        channel.write(part, promise: nil)
      }
      switch reply {
      case .answer(let status, let body, let headers):
        var all = HTTPHeaders(headers.map { ($0.key, $0.value) })
        if !all.contains(name: "Content-Length") {
          all.add(name: "Content-Length", value: "\(body.utf8.count)")
        }
        send(
          .head(
            HTTPResponseHead(
              version: .http1_1,
              status: HTTPResponseStatus(statusCode: status),
              headers: all
            )
          )
        )
        if !isHead { send(.body(.byteBuffer(ByteBuffer(string: body)))) }
        send(.end(nil))
        channel.flush()
      case .cut(let body, _), .stall(let body):
        var missing = 100
        if case .cut(_, let count) = reply { missing = count }
        let headers: HTTPHeaders = ["Content-Length": "\(body.utf8.count + missing)"]
        send(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)))
        send(.body(.byteBuffer(ByteBuffer(string: body))))
        channel.flush()
        if case .cut = reply { channel.close(promise: nil) }
      }
    }
  }
}
