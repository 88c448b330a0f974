import AssayBase
import Foundation
import NIOCore

/// Fetches a repository's files into the cache.
package struct HubPull {
  /// What happens meanwhile.
  package enum Event: Equatable, Sendable {
    /// What will be fetched.
    case started(files: Int, bytes: Int, missingBytes: Int)
    /// More bytes are there.
    case progress(doneBytes: Int, bytes: Int)
    /// Another process fetches the same file.
    case waiting(path: String)
  }

  /// What is there at the end.
  package struct Snapshot: Equatable, Sendable {
    /// The folder of the files.
    package let folder: URL
    /// Their commit.
    package let commit: String
    /// Their names.
    package let files: [String]
    /// What they take.
    package let bytes: Int
  }

  private struct Item {
    let path: String
    let facts: HubClient.FileFacts
    let blob: HubBlob
  }

  private let settings: HubSettings
  private let name: HubName
  private let choice: HubChoice
  private let onEvent: (Event) throws -> Void

  /// Makes ready to fetch.
  ///
  /// - Parameters:
  ///   - name: The repository and its revision.
  ///   - choice: Which of its files.
  ///   - settings: The hub, the user and the cache.
  ///   - onEvent: Hears of progress; an error that it throws ends the work, which goes on from there
  ///     the next time.
  package init(
    _ name: HubName,
    choice: HubChoice = HubChoice(),
    settings: HubSettings,
    onEvent: @escaping (Event) throws -> Void = { _ in }
  ) {
    self.name = name
    self.choice = choice
    self.settings = settings
    self.onEvent = onEvent
  }

  /// Fetches what is not there yet.
  ///
  /// The revision points to its commit only when all files are there. Offline, what the cache has is
  /// the answer.
  ///
  /// - Returns: The files.
  /// - Throws: `HubError`, `FileError` where the cache cannot be written, `CancellationError`, or what
  ///   `onEvent` throws.
  package nonisolated(nonsending) func run() async throws -> Snapshot {
    guard !settings.isOffline else { return try cached() }
    let client = HubClient(settings)
    do {
      let snapshot = try await run(client)
      try await client.close()
      return snapshot
    } catch {
      try? await client.close()
      throw error
    }
  }

  private func cached() throws -> Snapshot {
    let cache = settings.cache
    guard let folder = cache.snapshot(name) else {
      throw HubError.offline(name: name, cache: cache.folder.path)
    }
    let manager = FileManager.default
    let paths = (manager.subpaths(atPath: folder.path) ?? []).filter { path in
      var isFolder: ObjCBool = false
      let file = folder.appendingPathComponent(path).path
      return manager.fileExists(atPath: file, isDirectory: &isFolder) && !isFolder.boolValue
    }
    let files = try choice.files(paths, of: name)
    let sizes = files.map { path -> Int in
      let file = folder.appendingPathComponent(path).resolvingSymlinksInPath()
      let attributes = try? manager.attributesOfItem(atPath: file.path)
      return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }
    return Snapshot(
      folder: folder,
      commit: folder.lastPathComponent,
      files: files,
      bytes: sizes.reduce(0, +)
    )
  }

  private nonisolated(nonsending) func run(_ client: HubClient) async throws -> Snapshot {
    let (commit, paths) = try await client.description(of: name)
    var items: [Item] = []
    for path in try choice.files(paths, of: name) {
      let facts = try await client.facts(of: path, name, commit: commit)
      items.append(
        Item(path: path, facts: facts, blob: HubBlob(settings.cache, name, hash: facts.hash))
      )
    }
    let bytes = items.map { $0.facts.size ?? 0 }.reduce(0, +)
    let missing = items.filter { !$0.blob.isPresent }
      .map { max(0, ($0.facts.size ?? 0) - $0.blob.partialSize) }.reduce(0, +)
    let snapshot = settings.cache.snapshot(name, commit: commit)
    try DurableFile.makeFolder(snapshot)
    try DurableFile.makeFolder(
      settings.cache.repository(name).appendingPathComponent("blobs")
    )
    try checkRoom(missing)
    try onEvent(.started(files: items.count, bytes: bytes, missingBytes: missing))
    var done = 0
    for item in items {
      try await fetch(item, client, commit: commit, bytes: bytes, done: done)
      try item.blob.link(item.path, in: snapshot)
      done += item.facts.size ?? 0
      try onEvent(.progress(doneBytes: done, bytes: bytes))
    }
    if !HubCache.isCommit(name.revision) {
      let reference = settings.cache.reference(name)
      try DurableFile.makeFolder(reference.deletingLastPathComponent())
      try DurableFile.write(Data(commit.utf8), to: reference)
    }
    return Snapshot(folder: snapshot, commit: commit, files: items.map(\.path), bytes: bytes)
  }

  private func checkRoom(_ bytes: Int) throws {
    var room = statvfs()
    guard statvfs(settings.cache.folder.path, &room) == 0 else { return }
    let free = Int(clamping: UInt64(room.f_bavail) &* UInt64(room.f_frsize))
    guard bytes <= free else {
      throw HubError.noRoom(
        folder: settings.cache.folder.path,
        neededBytes: bytes,
        freeBytes: free
      )
    }
  }

  /// Brings one file into the cache, from where an earlier download ended.
  private nonisolated(nonsending) func fetch(
    _ item: Item,
    _ client: HubClient,
    commit: String,
    bytes: Int,
    done: Int
  ) async throws {
    guard !item.blob.isPresent else { return }
    let lock = try await HubLock.taken(settings.cache.lock(name, item.facts.hash)) {
      try onEvent(.waiting(path: item.path))
    }
    defer { withExtendedLifetime(lock) {} }
    guard !item.blob.isPresent else { return }  // another process has fetched it meanwhile
    let wasResumed = item.blob.partialSize > 0
    try await download(item, client, commit: commit, bytes: bytes, done: done)
    do { try finish(item) } catch let error as HubError where wasResumed {
      // What an earlier download left may have been another file's: once more, from the start.
      guard case .damaged = error else { throw error }
      try await download(item, client, commit: commit, bytes: bytes, done: done)
      try finish(item)
    }
  }

  private nonisolated(nonsending) func download(
    _ item: Item,
    _ client: HubClient,
    commit: String,
    bytes: Int,
    done: Int
  ) async throws {
    let partial = item.blob.partial
    let descriptor = open(partial.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw DurableFile.failure("create", partial) }
    defer { close(descriptor) }
    var there = item.blob.partialSize
    // Of what has no size it cannot be told whether it is whole.
    if there > item.facts.size ?? 0 { there = 0 }
    var attempt = 1
    while true {
      let before = there
      // All of it may have come before the hash was looked at.
      if let size = item.facts.size, there == size, size > 0 { break }
      do {
        guard lseek(descriptor, off_t(there), SEEK_SET) >= 0 else {
          throw DurableFile.failure("write", partial)
        }
        try await client.read(item.path, name, commit: commit, from: there) { start, buffer in
          if let start, start != there {
            there = start
            guard lseek(descriptor, off_t(start), SEEK_SET) >= 0 else {
              throw DurableFile.failure("write", partial)
            }
          }
          if let size = item.facts.size, there + buffer.readableBytes > size {
            unlink(partial.path)
            throw HubError.garbage(url: item.path, reason: "more comes than its \(size) bytes")
          }
          try DurableFile.writeAll(Data(buffer.readableBytesView), to: descriptor, partial)
          there += buffer.readableBytes
          try onEvent(.progress(doneBytes: done + there, bytes: bytes))
        }
        guard let size = item.facts.size, there < size else { break }
        throw HubClient.Failure(reason: "\(item.path) ended after \(there) of \(size) bytes")
      } catch let failure as HubClient.Failure {
        if there > before { attempt = 1 }
        try await client.wait(attempt, failure)
        attempt += 1
      }
    }
    guard ftruncate(descriptor, off_t(there)) == 0, fsync(descriptor) == 0 else {
      throw DurableFile.failure("write", partial)
    }
  }

  /// Puts a file to its place where its hash is right, and removes it where it is not.
  private func finish(_ item: Item) throws {
    let actual = try item.blob.hash(length: item.facts.hash.utf8.count)
    guard actual == item.facts.hash else {
      unlink(item.blob.partial.path)
      throw HubError.damaged(
        name: name,
        path: item.path,
        expected: item.facts.hash,
        actual: actual
      )
    }
    try DurableFile.rename(item.blob.partial, to: item.blob.url)
  }
}
