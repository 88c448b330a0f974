import AssayBase
import Foundation
import NIOCore
import NIOPosix

/// A connection whose bytes a test writes itself.
final class RawConnection {
  private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  /// What came and was not taken yet.
  private var bytes: [UInt8] = []

  private init(
    _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
    _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) {
    (self.inbound, self.outbound) = (inbound, outbound)
  }

  /// Opens a connection for the length of a body.
  static func open<Result>(
    _ url: String,
    _ body: (RawConnection) async throws -> Result
  ) async throws -> Result {
    let port = URL(string: url)?.port ?? 0
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      try await body(RawConnection(inbound.makeAsyncIterator(), outbound))
    }
  }

  func write(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }

  /// Reads up to the end of a head.
  func head() async throws -> String {
    let end = Array("\r\n\r\n".utf8)
    while true {
      if let place = bytes.firstRange(of: end) {
        defer { bytes.removeFirst(place.upperBound) }
        return String(decoding: bytes[..<place.upperBound], as: UTF8.self)
      }
      guard try await more() else { return String(decoding: bytes, as: UTF8.self) }
    }
  }

  /// Reads an answer whose length its head tells.
  func answer() async throws -> Answer {
    let lines = try await head().split(separator: "\r\n")
    let headers = lines.dropFirst().map { line in
      let parts = line.split(separator: ":", maxSplits: 1)
      return (parts[0].lowercased(), parts[1].trimmingCharacters(in: .whitespaces))
    }
    let fields = Dictionary(headers) { $1 }
    let length = fields["content-length"].flatMap { Int($0) } ?? 0
    while bytes.count < length, try await more() {}
    let body = bytes.prefix(length)
    bytes.removeFirst(body.count)
    let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return Answer(
      status: status ?? 0,
      headers: fields,
      text: String(decoding: body, as: UTF8.self)
    )
  }

  private func more() async throws -> Bool {
    guard let part = try await inbound.next() else { return false }
    bytes += part.readableBytesView
    return true
  }
}
