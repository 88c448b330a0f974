import ArgumentParser
import AssayTensor
import AssayTrain
import Foundation
import Synchronization

/// How many processes train together: started here, or by torchrun and what speaks as it does.
struct ProcessOptions: ParsableArguments {
  @Option(
    help: """
      Processes of this machine that share the work: a part of every batch, of texts and of \
      evaluations each. Default: 1, or those that torchrun started.
      """
  )
  var processes: Int?

  @Flag(
    help: """
      Each process keeps the optimizer's moments of a part of what is trained alone (ZeRO, stage 1): less \
      memory; where a process is killed, the steps since the last checkpoint are taken again.
      """
  )
  var shardMoments = false

  func validate() throws {
    try Limit.check("--processes", processes, in: Limit.jobs)
    if let processes, processes > 1, !ProcessGroup.isAvailable {
      throw ValidationError("--processes is for Linux; this system trains in one process")
    }
  }

  /// Runs a recipe in the first process, and has the others follow it into its stages.
  ///
  /// - Parameters:
  ///   - common: Options of the command; without `--threads` processes share the machine's.
  ///   - lead: Runs the recipe.
  ///   - follow: Computes beside it in a stage.
  /// - Throws: What either throws; `TrainingError.processes` where processes do not meet.
  func run(
    _ common: CommonOptions,
    lead: () async throws -> Void,
    follow: (String) async throws -> Void
  ) async throws {
    let environment = ProcessInfo.processInfo.environment
    let parent = environment[Self.startedHere].flatMap(Int32.init)
    if let parent { Self.end(with: parent) }
    let outside = try ProcessGroup.Place(environment: environment)
    if let outside, let processes, parent == nil {
      throw TrainingError.recipe(
        reason: "--processes \(processes) beside \(outside.size) processes that were started "
          + "elsewhere (WORLD_SIZE): leave one of them out"
      )
    }
    guard let place = outside ?? own() else {
      guard !shardMoments else {
        throw TrainingError.recipe(
          reason: "--shard-moments is for several processes; add --processes, or leave it out"
        )
      }
      return try await lead()
    }
    let local = environment["LOCAL_WORLD_SIZE"].flatMap(Int.init) ?? place.size
    if common.threads == nil {
      Engine.threads = max(1, Engine.threads / max(1, local))
    }
    let group = try met { try ProcessGroup(place) }
    let meeting = Meeting(of: place.size)
    let others = outside == nil ? try start(beside: group.place, meeting) : []
    defer { others.forEach { if $0.isRunning { $0.terminate() } } }
    try met { try group.connect() }
    meeting.end()
    let together = Processes(group, onThisMachine: local, sharesMoments: shardMoments)
    try await together.run {
      guard place.rank == 0 else { return try await following(together, follow) }
      defer { together.end() }
      try await lead()
    }
    others.forEach { $0.waitUntilExit() }
  }

  /// Follows the first process until it ends.
  ///
  /// That it ended badly is for it to tell.
  private func following(
    _ together: Processes,
    _ follow: (String) async throws -> Void
  ) async throws {
    do {
      while let stage = try together.next() { try await follow(stage) }
    } catch TrainingError.processes {
      throw ExitCode(ExitStatus.unavailable)
    }
  }

  private func met<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as TensorError {
      throw TrainingError.processes(reason: "the processes did not meet (\(error))")
    }
  }

  // MARK: Processes of this machine

  /// What the keys of a store that is ours begin with.
  fileprivate static let prefix = "assay"
  /// Tells processes that the first one started which one that is.
  private static let startedHere = "ASSAY_PROCESS"

  /// Ends this process, which keeps nothing, once the one that started it is gone: before they met, nobody else
  /// would tell.
  private static func end(with parent: Int32) {
    Thread.detachNewThread {
      while getppid() == parent { usleep(200_000) }
      _exit(ExitStatus.unavailable)
    }
  }

  private func own() -> ProcessGroup.Place? {
    guard let processes, processes > 1 else { return nil }
    return ProcessGroup.Place(rank: 0, size: processes, prefix: Self.prefix, serves: true)
  }

  /// Starts the other processes by the same command.
  private func start(beside place: ProcessGroup.Place, _ meeting: Meeting) throws -> [Process] {
    try (1..<place.size).map { rank in
      let process = Process()
      process.executableURL = Bundle.main.executableURL
      process.arguments = CommandLine.arguments.dropFirst() + ["--quiet"]
      process.environment = ProcessInfo.processInfo.environment.merging([
        "RANK": "\(rank)", "LOCAL_RANK": "\(rank)", "WORLD_SIZE": "\(place.size)",
        "LOCAL_WORLD_SIZE": "\(place.size)",
        "MASTER_ADDR": place.host, "MASTER_PORT": "\(place.port)", Self.startedHere: "\(getpid())",
      ]) { $1 }
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      process.terminationHandler = { _ in meeting.isLeft(by: rank) }
      try process.run()
      return process
    }
  }
}

/// The time until processes that were started here have met, which each of them waits for.
private final class Meeting: Sendable {
  private let size: Int
  private let isOver = Mutex(false)

  init(of size: Int) { self.size = size }

  /// All have met: where one ends from now on, the others are told by their connections.
  func end() { isOver.withLock { $0 = true } }

  /// Ends this process where another one did before it came: nothing has been begun.
  func isLeft(by rank: Int) {
    isOver.withLock { isOver in
      guard !isOver else { return }
      let error = TrainingError.processes(
        reason: "process \(rank) of \(size) ended before they met"
      )
      Output.error("assay: \(ExitStatus.text(error))")
      _exit(ExitStatus.code(error))
    }
  }
}

extension ProcessGroup.Place {
  /// The place that torchrun's variables name; `nil` where there is one process, or none is named.
  ///
  /// Source: PyTorch's elastic agent, whose store (`TORCHELASTIC_USE_AGENT_STORE`) all workers join as
  /// clients, under a prefix of the attempt.
  ///
  /// - Throws: `TrainingError.recipe` where they contradict each other.
  init?(environment: [String: String]) throws {
    guard let size = environment["WORLD_SIZE"].flatMap(Int.init), size > 1,
      let host = environment["MASTER_ADDR"]
    else { return nil }
    guard let rank = environment["RANK"].flatMap(Int.init), (0..<size).contains(rank),
      let port = environment["MASTER_PORT"].flatMap(Int.init), (1...65_535).contains(port)
    else {
      throw TrainingError.recipe(
        reason: "WORLD_SIZE is \(size), so that RANK is expected from 0 to \(size - 1) and "
          + "MASTER_PORT from 1 to 65535; unset WORLD_SIZE to train in one process"
      )
    }
    // PyTorch's elastic agent keeps the keys of its store behind this prefix, which is no path.
    let isAgents = environment["TORCHELASTIC_USE_AGENT_STORE"] == "True"
    let attempt = environment["TORCHELASTIC_RESTART_COUNT"] ?? "0"
    self.init(
      rank: rank,
      size: size,
      host: host,
      port: port,
      prefix: isAgents ? "/worker/attempt_\(attempt)" : ProcessOptions.prefix,
      serves: rank == 0 && !isAgents
    )
  }
}
