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

  /// Gives all processes the numbers of tensors that one of them has.
  ///
  /// - Parameters:
  ///   - tensors: Of the same shapes and types in every process.
  ///   - owners: Which process has each one's numbers.
  /// - Throws: `TensorError.operation` where a process is gone.
  package func share(_ tensors: [Tensor], owners: [Int]) throws {
    precondition(tensors.count == owners.count, "\(owners.count) owners")
    let handles: [ct_tensor?] = tensors.map(\.handle)
    let owners = owners.map(Int32.init)
    try withExtendedLifetime(tensors) {
      try check(
        ct_group_share(handle, handles, owners, Int32(handles.count)),
        "share over \(place.size) processes"
      )
    }
  }

  /// Sends a tensor to another process, which receives it.
  ///
  /// - Throws: `TensorError.operation` where that is gone.
  package func send(_ tensor: Tensor, to rank: Int) throws {
    try check(ct_group_send(handle, tensor.handle, Int32(rank)), "send to process \(rank)")
  }

  /// Receives a tensor that another process sends, in the order in which it does.
  ///
  /// - Parameters:
  ///   - shape: The shape of what is sent.
  ///   - dtype: The type of its numbers.
  ///   - rank: Who sends it.
  /// - Returns: The tensor, on the CPU.
  /// - Throws: `TensorError.operation` where that process is gone.
  package func receive(_ shape: [Int], dtype: DType, from rank: Int) throws -> Tensor {
    let tensor = Tensor.zeros(shape, dtype: dtype)
    try check(ct_group_receive(handle, tensor.handle, Int32(rank)), "hear of process \(rank)")
    return tensor
  }

  /// Sums gradients of the same parameters in every process, step after step.
  ///
  /// What a backward pass has finished goes out while it computes the rest.
  package final class GradientSum {
    private let group: ProcessGroup
    private let parameters: [Tensor]
    private let handle: ct_reduction

    /// Prepares to sum.
    ///
    /// - Parameters:
    ///   - parameters: Leaf tensors that require gradients, the same in every process.
    ///   - owners: The process that is given the sum of each gradient, which the others then have not;
    ///     `nil` gives all of them all.
    ///   - group: The processes, which have met.
    /// - Throws: `TensorError.operation`.
    package init(of parameters: [Tensor], owners: [Int]? = nil, in group: ProcessGroup) throws {
      precondition(owners.map { $0.count == parameters.count } ?? true, "an owner each")
      let handles: [ct_tensor?] = parameters.map(\.handle)
      var reduction: ct_reduction?
      let count = Int32(handles.count)
      let name = "sum gradients"
      if let owners = owners?.map(Int32.init) {
        try check(ct_reduction_open(group.handle, handles, owners, count, &reduction), name)
      } else {
        try check(ct_reduction_open(group.handle, handles, nil, count, &reduction), name)
      }
      guard let reduction else { throw TensorError.operation(name: name, reason: "there is none") }
      (handle, self.parameters, self.group) = (reduction, parameters, group)
    }

    deinit { ct_reduction_close(handle) }

    /// Ends a step whose gradients are computed.
    ///
    /// - Parameter numbers: Are summed too, in place.
    /// - Returns: How many processes had a gradient of each parameter; where none had, there is none behind either.
    /// - Throws: `TensorError.operation` where a process is gone.
    package func finish(_ numbers: inout [Double]) throws -> [Int] {
      var holders = [Double](repeating: 0, count: parameters.count)
      try check(
        ct_reduction_finish(handle, &numbers, Int32(numbers.count), &holders),
        "add up gradients over \(group.place.size) processes"
      )
      return holders.map { Int($0) }
    }
  }
}
