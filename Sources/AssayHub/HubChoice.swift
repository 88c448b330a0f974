import AssayBase
import Foundation

/// Which files of a repository are fetched.
package struct HubChoice: Sendable, Equatable {
  /// Patterns of names in place of what is usual; `*` stands for any characters, `/` too.
  package var patterns: [String]

  /// Makes a choice.
  package init(patterns: [String] = []) { self.patterns = patterns }

  /// Chooses among a repository's files.
  ///
  /// Without patterns, of a data set all that Assay reads as rows (`RowFiles`); of a model what describes it, its
  /// tokenizer and its weights: safetensors, else PyTorch's files, else the one GGUF file.
  ///
  /// - Parameters:
  ///   - paths: The names of all files.
  ///   - name: The repository.
  /// - Returns: Those to fetch, sorted.
  /// - Throws: `HubError.unsafePath` where a name leads out of its folder, `choice` where none is left
  ///   or several GGUF files are.
  func files(_ paths: [String], of name: HubName) throws(HubError) -> [String] {
    if let path = paths.first(where: { !Self.isSafe($0) }) {
      throw .unsafePath(name: name, path: path)
    }
    let sorted = Set(paths).sorted()
    let chosen: [String]
    if !patterns.isEmpty {
      chosen = sorted.filter { path in patterns.contains { fnmatch($0, path, 0) == 0 } }
      if chosen.isEmpty {
        throw .choice(name: name, reason: "no file is named as --include says")
      }
    } else if name.kind == .dataset {
      chosen = sorted.filter(RowFiles.holdsRows)
      if chosen.isEmpty {
        throw .choice(
          name: name,
          reason: "none of its \(sorted.count) files holds rows in a form that is read (JSON "
            + "Lines, JSON, CSV or TSV, each plain, .gz or .zst, or Parquet); name others with "
            + "--include"
        )
      }
    } else {
      chosen = try Self.model(sorted, name)
    }
    return chosen
  }

  /// Endings of what describes a model.
  private static let descriptions = [".json", ".model", ".jinja"]
  /// Beginnings of files that a training left behind.
  private static let leftovers = [
    "training_args", "optimizer", "scheduler", "rng_state", "trainer_state", "scaler",
  ]

  private static func model(_ paths: [String], _ name: HubName) throws(HubError) -> [String] {
    let top = paths.filter { path in
      !path.contains("/") && !leftovers.contains { path.hasPrefix($0) }
    }
    func ending(_ endings: String...) -> [String] {
      top.filter { path in endings.contains { path.hasSuffix($0) } }
    }
    let described = top.filter { path in descriptions.contains { path.hasSuffix($0) } }
    var safe = ending(".safetensors")
    // Mistral's own spelling of the weights lies beside transformers'.
    let usual = safe.filter { !$0.hasPrefix("consolidated") }
    if !usual.isEmpty { safe = usual }
    // Heads in files of their own come as PyTorch's even beside safetensors.
    if !safe.isEmpty {
      let described = described.filter { !$0.hasSuffix(".bin.index.json") }
      return (described + safe + ending(".pt")).sorted()
    }
    let torch = ending(".bin", ".pt", ".pth")
    if !torch.isEmpty { return (described + torch).sorted() }
    let gguf = paths.filter { $0.lowercased().hasSuffix(".gguf") }
    guard gguf.count <= 1 else {
      throw .choice(
        name: name,
        reason: "it holds \(gguf.count) GGUF files, of which one is to be named, such as "
          + "--include '\(gguf[0])'"
      )
    }
    guard !gguf.isEmpty else {
      throw .choice(
        name: name,
        reason: "it holds no weights (safetensors, .bin, .pt or GGUF files); is it a data set "
          + "(--dataset)?"
      )
    }
    return gguf
  }

  /// Whether a file's name stays below the folder that it is put into.
  static func isSafe(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return path.utf8.count <= 1024 && !path.utf8.contains { $0 < 0x20 || $0 == 0x7F }
      && !path.contains("\\") && parts.allSatisfy { $0 != "" && $0 != "." && $0 != ".." }
      && parts.allSatisfy { $0.utf8.count <= 255 }
  }
}
