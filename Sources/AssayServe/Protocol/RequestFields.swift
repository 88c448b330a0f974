import AssayBase
import AssayText

/// Typed access to the members of a request's body; `null` is as good as absent.
///
/// What nobody asked for is refused in the end, so that no member that would change the result is
/// ignored in silence.
struct RequestFields {
  private let members: [JSONMember]
  /// The model is found by its name before.
  private var known: Set<String> = ["model"]

  /// - Parameter body: An object.
  /// - Throws: `ServeError.malformedBody`.
  init(_ body: JSONValue) throws(ServeError) {
    guard let members = body.members else {
      throw .malformedBody(reason: "found \(body.kind), expected an object")
    }
    self.members = members.filter { !$0.value.isNull }
  }

  /// The value of a key.
  mutating func value(_ key: String) -> JSONValue? {
    known.insert(key)
    return members.last { $0.key == key }?.value
  }

  /// As `value`, where it must be there.
  mutating func required(_ key: String, _ expected: String) throws(ServeError) -> JSONValue {
    guard let value = value(key) else {
      throw .parameter(name: key, actual: "missing", expected: expected)
    }
    return value
  }

  mutating func string(_ key: String) throws(ServeError) -> String? {
    guard let value = value(key) else { return nil }
    guard let string = value.string else { throw Self.wrong(key, value, "a string") }
    return string
  }

  /// One of several words.
  mutating func choice(_ key: String, _ words: [String]) throws(ServeError) -> String? {
    guard let value = value(key) else { return nil }
    guard let word = value.string, words.contains(word) else {
      throw Self.wrong(key, value, words.joined(separator: " or "))
    }
    return word
  }

  mutating func bool(_ key: String) throws(ServeError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard let bool = value.bool else { throw Self.wrong(key, value, "true or false") }
    return bool
  }

  mutating func int(_ key: String, _ range: ClosedRange<Int>) throws(ServeError) -> Int? {
    guard let value = value(key) else { return nil }
    guard let int = value.int, range.contains(int) else {
      let end = range.upperBound == .max ? "or more" : "to \(range.upperBound)"
      throw Self.wrong(key, value, "a whole number, \(range.lowerBound) \(end)")
    }
    return int
  }

  /// A number from `least` to `most`, or above 0.
  mutating func float(
    _ key: String,
    least: Float = 0,
    most: Float = .greatestFiniteMagnitude,
    isAboveZero: Bool = false
  ) throws(ServeError) -> Float? {
    guard let value = value(key) else { return nil }
    guard let float = value.double.map({ Float($0) }), float.isFinite,
      isAboveZero ? float > 0 : float >= least, float <= most
    else {
      let start = isAboveZero ? "above 0" : "at least \(least == 0 ? "0" : "\(least)")"
      let end = most == .greatestFiniteMagnitude ? "" : " and at most \(most)"
      throw Self.wrong(key, value, "a number \(start)\(end)")
    }
    return float
  }

  mutating func seed(_ key: String = "seed") throws(ServeError) -> UInt64? {
    guard let value = value(key) else { return nil }
    guard case .number(let digits) = value else { throw Self.wrong(key, value, "a whole number") }
    if let seed = UInt64(digits) { return seed }
    guard let seed = Int64(digits) else { throw Self.wrong(key, value, "a whole number") }
    return UInt64(bitPattern: seed)
  }

  /// A string or a list of strings.
  mutating func strings(_ key: String, most: Int = .max) throws(ServeError) -> [String]? {
    guard let value = value(key) else { return nil }
    if let string = value.string { return [string] }
    let list = value.array ?? []
    let strings = list.compactMap(\.string)
    guard value.array != nil, strings.count == list.count, strings.count <= most else {
      throw Self.wrong(key, value, "a string or a list of strings")
    }
    return strings
  }

  /// A list of token ids, or a list of such lists.
  ///
  /// - Parameters:
  ///   - key: The member.
  ///   - size: What ids lie below.
  ///   - most: Ids of a list; a longer one is not even read.
  /// - Returns: The lists, none of them empty; `nil` where the value begins with no number.
  /// - Throws: `ServeError.parameter`, or `tooLong`.
  mutating func tokenLists(
    _ key: String,
    below size: Int,
    most: Int
  ) throws(ServeError) -> [[Int32]]? {
    guard let list = value(key)?.array, let first = list.first, first.string == nil else {
      return nil
    }
    var lists: [[Int32]] = []
    for (index, own) in (first.array == nil ? [list] : list.map { $0.array ?? [] }).enumerated() {
      guard own.count <= most else {
        throw .tooLong(item: "item \(index)", tokens: own.count, maximum: most)
      }
      let ids = own.compactMap { value in
        value.int.flatMap { (0..<size).contains($0) ? Int32($0) : nil }
      }
      guard ids.count == own.count, !ids.isEmpty else {
        throw .parameter(
          name: key,
          actual: "other values among token ids, or none",
          expected: "lists of token ids from 0 to \(size - 1)"
        )
      }
      lists.append(ids)
    }
    return lists
  }

  /// Takes a member as read that does not change the result.
  mutating func ignore(_ keys: String...) { known.formUnion(keys) }

  /// Refuses a member unless its value asks for nothing.
  mutating func refuse(
    _ key: String,
    unless isNothing: (JSONValue) -> Bool = { _ in false },
    _ advice: String
  ) throws(ServeError) {
    guard let value = value(key), !isNothing(value) else { return }
    throw .unsupported(name: key, advice: advice)
  }

  /// Refuses what nobody asked for.
  func finish() throws(ServeError) {
    guard let other = members.first(where: { !known.contains($0.key) }) else { return }
    let names = known.sorted().joined(separator: ", ")
    throw .unsupported(name: other.key, advice: "leave it out; known are \(names)")
  }

  static func wrong(_ key: String, _ value: JSONValue, _ expected: String) -> ServeError {
    // Long values are not repeated.
    let text = value.compact
    return .parameter(
      name: key,
      actual: text.utf8.count <= 60 ? text : value.kind,
      expected: expected
    )
  }
}
