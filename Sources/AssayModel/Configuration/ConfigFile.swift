import AssayBase
import AssayText
import Foundation

/// A `config.json` that is read key by key, with errors that name the key.
struct ConfigFile {
  /// Where it is.
  let path: String
  /// What stands before the keys of an object in it.
  private let prefix: String
  let document: JSONValue

  /// Reads a file.
  ///
  /// - Throws: `ModelError` where there is none, or where it is no JSON object.
  init(contentsOf url: URL) throws {
    path = url.path
    prefix = ""
    guard let data = try? Data(contentsOf: url) else {
      throw ModelError.notFound(path: path, hint: "a model folder holds config.json")
    }
    guard let document = try? JSONValue(parsing: Array(data)), document.members != nil else {
      throw ModelError.configuration(file: path, key: "file", reason: "is not a JSON object")
    }
    self.document = document
  }

  /// Takes the keys of a file of another format.
  init(path: String, document: JSONValue) { self.init(path: path, prefix: "", document: document) }

  private init(path: String, prefix: String, document: JSONValue) {
    self.path = path
    self.prefix = prefix
    self.document = document
  }

  /// The keys of an object in it, with those beside it that the object lacks; itself where it has none.
  ///
  /// - Parameter key: The object's key.
  /// - Returns: The keys of both.
  /// - Throws: `ModelError.configuration` where it is no object.
  func flattened(_ key: String) throws -> ConfigFile {
    guard let inner = try object(key)?.document.members else { return self }
    return ConfigFile(path: path, document: .object(inner)).filled(document.members ?? [])
  }

  /// With more keys, where it lacks them.
  func filled(_ members: [JSONMember]) -> ConfigFile {
    let own = document.members ?? []
    let more = members.filter { !has($0.key) }
    return ConfigFile(path: path, prefix: prefix, document: .object(own + more))
  }

  /// An error at a key.
  func wrong(_ key: String, _ reason: String) -> ModelError {
    .configuration(file: path, key: prefix + key, reason: reason)
  }

  /// The value of a key; `nil` where there is none, or null.
  private func read<Value>(
    _ key: String,
    _ expected: String,
    _ read: (JSONValue) -> Value?
  ) throws -> Value? {
    guard let value = document[key], !value.isNull else { return nil }
    guard let found = read(value) else {
      throw wrong(key, "\(value.compact.prefix(40)) is not \(expected)")
    }
    return found
  }

  /// Whether the file has the key, with null or another value.
  func has(_ key: String) -> Bool { document[key] != nil }

  /// Whether the value of a key is a text.
  func isText(_ key: String) -> Bool { document[key]?.string != nil }

  /// Whether a key is absent, null, false or empty.
  func isUnset(_ key: String) -> Bool {
    guard let value = document[key], !value.isNull else { return true }
    return value.bool == false || value.array?.isEmpty == true || value.members?.isEmpty == true
  }

  /// A whole number.
  func int(_ key: String) throws -> Int? {
    try read(key, "a whole number") { $0.int ?? $0.double.flatMap { Int(exactly: $0) } }
  }

  /// A number.
  func double(_ key: String) throws -> Double? {
    try read(key, "a finite number") { $0.double.flatMap { $0.isFinite ? $0 : nil } }
  }

  /// True or false.
  func bool(_ key: String) throws -> Bool? { try read(key, "true or false", \.bool) }

  /// A text.
  func string(_ key: String) throws -> String? { try read(key, "a text", \.string) }

  /// Texts.
  func strings(_ key: String) throws -> [String]? {
    try read(key, "a list of texts") { value in
      let texts = value.array?.compactMap(\.string)
      return texts?.count == value.array?.count ? texts : nil
    }
  }

  /// Numbers.
  func doubles(_ key: String) throws -> [Double]? {
    try read(key, "a list of finite numbers") { value in
      let numbers = value.array?.compactMap(\.double).filter(\.isFinite)
      return numbers?.count == value.array?.count ? numbers : nil
    }
  }

  /// One whole number, or several.
  func ints(_ key: String) throws -> [Int]? {
    try read(key, "a whole number or a list of them") { value in
      if let one = value.int { return [one] }
      let numbers = value.array?.compactMap(\.int)
      return numbers?.count == value.array?.count ? numbers : nil
    }
  }

  /// An object.
  func object(_ key: String) throws -> ConfigFile? {
    try read(key, "an object") { value in
      value.members == nil
        ? nil : ConfigFile(path: path, prefix: prefix + key + ".", document: value)
    }
  }

  /// A value that must be there.
  func need<Value>(_ value: Value?, _ key: String) throws -> Value {
    guard let value else { throw wrong(key, "is missing") }
    return value
  }

  /// Throws an error at a key unless a condition holds.
  func require(_ holds: Bool, _ key: String, _ reason: String) throws {
    guard holds else { throw wrong(key, reason) }
  }

  /// Refuses a setting that is not computed.
  func refuse(_ key: String, because reason: String = "is not supported") throws {
    if try bool(key) == true { throw wrong(key, "true \(reason)") }
  }
}

extension JSONValue {
  /// A number, or null.
  static func optional(_ value: (some Numeric)?) -> JSONValue {
    value.map { .number("\($0)") } ?? .null
  }
}
