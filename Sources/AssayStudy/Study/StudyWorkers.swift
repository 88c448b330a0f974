// Parts of a comparison in processes of their own: small models keep few cores busy each.

import AssayBase
import AssayRun
import AssayTrain
import Foundation

/// What a worker tells, a line of JSON each, on its standard output.
package enum WorkerReport: Codable, Sendable {
  /// The part is done.
  case done
  /// Another worker makes a stage of the part.
  case busy
  /// The part failed: one sentence, and the exit code.
  case failed(String, code: Int32)
  /// Something that may need attention.
  case warning(String)
}

/// A failure of a worker.
package struct WorkerFailure: Error, CustomStringConvertible {
  /// One sentence: what failed, and why.
  package let description: String
  /// The exit code that says so.
  package let code: Int32
}

/// The other end: runs the parts that it reads, a line of JSON each, from its standard input.
package struct StudyWorker {
  private let recipe: StudyRecipe
  private let folder: URL
  private let tell: @Sendable (WorkerReport) throws -> Void
  private let failure: (any Error) -> (text: String, code: Int32)

  /// Makes a worker.
  ///
  /// - Parameters:
  ///   - recipe: The specification.
  ///   - folder: The folder of the comparison.
  ///   - failure: One sentence about an error, and its exit code.
  ///   - tell: Tells whoever started the worker.
  package init(
    recipe: StudyRecipe,
    folder: URL,
    failure: @escaping (any Error) -> (text: String, code: Int32),
    tell: @escaping @Sendable (WorkerReport) throws -> Void
  ) {
    self.recipe = recipe
    self.folder = folder
    self.failure = failure
    self.tell = tell
  }

  /// Runs parts until there are no more.
  ///
  /// - Throws: `Interrupted`, and what making the world throws; failures of parts are reported.
  package func run() async throws {
    let session = try await StudySession(recipe, folder) { [tell] event in
      if case .warning(let text) = event { try? tell(.warning(text)) }
    }
    while let line = readLine() {
      let part = try JSONDecoder().decode(StudyPart.self, from: Data(line.utf8))
      try tell(try await report(part, session))
    }
  }

  private func report(
    _ part: StudyPart,
    _ session: StudySession
  ) async throws -> WorkerReport {
    do {
      try await session.run(part)
      return .done
    } catch RunError.folderInUse {
      return .busy
    } catch let error as Interrupted {
      throw error
    } catch is CancellationError {
      // A signal that the worker got itself, as from what stops all processes of a job.
      try Interruption.check()
      throw CancellationError()
    } catch  where StudyPart.isOwn(error) {
      // Who asked comes to the same end, and tells of it.
      return .done
    } catch {
      let (text, code) = failure(error)
      return .failed(text, code: code)
    }
  }
}

/// Processes that run parts of a comparison at once.
package struct StudyWorkers {
  private let count: Int
  private let arguments: [String]
  private let events: RunEventHandler

  /// Makes workers, which start with the parts that they run.
  ///
  /// - Parameters:
  ///   - count: How many there are.
  ///   - arguments: The arguments of each, for this same program.
  ///   - events: Hears of progress.
  package init(count: Int, arguments: [String], events: @escaping RunEventHandler) {
    self.count = count
    self.arguments = arguments
    self.events = events
  }

  // A part that meets another one's stage is tried again behind this many seconds.
  private static let patience = 3.0

  private struct Waiting {
    let part: StudyPart
    var after = Date.distantPast
  }

  /// Runs parts.
  ///
  /// - Parameters:
  ///   - parts: The parts, in the order to begin them.
  ///   - name: What they are, for whoever watches.
  /// - Throws: `Interrupted`, or `WorkerFailure` once one of them fails; the others have stopped then.
  package func run(_ parts: [StudyPart], _ name: String) throws {
    guard !parts.isEmpty else { return }
    // A worker that is gone is noticed by what it does not answer.
    signal(SIGPIPE, SIG_IGN)
    var waiting = parts.map { Waiting(part: $0) }
    var done = 0
    let workers = try (0..<min(count, parts.count)).map { _ in try WorkerProcess(arguments) }
    defer { WorkerProcess.stop(workers) }
    events(.stageStarted(name: name, number: 1, total: parts.count, resumedAt: 0))
    while done < parts.count {
      try Interruption.check()
      for worker in workers where worker.part == nil {
        let now = Date()
        guard let next = waiting.firstIndex(where: { $0.after <= now }) else { break }
        try worker.start(waiting.remove(at: next).part)
      }
      WorkerProcess.wait(for: workers, seconds: 0.2)
      for worker in workers {
        guard let part = worker.part else { continue }
        for report in try worker.reports() {
          switch report {
          case .warning(let text): events(.warning("\(part): \(text)"))
          case .failed(let text, let code): throw WorkerFailure(description: text, code: code)
          case .busy:
            waiting.append(
              Waiting(part: part, after: Date().addingTimeInterval(Self.patience))
            )
            worker.part = nil
          case .done:
            done += 1
            worker.part = nil
            let seconds = Date().timeIntervalSince(worker.startedAt)
            events(.message("\(part): \(ProgressText.duration(seconds))"))
            events(.step(done: done, total: parts.count, metrics: [], tokens: 0))
          }
        }
      }
    }
  }
}

/// A worker as seen from outside.
private final class WorkerProcess {
  /// What it works on.
  var part: StudyPart?
  private(set) var startedAt = Date.distantPast
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var unread = Data()

  /// Starts one.
  init(_ arguments: [String]) throws {
    process.executableURL = Bundle.main.executableURL
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  /// Hands it a part.
  func start(_ part: StudyPart) throws {
    self.part = part
    startedAt = Date()
    try? input.fileHandleForWriting.write(contentsOf: try JSONEncoder().encode(part) + [0x0a])
  }

  /// Waits until one of some workers has something to tell.
  static func wait(for workers: [WorkerProcess], seconds: Double) {
    var descriptors = workers.map {
      pollfd(fd: $0.output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
    }
    poll(&descriptors, nfds_t(descriptors.count), Int32(seconds * 1000))
  }

  /// What it has told since the last call.
  ///
  /// - Throws: `WorkerFailure` where it has ended.
  func reports() throws -> [WorkerReport] {
    let handle = output.fileHandleForReading
    var ready = pollfd(fd: handle.fileDescriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&ready, 1, 0) > 0 else { return [] }
    let more = handle.availableData
    guard !more.isEmpty else { throw failure() }
    unread += more
    var reports: [WorkerReport] = []
    while let end = unread.firstIndex(of: 0x0a) {
      reports.append(try JSONDecoder().decode(WorkerReport.self, from: unread[..<end]))
      unread = Data(unread[(end + 1)...])
    }
    return reports
  }

  /// Ends workers: at once those that wait for a part, the others at a place to go on from.
  static func stop(_ workers: [WorkerProcess]) {
    for worker in workers {
      try? worker.input.fileHandleForWriting.close()
      if worker.part != nil { worker.process.interrupt() }
    }
    for worker in workers { worker.process.waitUntilExit() }
  }

  private func failure() -> any Error {
    process.waitUntilExit()
    let (status, part) = (process.terminationStatus, part.map { "\($0)" } ?? "a part")
    self.part = nil
    let again = "the same command goes on where it was"
    guard process.terminationReason == .exit else {
      return WorkerFailure(
        description: "\(part): its process was ended by signal \(status)"
          + (status == SIGKILL ? ", as where memory runs out: use fewer --jobs; " : "; ") + again,
        code: 70
      )
    }
    if status == 128 + SIGINT || status == 128 + SIGTERM {
      return Interrupted(signal: status - 128)
    }
    return WorkerFailure(
      description: "\(part): its process ended with exit code \(status) and said why; \(again)",
      code: status == 0 ? 70 : status
    )
  }
}
