/// A repository of a hub, `owner/name`, and the revision of it that is meant.
package struct HubName: Hashable, Sendable, CustomStringConvertible {
  /// What a repository holds.
  package enum Kind: String, Sendable, CaseIterable {
    /// A model.
    case model
    /// A data set.
    case dataset

    /// What the hub's addresses and the cache's folders call it.
    package var plural: String { rawValue + "s" }
  }

  /// What it holds.
  package let kind: Kind
  /// Whose it is.
  package let owner: String
  /// What it is called.
  package let name: String
  /// A branch, a tag or a commit.
  package let revision: String

  /// The branch that is meant where none is named.
  package static let usualRevision = "main"

  /// `owner/name`.
  package var path: String { owner + "/" + name }

  /// `owner/name`, and the revision where it is not the usual one.
  package var description: String {
    revision == Self.usualRevision ? path : path + "@" + revision
  }

  /// Reads `owner/name[@revision]`.
  ///
  /// No part of a name leads out of a folder that is named after it; `nil` for a text that names no
  /// repository.
  ///
  /// - Parameters:
  ///   - text: What was given.
  ///   - kind: What it is to hold.
  ///
  /// Source: `validate_repo_id` of huggingface_hub; the rules of git for names of references.
  package init?(_ text: String, kind: Kind = .model) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let names = parts[0].split(separator: "/", omittingEmptySubsequences: false)
    guard names.count == 2, names.allSatisfy(Self.isName), parts[0].utf8.count <= 96 else {
      return nil
    }
    let revision = parts.count == 2 ? String(parts[1]) : Self.usualRevision
    guard Self.isRevision(revision) else { return nil }
    self.kind = kind
    owner = String(names[0])
    name = String(names[1])
    self.revision = revision
  }

  private static func isName(_ text: Substring) -> Bool {
    text.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
      && !text.contains("--") && !text.contains("..") && !text.hasSuffix(".git")
      && !text.isEmpty && !".-".contains(text.first ?? ".") && !".-".contains(text.last ?? ".")
  }

  private static func isRevision(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return text.utf8.count <= 200
      && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"~^:?*[\\".utf8.contains($0) }
      && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !$0.contains("..") }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
}
