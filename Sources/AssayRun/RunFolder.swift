// The folder of a run, which one process at a time works in.
import AssayBase
import Foundation
import Synchronization

/// A folder of numbered stages, locked against a second process until it is released.
///
/// ```swift
/// let run = try RunFolder(URL(filePath: "runs/cloud"), restartingFrom: nil)
/// let stage = try run.stage("critiques", fingerprint: Fingerprint(recipe: yaml, inputs: hashes))
/// if !stage.isDone { ...; try stage.finish(result, seconds: seconds) }
/// ```
package final class RunFolder: Sendable {
  /// Where the folder is.
  package let url: URL
  /// Whether it is only read: it is finished, or another process works in it.
  package let isReadOnly: Bool
  // The locked file; `nil` once it is released.
  private let lock: Mutex<Int32?>
  // Guards the number of stages asked for so far.
  private let stageCount = Mutex(0)

  /// Opens or creates a run's folder and locks it until the last reference to it goes.
  ///
  /// - Parameters:
  ///   - url: The folder.
  ///   - stage: A stage to redo with all that follow: their folders move to `discarded/`.
  /// - Throws: `RunError.folderInUse`, `.unknownStage`, or `.fileSystem`.
  package init(_ url: URL, restartingFrom stage: String? = nil) throws {
    self.url = url
    isReadOnly = false
    try DurableFile.makeFolder(url)
    let model = url.appendingPathComponent("config.json")
    guard !FileManager.default.fileExists(atPath: model.path) else {
      throw RunError.isModel(path: url.path)
    }
    let lockFile = url.appendingPathComponent(".lock")
    let lock = open(lockFile.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    self.lock = Mutex(lock)
    guard lock >= 0 else { throw DurableFile.failure("create", lockFile) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let isTaken = errno == EWOULDBLOCK
      let failure = DurableFile.failure("lock", lockFile)
      release()
      let owner = (try? String(contentsOf: lockFile, encoding: .utf8))
        .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
      throw isTaken ? RunError.folderInUse(path: url.path, process: owner) : failure
    }
    ftruncate(lock, 0)
    do {
      try DurableFile.writeAll(Data("\(getpid())\n".utf8), to: lock, lockFile)
      removeLeftovers()
      if let stage { try discard(from: stage) }
    } catch {
      release()
      throw error
    }
  }

  /// Opens a folder in which nothing will change any more, without locking it.
  package init(finished url: URL) {
    self.url = url
    isReadOnly = true
    lock = Mutex(nil)
  }

  deinit { release() }

  /// Removes what writes left behind that a kill cut short.
  private func removeLeftovers() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    for name in names where name.hasPrefix(".") && name.contains(".tmp-") {
      try? FileManager.default.removeItem(at: url.appendingPathComponent(name))
    }
  }

  /// Lets other processes open the folder, as where nothing in it will change any more.
  package func release() {
    lock.withLock { lock in
      if let lock, lock >= 0 { close(lock) }
      lock = nil
    }
  }

  /// Opens the next stage, in the order of the calls; an unfinished one continues.
  ///
  /// - Parameters:
  ///   - name: Lower-case letters, digits and hyphens.
  ///   - fingerprint: What it is made from.
  /// - Returns: The stage; see `Stage.isDone`.
  /// - Throws: `RunError.stageChanged` where it was made from something else, `.stageMoved` where the
  ///   folder has another stage at this place.
  package func stage(_ name: String, fingerprint: Fingerprint) throws -> Stage {
    precondition(
      !name.isEmpty
        && name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") },
      "a stage is called \(name)"
    )
    let number = stageCount.withLock { count in
      count += 1
      return count
    }
    let folder = Self.folderName(number, name)
    let moved = stageFolders().first {
      $0 != folder && ($0.hasPrefix(Self.folderName(number, "")) || Self.name(of: $0) == name)
    }
    if let moved {
      throw RunError.stageMoved(folder: url.path, actual: moved, expected: folder)
    }
    return try Stage(
      name,
      number: number,
      url: url.appendingPathComponent(folder),
      fingerprint: fingerprint,
      run: self
    )
  }

  /// Replaces a file of the run's folder in one step, as `results.json`.
  package func write(_ data: Data, to name: String) throws {
    try DurableFile.write(data, to: url.appendingPathComponent(name))
  }

  /// The folders of the stages, in their order, as `03-critiques`.
  package func stageFolders() -> [String] { Self.stageFolders(in: url) }

  private static func stageFolders(in url: URL) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    // By their numbers: as texts, 100 stands before 11.
    return names.filter { $0.wholeMatch(of: /[0-9]{2,}-[a-z0-9-]+/) != nil }
      .sorted { $0.compare($1, options: .numeric) == .orderedAscending }
  }

  /// Returns the last finished checkpoint of a run's folder, without locking it.
  ///
  /// - Parameter url: A run's folder.
  /// - Returns: The `checkpoint` folder of the last stage with `done.json` that has one.
  package static func lastCheckpoint(in url: URL) -> URL? {
    stageFolders(in: url).reversed()
      .map { url.appendingPathComponent($0) }
      .first {
        FileManager.default.fileExists(atPath: $0.appendingPathComponent("done.json").path)
          && FileManager.default.fileExists(atPath: $0.appendingPathComponent("checkpoint").path)
      }?.appendingPathComponent("checkpoint")
  }

  private func discard(from stage: String) throws {
    let folders = stageFolders()
    guard let first = folders.firstIndex(where: { Self.name(of: $0) == stage }) else {
      throw RunError.unknownStage(
        folder: url.path,
        stage: stage,
        known: folders.map(Self.name(of:))
      )
    }
    let discarded = url.appendingPathComponent("discarded")
    try DurableFile.makeFolder(discarded)
    for folder in folders[first...].reversed() {
      var copy = 1
      var target = discarded.appendingPathComponent("\(folder).\(copy)")
      while FileManager.default.fileExists(atPath: target.path) {
        copy += 1
        target = discarded.appendingPathComponent("\(folder).\(copy)")
      }
      try DurableFile.rename(url.appendingPathComponent(folder), to: target)
    }
  }

  private static func folderName(_ number: Int, _ name: String) -> String {
    "\(number < 10 ? "0" : "")\(number)-\(name)"
  }

  private static func name(of folder: String) -> String {
    folder.drop { $0 != "-" }.dropFirst().description
  }
}
