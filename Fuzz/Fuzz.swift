// Reads damaged inputs of every format: each is read or refused, within bounds of time and memory.
//
//   swift run -c release AssayFuzz [--count N] [--seed N] [--format NAME] [--folder DIR]
//
// The input that is read lies in DIR as `input`: after a crash it is the one that did it. The same seed and
// count make the same inputs. Prints a line a format: inputs, how many were read, the longest time of
// the processor.

import ArgumentParser
import AssayTensor
import Foundation

@main
struct Fuzz: ParsableCommand {
  @Option(help: "Inputs of each format.")
  var count = 10_000

  @Option(help: "Inputs are a function of it.")
  var seed: UInt64 = 1

  @Option(help: "One format alone. Default: all.")
  var format: String?

  @Option(help: "Where the input lies that is read.")
  var folder = FileManager.default.temporaryDirectory.appendingPathComponent("assay-fuzz").path

  @Option(help: "The checkout, whose fixtures are damaged.")
  var checkout = "."

  /// Seconds of the processor that an input may take, and MiB that all of a format may.
  private static let limits = (seconds: 10.0, megabytes: 2048)

  func run() throws {
    let folder = URL(fileURLWithPath: folder)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let chosen = Format.all.filter { format == nil || $0.name == format }
    guard !chosen.isEmpty else {
      let names = Format.all.map(\.name).joined(separator: ", ")
      throw ValidationError("--format is one of \(names)")
    }
    for format in chosen { try run(format, in: folder) }
  }

  private func run(_ format: Format, in folder: URL) throws {
    let file = folder.appendingPathComponent("input" + format.ending)
    let seeds = try format.seeds(URL(fileURLWithPath: checkout))
    guard !seeds.isEmpty else { throw ValidationError("\(format.name) has no fixtures here") }
    let mutation = Mutation(seeds: seeds, isText: format.isText)
    var (read, longest) = (0, 0.0)
    for number in 0..<count {
      let bytes = mutation.input(number, seed: seed)
      try Data(bytes).write(to: file)
      let start = Self.processorSeconds
      do {
        try format.read(bytes, file)
        read += 1
      } catch {
        // What it is refused with is a sentence.
        precondition(!String(describing: error).isEmpty, "an error without a word")
      }
      longest = max(longest, Self.processorSeconds - start)
      guard longest < Self.limits.seconds else {
        throw Failure("\(format.name), input \(number): took \(longest) s")
      }
    }
    guard ProcessMemory.peakMB < Self.limits.megabytes else {
      throw Failure("\(format.name): \(ProcessMemory.peakMB) MiB of memory at the most")
    }
    print(
      "\(format.name): \(count) inputs of \(seeds.count) seeds, \(read) read, at most \(Int(longest * 1000)) ms, "
        + "peak \(ProcessMemory.peakMB) MiB"
    )
  }

  /// What this process has computed for, so that other programs do not make an input slow.
  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// A bound that was broken.
  private struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}
