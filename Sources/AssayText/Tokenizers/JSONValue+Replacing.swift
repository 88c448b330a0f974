import AssayBase

extension JSONValue {
  /// Returns the object with a key's value changed in its place, or added at the end.
  package func replacing(_ key: String, with value: JSONValue) -> JSONValue {
    var members = members ?? []
    if let index = members.lastIndex(where: { $0.key == key }) {
      members[index].value = value
    } else {
      members.append(JSONMember(key, value))
    }
    return .object(members)
  }
}
