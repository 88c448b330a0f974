// Python's pickle format as far as checkpoints of tensors use it. Nothing is executed: a pickle
// names functions to call, and here a name is either one of those below, whose meaning is known, or
// the file is refused.
//
// Source: CPython, Lib/pickletools.py (operations); PyTorch 2.11, torch/_utils.py
// (`_rebuild_tensor_v2`) and torch/serialization.py (persistent ids of storages).

/// A value of a pickle.
///
/// Containers are numbers of `TensorPickle`'s tables: they may hold themselves.
enum PickleValue {
  case none
  case flag(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case global(String)
  case tuple(Int)
  case list(Int)
  case dictionary(Int)
  case storage(Int)
  case tensor(Int)
}

/// A stretch of elements in a file of its own within the checkpoint.
struct PickledStorage {
  let key: String
  let dtype: DType
  /// How many elements there are.
  let count: Int
}

/// A view of a storage; all in elements.
struct PickledTensor {
  let storage: PickledStorage
  let offset: Int
  let shape: [Int]
  let strides: [Int]

  /// Whether the elements lie in row-major order without gaps.
  var isContiguous: Bool {
    var expected = 1
    for (size, stride) in zip(shape, strides).reversed() where size != 1 {
      guard stride == expected else { return false }
      expected *= size
    }
    return true
  }
}

/// A pickle, read.
struct TensorPickle {
  /// The value that the pickle describes.
  private(set) var root = PickleValue.none
  private(set) var tensors: [PickledTensor] = []
  private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []

  private var tuples: [[PickleValue]] = []
  private var lists: [[PickleValue]] = []
  private var storages: [PickledStorage] = []
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var cursor: ByteCursor

  /// Most operations that are followed: those of 100,000 tensors, twice.
  private static let maximumSteps = 1 << 23
  /// Most dimensions of a tensor, which LibTorch's iterators bound.
  private static let maximumRank = 64

  private static let storageTypes: [String: DType] = [
    "torch.FloatStorage": .float32, "torch.BFloat16Storage": .bfloat16,
    "torch.HalfStorage": .float16, "torch.DoubleStorage": .float64, "torch.LongStorage": .int64,
    "torch.IntStorage": .int32, "torch.ByteStorage": .uint8, "torch.BoolStorage": .bool,
  ]
  /// Names that are values, and mean nothing for the tensors.
  private static let values: Set<String> = [
    "torch.float32", "torch.bfloat16", "torch.float16", "torch.float64", "torch.int64",
    "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool",
  ]
  private static let functions: Set<String> = [
    "collections.OrderedDict", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter", "torch.Size", "torch.device",
  ]

  /// Reads a pickle.
  ///
  /// - Parameters:
  ///   - bytes: The pickle.
  ///   - failure: Makes an error of a reason.
  /// - Throws: `TensorError.malformedFile` for a damaged pickle, and for one that asks for anything
  ///   but tensors, by the name that it asks for.
  init(_ bytes: UnsafeRawBufferPointer, failure: @escaping (String) -> TensorError) throws {
    cursor = ByteCursor(bytes: bytes, position: 0, failure: failure)
    for _ in 0..<Self.maximumSteps {
      let place = cursor.position
      let code = try cursor.number(UInt8.self, "a pickle")
      if code == UInt8(ascii: ".") {
        root = try pop()
        return
      }
      guard try scalar(code) || container(code) || reference(code) else {
        throw failure(
          "uses the pickle operation \(code) at byte \(place), which files of tensors do not need"
        )
      }
    }
    throw failure("has a pickle of more than \(Self.maximumSteps) operations")
  }

  /// The members of a dictionary whose keys are texts.
  func members(_ value: PickleValue) -> [(key: String, value: PickleValue)]? {
    guard case .dictionary(let index) = value else { return nil }
    return dictionaries[index].compactMap { member in
      guard case .text(let key) = member.key else { return nil }
      return (key, member.value)
    }
  }

  // MARK: Stack

  private func damaged(_ what: String) -> TensorError {
    cursor.failure("its pickle is damaged at byte \(cursor.position): \(what)")
  }

  private mutating func pop() throws -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw damaged("a value is missing")
    }
    return value
  }

  /// Takes what lies above the last mark.
  private mutating func popMarked() throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw damaged("a mark is missing") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func push(tuple values: [PickleValue]) {
    tuples.append(values)
    stack.append(.tuple(tuples.count - 1))
  }

  // MARK: Operations

  /// Operations that push a value of their own.
  private mutating func scalar(_ code: UInt8) throws -> Bool {
    switch UnicodeScalar(code) {
    case "N": stack.append(.none)
    case "\u{88}": stack.append(.flag(true))
    case "\u{89}": stack.append(.flag(false))
    case "J": stack.append(.integer(Int(try cursor.number(Int32.self, "a number"))))
    case "K": stack.append(.integer(Int(try cursor.number(UInt8.self, "a number"))))
    case "M": stack.append(.integer(Int(try cursor.number(UInt16.self, "a number"))))
    case "\u{8a}": stack.append(.integer(try longInteger()))
    case "G":
      let bits = UInt64(bigEndian: try cursor.number(UInt64.self, "a number").littleEndian)
      stack.append(.number(Double(bitPattern: bits)))
    case "X":
      stack.append(.text(try cursor.text(try cursor.number(UInt32.self, "a text"), "a text")))
    case "\u{8c}":
      stack.append(.text(try cursor.text(try cursor.number(UInt8.self, "a text"), "a text")))
    case "\u{8d}":
      stack.append(.text(try cursor.text(try cursor.number(UInt64.self, "a text"), "a text")))
    case "\u{80}":
      let version = try cursor.number(UInt8.self, "a version")
      guard version <= 5 else { throw damaged("protocol \(version), expected at most 5") }
    case "\u{95}": _ = try cursor.number(UInt64.self, "a frame")
    default: return false
    }
    return true
  }

  private mutating func longInteger() throws -> Int {
    let length = Int(try cursor.number(UInt8.self, "a number"))
    let range = try cursor.skip(length, "a number")
    guard length <= 8 else { throw damaged("a number of \(length) bytes") }
    let isNegative = length > 0 && cursor.bytes[range.upperBound - 1] >= 0x80
    var bits: UInt64 = isNegative ? .max : 0
    for index in range.reversed() { bits = bits << 8 | UInt64(cursor.bytes[index]) }
    return Int(Int64(bitPattern: bits))
  }

  /// Operations on tuples, lists and dictionaries.
  private mutating func container(_ code: UInt8) throws -> Bool {
    switch UnicodeScalar(code) {
    case "(": marks.append(stack.count)
    case ")": push(tuple: [])
    case "t": push(tuple: try popMarked())
    case "\u{85}", "\u{86}", "\u{87}":
      var values: [PickleValue] = []
      for _ in 0..<(code - 0x84) { values.append(try pop()) }
      push(tuple: values.reversed())
    case "]":
      lists.append([])
      stack.append(.list(lists.count - 1))
    case "}":
      dictionaries.append([])
      stack.append(.dictionary(dictionaries.count - 1))
    case "a": try append([try pop()])
    case "e": try append(try popMarked())
    case "s":
      let value = try pop()
      try set([try pop(), value])
    case "u": try set(try popMarked())
    default: return false
    }
    return true
  }

  private mutating func append(_ values: [PickleValue]) throws {
    guard stack.count > (marks.last ?? 0), case .list(let index)? = stack.last else {
      throw damaged("no list to append to")
    }
    lists[index] += values
  }

  private mutating func set(_ values: [PickleValue]) throws {
    guard stack.count > (marks.last ?? 0), case .dictionary(let index)? = stack.last,
      values.count.isMultiple(of: 2)
    else { throw damaged("no dictionary to add to") }
    for place in stride(from: 0, to: values.count, by: 2) {
      dictionaries[index].append((values[place], values[place + 1]))
    }
  }

  /// Operations on remembered and named things.
  private mutating func reference(_ code: UInt8) throws -> Bool {
    switch UnicodeScalar(code) {
    case "q": try remember(Int(try cursor.number(UInt8.self, "a place")))
    case "r": try remember(Int(try cursor.number(UInt32.self, "a place")))
    case "\u{94}": try remember(memo.count)
    case "h": try recall(Int(try cursor.number(UInt8.self, "a place")))
    case "j": try recall(Int(try cursor.number(UInt32.self, "a place")))
    case "c":
      let module = try line()
      try name(module + "." + line())
    case "\u{93}":
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
        throw damaged("a name that is no text")
      }
      try self.name(module + "." + name)
    case "Q": try persistent(try pop())
    case "R":
      let arguments = try pop()
      guard case .tuple(let index) = arguments, case .global(let name) = try pop() else {
        throw damaged("a call without a function and arguments")
      }
      stack.append(try call(name, tuples[index]))
    case "b":
      // The state of an OrderedDict is its `_metadata`, which says nothing of the tensors.
      _ = try pop()
      guard stack.count > (marks.last ?? 0), case .dictionary? = stack.last else {
        throw damaged("a state of something that is no dictionary")
      }
    default: return false
    }
    return true
  }

  private mutating func remember(_ place: Int) throws {
    guard let value = stack.last else { throw damaged("a value is missing") }
    memo[place] = value
  }

  private mutating func recall(_ place: Int) throws {
    guard let value = memo[place] else { throw damaged("nothing is remembered as \(place)") }
    stack.append(value)
  }

  private mutating func line() throws -> String {
    let start = cursor.position
    let limit = min(cursor.bytes.count, start + 256)
    guard let end = (start..<limit).first(where: { cursor.bytes[$0] == UInt8(ascii: "\n") }) else {
      throw damaged("a name without an end")
    }
    defer { cursor.position = end + 1 }
    return try cursor.text(end - start, "a name")
  }

  private mutating func name(_ name: String) throws {
    guard
      Self.storageTypes[name] != nil || Self.functions.contains(name) || Self.values.contains(name)
    else {
      throw cursor.failure(
        "asks for \(name.quotable), which a file of tensors does not need; nothing of it was run. "
          + "Load it with the tool that wrote it, if you trust it, and save its tensors alone "
          + "(model.safetensors)"
      )
    }
    stack.append(.global(name))
  }

  // MARK: Tensors

  /// `("storage", type, key, place, count)`: the elements in a file of their own.
  private mutating func persistent(_ value: PickleValue) throws {
    guard case .tuple(let index) = value, tuples[index].count == 5,
      case .text("storage") = tuples[index][0], case .global(let type) = tuples[index][1],
      let dtype = Self.storageTypes[type], case .text(let key) = tuples[index][2],
      case .integer(let count) = tuples[index][4], count >= 0
    else { throw damaged("a reference that is no storage of a known type") }
    storages.append(PickledStorage(key: key, dtype: dtype, count: count))
    stack.append(.storage(storages.count - 1))
  }

  private mutating func call(_ name: String, _ arguments: [PickleValue]) throws -> PickleValue {
    switch name {
    case "collections.OrderedDict" where arguments.isEmpty:
      dictionaries.append([])
      return .dictionary(dictionaries.count - 1)
    case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor":
      tensors.append(try tensor(arguments))
      return .tensor(tensors.count - 1)
    case "torch._utils._rebuild_parameter":
      guard case .tensor? = arguments.first else { throw damaged("a parameter without a tensor") }
      return arguments[0]
    case "torch.Size":
      guard arguments.count == 1, case .tuple = arguments[0] else {
        throw damaged("a size that is no tuple")
      }
      return arguments[0]
    case "torch.device": return .none
    default:
      throw cursor.failure(
        "calls \(name) with \(arguments.count) arguments, which files of tensors do not"
      )
    }
  }

  private func integers(_ value: PickleValue) -> [Int]? {
    guard case .tuple(let index) = value, tuples[index].count <= Self.maximumRank else {
      return nil
    }
    let integers = tuples[index].compactMap {
      if case .integer(let number) = $0 { number } else { nil }
    }
    return integers.count == tuples[index].count ? integers : nil
  }

  /// `(storage, offset, sizes, strides, ...)`: a view that must lie within its storage.
  private func tensor(_ arguments: [PickleValue]) throws -> PickledTensor {
    guard arguments.count >= 4, case .storage(let index) = arguments[0],
      case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
      let strides = integers(arguments[3]), shape.count == strides.count
    else { throw damaged("a tensor without a storage, sizes and strides") }
    let storage = storages[index]
    func outside() -> TensorError {
      cursor.failure(
        "has a tensor of shape \(shape) and strides \(strides) at \(offset), which does not lie in "
          + "its \(storage.count) elements"
      )
    }
    guard offset >= 0, shape.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }) else {
      throw outside()
    }
    guard !shape.contains(0) else {
      // LibTorch refuses sizes whose product without the zeros overflows.
      guard shape.allSatisfy({ $0 <= 1 << 32 }) else { throw outside() }
      return PickledTensor(storage: storage, offset: 0, shape: shape, strides: strides)
    }
    var (last, count) = (offset, 1)
    for (size, stride) in zip(shape, strides) {
      let (step, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
      let (next, sumOverflow) = last.addingReportingOverflow(step)
      let (product, countOverflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, !sumOverflow, !countOverflow else { throw outside() }
      (last, count) = (next, product)
    }
    // More elements than the storage has would repeat some: no weights do, and lies would.
    guard last < storage.count, count <= storage.count else { throw outside() }
    return PickledTensor(storage: storage, offset: offset, shape: shape, strides: strides)
  }
}
