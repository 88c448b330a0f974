// The card of a model that is kept beside it.
import AssayBase
import Foundation

/// What `assay calibrate --keep` left in a model's folder.
package struct KeptCard: Equatable, Sendable {
  /// What a card's `format` is.
  package static let format = "assay-judge-card-1"
  /// Its file in the model's folder.
  package static let fileName = "card.json"

  /// The whole card.
  package let json: JSONValue

  /// Reads the card of a model; `nil` where there is none, or the file is something else.
  ///
  /// - Parameter folder: The model's folder.
  package init?(of folder: URL) {
    let file = folder.appendingPathComponent(Self.fileName)
    guard let data = FileManager.default.contents(atPath: file.path),
      let json = try? JSONValue(parsing: Array(data)), json["format"]?.string == Self.format
    else { return nil }
    self.json = json
  }

  /// Its findings in words.
  package var sentences: [String] {
    json["sentences"]?.array?.compactMap { $0["text"]?.string } ?? []
  }
}
