import CTorch
import Foundation

/// Processes that meet at one of them and add up numbers: c10d's TCP store and Gloo.
///
/// All of them call the same sums in the same order. Sums have the same bits in every process.
package final class ProcessGroup: @unchecked Sendable {  // one thread uses it
  /// Where a process stands among all.
  package struct Place: Equatable, Sendable {
    /// Its number, from 0.
    package var rank: Int
    /// How many there are.
    package var size: Int
    /// Where they meet.
    package var host: String
    /// The port there; 0 lets the system choose, for who serves.
    package var port: Int
    /// What their keys begin with, in a store that others use too.
    package var prefix: String
    /// Whether this process serves the store.
    package var serves: Bool

    /// Makes a place.
    package init(
      rank: Int,
      size: Int,
      host: String = "127.0.0.1",
      port: Int = 0,
      prefix: String = "",
      serves: Bool
    ) {
      self.rank = rank
      self.size = size
      self.host = host
      self.port = port
      self.prefix = prefix
      self.serves = serves
    }
  }

  /// Seconds that the meeting waits for the slowest.
  private static let meeting = 600.0
  /// Seconds that a sum waits for the slowest, which may write a checkpoint meanwhile.
  private static let patience = 3600.0

  /// Whether this system has process groups.
  package static var isAvailable: Bool { ct_group_available() }

  /// Where this process stands.
  package let place: Place
  private let handle: ct_group

  /// Opens the store, without waiting for others.
  ///
  /// - Parameter place: Where this process stands.
  /// - Throws: `TensorError.operation` where nobody serves it, or the port is taken.
  package init(_ place: Place) throws {
    var group: ct_group?
    var port: Int32 = 0
    try check(
      ct_group_open(
        place.host,
        Int32(place.port),
        place.prefix,
        place.serves,
        Int32(place.rank),
        Int32(place.size),
        Self.meeting,
        &group,
        &port
      ),
      "open the store of \(place.size) processes at \(place.host):\(place.port)"
    )
    guard let group else {
      throw TensorError.operation(name: "open the store of processes", reason: "there is none")
    }
    handle = group
    var place = place
    place.port = Int(port)
    self.place = place
  }

  deinit { ct_group_close(handle) }

  /// Waits for all processes.
  ///
  /// - Throws: `TensorError.operation` where one does not come.
  package func connect() throws {
    try check(ct_group_connect(handle, Self.patience), "meet \(place.size - 1) other processes")
  }

  /// Tells all processes a short text.
  package func set(_ key: String, _ value: String) throws {
    try check(ct_group_set(handle, key, value), "tell other processes")
  }

  /// Waits for a text that another process tells.
  ///
  /// - Parameters:
  ///   - key: What it is called.
  ///   - seconds: How long at most.
  /// - Returns: The text, up to 255 bytes.
  /// - Throws: `TensorError.operation` where it does not come, or who serves the store is gone.
  package func value(of key: String, within seconds: Double) throws -> String {
    var bytes = [CChar](repeating: 0, count: 256)
    try check(
      ct_group_get(handle, key, seconds, &bytes, bytes.count),
      "hear of process 0"
    )
    return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Adds up numbers over all processes, in place.
  ///
  /// - Throws: `TensorError.operation` where a process is gone.
  package func sum(_ numbers: inout [Double]) throws {
    try check(
      ct_group_sum_numbers(handle, &numbers, Int32(numbers.count)),
      "add up over \(place.size) processes"
    )
  }

  /// Adds up gradients over all processes, in place.
  ///
  /// - Parameters:
  ///   - parameters: Whose; the same in every process.
  ///   - holders: How many processes have a gradient of each, the same numbers in every process; where
  ///     it is 0 there is none behind either.
  /// - Throws: `TensorError.operation` where a process is gone.
  package func sumGradients(of parameters: [Tensor], holders: [Double]) throws {
    precondition(parameters.count == holders.count, "\(holders.count) holders")
    let handles: [ct_tensor?] = parameters.map(\.handle)
    try withExtendedLifetime(parameters) {
      try check(
        ct_group_sum_gradients(handle, handles, holders, Int32(handles.count)),
        "add up gradients over \(place.size) processes"
      )
    }
  }
}
