/// All worlds: the only list of them.
package enum Worlds {
  /// In the order that errors and help name them.
  package static let all: [any World.Type] = [
    PlaygroundWorld.self, GSM8KWorld.self, FilesWorld.self,
  ]

  /// The world of a comparison that names none.
  package static var standard: String { PlaygroundWorld.name }

  /// Their names.
  package static var names: [String] { all.map { $0.name } }

  /// The type of a name; `nil` where there is none.
  package static func named(_ name: String) -> (any World.Type)? { all.first { $0.name == name } }
}
