// Runs the `assay` binary as a process, as its users do.

import AssayModel
import AssayTestSupport
import Foundation
import Testing

/// The binary that was built with these tests.
enum Binary {
  /// Where it is; `nil` where only the tests were built.
  static let url: URL? = {
    let folders = [
      URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
      Bundle.main.bundleURL, Bundle.main.bundleURL.deletingLastPathComponent(),
    ]
    return folders.map { $0.appendingPathComponent("assay") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }()

  static let missing: Comment = "the assay binary is not beside the tests; build the package"
}

/// A folder for one test.
final class WorkFolder: Sendable {
  let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("assay-command-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(at: url) }

  /// The path of a file in the folder.
  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  /// Writes a file and returns its path.
  func write(_ text: String, _ name: String) throws -> String {
    try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    return path(name)
  }

  /// Writes a tiny model of a kind and returns its path.
  func model(
    _ kind: ModelKind,
    _ name: String = "model",
    contextTokens: Int = 96
  ) throws -> String {
    let model = try TinyModels.make(kind, contextTokens: contextTokens)
    try model.save(to: url.appendingPathComponent(name))
    return path(name)
  }
}

/// What a finished process left.
struct CommandResult {
  let status: Int32
  let output: String
  let log: String

  /// Expects an exit code and that the log has every one of some texts.
  func expect(
    _ status: Int32,
    log texts: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(self.status == status, "\(log)", sourceLocation: sourceLocation)
    for text in texts {
      #expect(log.contains(text), "expected \(text) in: \(log)", sourceLocation: sourceLocation)
    }
  }

  /// The lines of the output as JSON objects.
  func objects() throws -> [[String: Any]] {
    try output.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }
}

/// A process of the binary whose output goes to files, so that no pipe fills up.
final class RunningCommand {
  private let process = Process()
  private let folder: WorkFolder

  init(
    _ arguments: [String],
    input: String = "",
    folder: WorkFolder? = nil,
    environment: [String: String] = [:],
    executable: URL? = Binary.url
  ) throws {
    self.folder = try WorkFolder()
    if !environment.isEmpty {
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    }
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder?.url
    let (output, log) = (
      self.folder.url.appendingPathComponent("out"), self.folder.url.appendingPathComponent("log")
    )
    for url in [output, log] { try Data().write(to: url) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: log)
    process.standardInput = try FileHandle(
      forReadingFrom: URL(fileURLWithPath: try self.folder.write(input, "in"))
    )
    try process.run()
  }

  var isRunning: Bool { process.isRunning }
  var identifier: pid_t { process.processIdentifier }

  /// What it has written so far.
  var outputSoFar: String { text("out") }
  /// What it has logged so far.
  var logSoFar: String { text("log") }

  private func text(_ name: String) -> String {
    let data = try? Data(contentsOf: folder.url.appendingPathComponent(name))
    return data.map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits for the end.
  func result() throws -> CommandResult {
    process.waitUntilExit()
    return CommandResult(
      status: process.terminationReason == .exit
        ? process.terminationStatus : -process.terminationStatus,
      output: text("out"),
      log: text("log")
    )
  }
}

/// Runs the binary to its end.
func assay(_ arguments: String..., input: String = "", in folder: WorkFolder? = nil) throws
  -> CommandResult
{
  try RunningCommand(arguments, input: input, folder: folder).result()
}
