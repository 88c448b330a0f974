// The cache that the tools of the Hugging Face hub share: `models--owner--name` with the files of all
// revisions in `blobs`, named by their hashes; `refs` with the commit of each branch; and `snapshots`,
// a folder a commit, whose files are links to blobs.
//
// Source: huggingface.co/docs/huggingface_hub/guides/manage-cache; `constants.py` and
// `file_download.py` of huggingface_hub.

import Foundation

/// A hub's cache on this machine.
package struct HubCache: Sendable, Equatable {
  /// The folder with a folder for each repository.
  package let folder: URL
  /// The folder of the hub's tools above it, which may hold the user's token.
  package let home: URL

  /// Finds the cache: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else in the user's cache folder.
  ///
  /// - Parameter environment: The environment's variables.
  package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    func folder(_ names: String...) -> URL? {
      for name in names {
        guard let path = environment[name], !path.isEmpty else { continue }
        return URL(fileURLWithPath: (path as NSString).expandingTildeInPath)
      }
      return nil
    }
    let user = FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache")
    home =
      folder("HF_HOME")
      ?? (folder("XDG_CACHE_HOME") ?? user).appendingPathComponent("huggingface")
    self.folder =
      folder("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? home.appendingPathComponent("hub")
  }

  /// The folder of a repository.
  ///
  /// - Parameter name: The repository, of whatever revision.
  /// - Returns: The folder, which may not exist.
  package func repository(_ name: HubName) -> URL {
    folder.appendingPathComponent(folderName(name))
  }

  /// The file that locks a blob while it is written.
  package func lock(_ name: HubName, _ blob: String) -> URL {
    folder.appendingPathComponent(".locks").appendingPathComponent(folderName(name))
      .appendingPathComponent(blob + ".lock")
  }

  private func folderName(_ name: HubName) -> String {
    [name.kind.plural, name.owner, name.name].joined(separator: "--")
  }

  /// The file that holds the commit of a revision.
  package func reference(_ name: HubName) -> URL {
    repository(name).appendingPathComponent("refs").appendingPathComponent(name.revision)
  }

  /// The folder of a commit's files.
  package func snapshot(_ name: HubName, commit: String) -> URL {
    repository(name).appendingPathComponent("snapshots")
      .appendingPathComponent(commit, isDirectory: true)
  }

  /// The files of a revision as they are here.
  ///
  /// - Parameter name: The repository and the revision.
  /// - Returns: The folder; `nil` where that revision was never fetched.
  package func snapshot(_ name: HubName) -> URL? {
    var commit = name.revision
    if !Self.isCommit(commit) {
      guard let text = try? String(contentsOf: reference(name), encoding: .utf8) else { return nil }
      commit = text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    let folder = snapshot(name, commit: commit)
    guard Self.isCommit(commit), FileManager.default.fileExists(atPath: folder.path) else {
      return nil
    }
    return folder
  }

  /// Whether a text is the full name of a commit.
  package static func isCommit(_ text: String) -> Bool { isHexadecimal(text, count: 40) }

  /// Whether a text is so many hexadecimal digits, in lower case.
  package static func isHexadecimal(_ text: String, count: Int) -> Bool {
    text.utf8.count == count && text.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
  }
}
