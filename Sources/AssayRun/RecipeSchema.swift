// What a recipe may hold, found by encoding an instance that has all defaults.
//
// Synthesized `encode(to:)` leaves out optionals that are nil. The encoder here implements
// `encodeIfPresent` itself, so a nil setting is visible with its type, and so is its key.
import Foundation

/// A group of recipe settings: a struct whose properties all have defaults.
///
/// ```swift
/// struct OptimizerSection: RecipeSection {
///   var learningRate = 1e-4  // `learning_rate` in the file
///   var clipNorm: Double? = 1
///   func validate(_ checks: inout RecipeChecks) {
///     checks.require(learningRate > 0, "learningRate", "a number above 0")
///   }
/// }
/// ```
///
/// In files, keys are the property names in snake case. Properties may be booleans, numbers, strings,
/// enums with text values that are `CaseIterable`, sections, and optionals, lists and string-keyed
/// dictionaries of these.
package protocol RecipeSection: Codable, Equatable, Sendable {
  /// Keys that settings had in earlier versions, and what they are now.
  static var formerKeys: [String: String] { get }
  /// Makes a section of defaults.
  init()
  /// Reports every setting that cannot be used, one call of `require` each.
  func validate(_ checks: inout RecipeChecks)
}

extension RecipeSection {
  /// None.
  package static var formerKeys: [String: String] { [:] }

  /// Accepts everything.
  package func validate(_ checks: inout RecipeChecks) {}
}

/// Collects the settings of a section that cannot be used.
package struct RecipeChecks {
  package struct Failure {
    package let path: [String]
    package let expectation: String
  }

  package var failures: [Failure] = []
  package var path: [String] = []

  /// Texts, votes or samples that one item may ask for.
  private static let draws = 1...100_000

  /// Notes a number of texts that is not above 0, or with which no run could end.
  ///
  /// - Parameters:
  ///   - count: The number.
  ///   - property: The name of the property in Swift, as `samples`.
  package mutating func requireDraws(_ count: Int, _ property: String) {
    require(
      Self.draws.contains(count),
      property,
      "a number from \(Self.draws.lowerBound) to \(Self.draws.upperBound)"
    )
  }

  /// Notes a problem where a condition does not hold.
  ///
  /// - Parameters:
  ///   - condition: What must hold.
  ///   - property: The name of the property in Swift, as `learningRate`.
  ///   - expectation: What the setting must be, as "a number above 0".
  package mutating func require(_ condition: Bool, _ property: String, _ expectation: String) {
    guard !condition else { return }
    failures.append(Failure(path: path + [snakeCase(property)], expectation: expectation))
  }
}

/// The type of a setting.
package indirect enum RecipeSchema: Sendable {
  /// A setting of a section.
  package struct Field: Sendable {
    /// The key in files.
    package let key: String
    /// The key in `Codable`.
    package let codingKey: String
    package let schema: RecipeSchema
    package let defaultValue: RecipeValue
    /// The key in files of earlier versions.
    package let formerKey: String?
  }

  case boolean
  case integer(ClosedRange<Int128>)
  case number
  case string
  case choice([String])
  case list(RecipeSchema)
  case map(RecipeSchema)
  case section([Field])
  case optional(RecipeSchema)
  /// A type whose decoder checks it alone.
  case unknown

  /// What an error message says was expected.
  package var expectation: String {
    switch self {
    case .boolean: "true or false"
    case .integer(let range): range.lowerBound < 0 ? "a whole number" : "a whole number >= 0"
    case .number: "a number"
    case .string: "a text"
    case .choice(let names): "one of \(names.joined(separator: ", "))"
    case .list: "a list"
    case .map, .section: "a group of settings"
    case .optional(let inner): inner.expectation + " or null"
    case .unknown: "another kind of value"
    }
  }

  /// The value that a group starts from when the file gives some of its keys.
  package var emptyValue: RecipeValue {
    guard case .section(let fields) = self else { return .null }
    return .section(fields.map { .init(key: $0.key, value: $0.defaultValue) })
  }
}

/// A value with its schema.
package struct DescribedRecipe {
  package var value: RecipeValue
  package var schema: RecipeSchema

  /// Describes a section and collects its problems.
  package static func of<Section: RecipeSection>(
    _ section: Section,
    checks: inout RecipeChecks
  ) throws -> DescribedRecipe {
    let state = EncodingState()
    let result = try state.describe(section, as: Section.self, path: [])
    checks = state.checks
    return result
  }
}

/// Returns a property name in snake case: `learningRate` is `learning_rate`, `beta1` stays.
package func snakeCase(_ name: String) -> String {
  var result = ""
  for character in name {
    if character.isUppercase && !result.isEmpty { result += "_" }
    result += character.lowercased()
  }
  return result
}

// MARK: - Encoding

private protocol AnyOptional { static var wrapped: Any.Type { get } }
extension Optional: AnyOptional { static var wrapped: Any.Type { Wrapped.self } }
private protocol AnyList { static var element: Any.Type { get } }
extension Array: AnyList { static var element: Any.Type { Element.self } }
private protocol AnyMap { static var value: Any.Type { get } }
extension Dictionary: AnyMap where Key == String { static var value: Any.Type { Value.self } }

private final class EncodingState {
  var checks = RecipeChecks()

  /// Describes a value, or its absence.
  func describe(_ value: (any Encodable)?, as type: Any.Type, path: [String]) throws
    -> DescribedRecipe
  {
    if let type = type as? any AnyOptional.Type {
      let inner = try describe(value, as: type.wrapped, path: path)
      return DescribedRecipe(value: inner.value, schema: .optional(inner.schema))
    }
    if let scalar = describeScalar(value, as: type, path.last ?? "") { return scalar }
    if let type = type as? any AnyList.Type {
      let items = try (value as? [any Encodable] ?? []).enumerated().map {
        try describe($0.element, as: type.element, path: path + [String($0.offset)]).value
      }
      let element = try describe(nil, as: type.element, path: path).schema
      return DescribedRecipe(value: value == nil ? .null : .list(items), schema: .list(element))
    }
    if let type = type as? any AnyMap.Type {
      let pairs = (value as? [String: any Encodable] ?? [:]).sorted { $0.key < $1.key }
      let entries = try pairs.map {
        RecipeValue.Entry(
          key: $0.key,
          value: try describe($0.value, as: type.value, path: path + [$0.key]).value
        )
      }
      let element = try describe(nil, as: type.value, path: path).schema
      return DescribedRecipe(value: value == nil ? .null : .section(entries), schema: .map(element))
    }
    return try describeSection(value, as: type, path: path)
  }

  private func describeSection(
    _ value: (any Encodable)?,
    as type: Any.Type,
    path: [String]
  ) throws -> DescribedRecipe {
    guard let value else {
      guard let type = type as? any RecipeSection.Type else {
        return DescribedRecipe(value: .null, schema: .unknown)
      }
      // What an absent section would hold: its problems concern nobody.
      let absent = try EncodingState().describeSection(type.init(), as: type, path: path)
      return DescribedRecipe(value: .null, schema: absent.schema)
    }
    if let section = value as? any RecipeSection {
      checks.path = path
      section.validate(&checks)
    }
    let encoder = SectionEncoder(state: self, codingPath: [], path: path)
    encoder.formerKeys = (value as? any RecipeSection).map { Swift.type(of: $0).formerKeys } ?? [:]
    try value.encode(to: encoder)
    return encoder.result
  }

  private func describeScalar(
    _ value: (any Encodable)?,
    as type: Any.Type,
    _ key: String
  ) -> DescribedRecipe? {
    if type == Bool.self {
      return DescribedRecipe(
        value: (value as? Bool).map { .boolean($0) } ?? .null,
        schema: .boolean
      )
    }
    if type == String.self {
      return DescribedRecipe(
        value: (value as? String).map { .string($0) } ?? .null,
        schema: .string
      )
    }
    if type == Double.self || type == Float.self {
      let text = (value as? Double).map { "\($0)" } ?? (value as? Float).map { "\($0)" }
      return DescribedRecipe(
        value: text.map { .number(RecipeValue.portable($0)) } ?? .null,
        schema: .number
      )
    }
    if let type = type as? any FixedWidthInteger.Type {
      return DescribedRecipe(
        value: (value as? any FixedWidthInteger).map { .number("\($0)") } ?? .null,
        schema: Self.integer(type, key)
      )
    }
    guard let type = type as? any CaseIterable.Type, let names = Self.names(type) else {
      return nil
    }
    let name = (value as? any RawRepresentable).flatMap { $0.rawValue as? String }
    return DescribedRecipe(value: name.map { .string($0) } ?? .null, schema: .choice(names))
  }

  /// Seeds may be what JSON carries exactly; with other numbers above 31 bits no run could end.
  private static func integer<Integer: FixedWidthInteger>(
    _ type: Integer.Type,
    _ key: String
  ) -> RecipeSchema {
    let largest: Int128 = ["seed", "seeds"].contains(key) ? 1 << 53 : Int128(Int32.max)
    return .integer(
      max(Int128(Integer.min), -largest)...min(Int128(Integer.max), largest)
    )
  }

  private static func names<Choice: CaseIterable>(_ type: Choice.Type) -> [String]? {
    let names = Choice.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    return names.count == Choice.allCases.count ? names : nil
  }
}

private final class SectionEncoder: Encoder {
  let state: EncodingState
  let codingPath: [any CodingKey]
  let userInfo: [CodingUserInfoKey: Any] = [:]
  let path: [String]
  var formerKeys: [String: String] = [:]
  var result = DescribedRecipe(value: .section([]), schema: .section([]))

  init(state: EncodingState, codingPath: [any CodingKey], path: [String]) {
    self.state = state
    self.codingPath = codingPath
    self.path = path
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(SectionContainer<Key>(encoder: self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer { UnsupportedContainer(encoder: self) }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    UnsupportedContainer(encoder: self)
  }

  func add(_ described: DescribedRecipe, for codingKey: String) {
    guard case .section(var entries) = result.value, case .section(var fields) = result.schema
    else { return }
    let key = snakeCase(codingKey)
    entries.append(.init(key: key, value: described.value))
    fields.append(
      .init(
        key: key,
        codingKey: codingKey,
        schema: described.schema,
        defaultValue: described.value,
        formerKey: formerKeys.first { $0.value == key }?.key
      )
    )
    result = DescribedRecipe(value: .section(entries), schema: .section(fields))
  }
}

private struct SectionContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: SectionEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }

  func encodeNil(forKey key: Key) throws {
    encoder.add(DescribedRecipe(value: .null, schema: .unknown), for: key.stringValue)
  }

  func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    try add(value, as: T.self, for: key)
  }

  func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws {
    try add(value, as: T?.self, for: key)
  }

  func encodeIfPresent(_ value: Bool?, forKey key: Key) throws {
    try add(value, as: Bool?.self, for: key)
  }
  func encodeIfPresent(_ value: String?, forKey key: Key) throws {
    try add(value, as: String?.self, for: key)
  }
  func encodeIfPresent(_ value: Double?, forKey key: Key) throws {
    try add(value, as: Double?.self, for: key)
  }
  func encodeIfPresent(_ value: Float?, forKey key: Key) throws {
    try add(value, as: Float?.self, for: key)
  }
  func encodeIfPresent(_ value: Int?, forKey key: Key) throws {
    try add(value, as: Int?.self, for: key)
  }
  func encodeIfPresent(_ value: Int8?, forKey key: Key) throws {
    try add(value, as: Int8?.self, for: key)
  }
  func encodeIfPresent(_ value: Int16?, forKey key: Key) throws {
    try add(value, as: Int16?.self, for: key)
  }
  func encodeIfPresent(_ value: Int32?, forKey key: Key) throws {
    try add(value, as: Int32?.self, for: key)
  }
  func encodeIfPresent(_ value: Int64?, forKey key: Key) throws {
    try add(value, as: Int64?.self, for: key)
  }
  func encodeIfPresent(_ value: UInt?, forKey key: Key) throws {
    try add(value, as: UInt?.self, for: key)
  }
  func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws {
    try add(value, as: UInt8?.self, for: key)
  }
  func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws {
    try add(value, as: UInt16?.self, for: key)
  }
  func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws {
    try add(value, as: UInt32?.self, for: key)
  }
  func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws {
    try add(value, as: UInt64?.self, for: key)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy keyType: Nested.Type,
    forKey key: Key
  ) -> KeyedEncodingContainer<Nested> { encoder.container(keyedBy: keyType) }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    encoder.unkeyedContainer()
  }

  func superEncoder() -> any Encoder { encoder }
  func superEncoder(forKey key: Key) -> any Encoder { encoder }

  private func add(_ value: (any Encodable)?, as type: Any.Type, for key: Key) throws {
    let path = encoder.path + [snakeCase(key.stringValue)]
    encoder.add(
      try encoder.state.describe(value, as: type, path: path),
      for: key.stringValue
    )
  }
}

/// Refuses types that encode themselves as something else than a group of settings.
private struct UnsupportedContainer: UnkeyedEncodingContainer, SingleValueEncodingContainer {
  let encoder: SectionEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }
  var count: Int { 0 }

  func encodeNil() throws { throw refusal(()) }
  func encode<T: Encodable>(_ value: T) throws { throw refusal(value) }
  func nestedContainer<Nested: CodingKey>(
    keyedBy keyType: Nested.Type
  ) -> KeyedEncodingContainer<Nested> { encoder.container(keyedBy: keyType) }
  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { self }
  func superEncoder() -> any Encoder { encoder }

  private func refusal(_ value: Any) -> EncodingError {
    .invalidValue(
      value,
      .init(
        codingPath: [],
        debugDescription: "\(encoder.path.joined(separator: ".")) has a type that recipes lack"
      )
    )
  }
}
