import ArgumentParser
import AssayRun
import AssayStudy
import AssayTensor
import AssayTrain
import Foundation

struct CompareCommand: AssayCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Trains and evaluates methods side by side, on equal terms.",
    discussion: """
      One file names methods, seeds, data and suites. What is there already is not made again; \
      interrupted, the same command goes on.
      """
  )

  @Argument(help: "The specification, a YAML file.")
  var specification: String

  @Option(name: .customLong("set"), help: "A setting that wins over the file, as a.b=value.")
  var overrides: [String] = []

  @Option(help: "The folder. Default: runs/ and the specification's name.")
  var out: String?

  @Option(
    parsing: .upToNextOption,
    help: """
      Run nothing: report what is finished in these folders, as of seeds that run apart; or pool \
      these results.json files, of seeds with pairs of their own (evaluation.parts). Default: none.
      """
  )
  var reportOf: [String] = []

  @Option(
    help: """
      How many methods run at once, in processes of their own that share the threads. Default: 1.
      """
  )
  var jobs = 1

  @Flag(help: .hidden)
  var worker = false

  @Flag(help: "Print all settings and stop.")
  var printRecipe = false

  @OptionGroup var common: CommonOptions

  var finishesSteps: Bool { true }

  func validate() throws {
    try Limit.check("--jobs", jobs, in: Limit.jobs)
    if jobs > 1, !reportOf.isEmpty {
      throw ValidationError("--report-of runs nothing: leave --jobs out")
    }
    if Self.arePooled(reportOf), !reportOf.allSatisfy({ $0.hasSuffix(".json") }) {
      throw ValidationError("--report-of takes folders or results.json files, not both at once")
    }
  }

  /// Whether results are given instead of folders.
  private static func arePooled(_ paths: [String]) -> Bool {
    paths.contains { $0.hasSuffix(".json") }
  }

  func execute() async throws {
    let url = URL(fileURLWithPath: specification)
    let settings = overrides + common.recipeSettings
    let recipe = try StudyRecipe(try RecipeFile(contentsOf: url), overrides: settings)
    if printRecipe {
      try Output.result(recipe.resolved)
      return
    }
    let display = common.progress
    let folder = URL(
      fileURLWithPath: out ?? "runs/\(url.deletingPathExtension().lastPathComponent)"
    )
    if worker {
      return try await StudyWorker(
        recipe: recipe,
        folder: folder,
        failure: { (ExitStatus.text($0), ExitStatus.code($0)) },
        tell: { try Output.json($0) }
      ).run()
    }
    let command = (["assay"] + CommandLine.arguments.dropFirst()).joined(separator: " ")
    if Self.arePooled(reportOf) {
      let report = ComparisonReport(try pooled(), command: command)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      return try common.show(report, in: folder)
    }
    let study: Study
    if reportOf.isEmpty {
      study = try await recipe.run(folder, elsewhere: elsewhere(folder, display)) {
        display.handle($0)
      }
    } else {
      study = try Study.joined(reportOf.map { URL(fileURLWithPath: $0) })
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    try common.show(try ComparisonReport(study, folder: folder, command: command), in: folder)
  }

  /// The results of the files named, as one.
  private func pooled() throws -> ComparisonResults {
    try .pooled(
      try reportOf.map { try ComparisonResults(contentsOf: URL(fileURLWithPath: $0)) },
      names: reportOf
    )
  }

  /// What runs parts at once, where that is asked for.
  private func elsewhere(
    _ folder: URL,
    _ display: ProgressDisplay
  ) -> (([StudyPart]) async throws -> Void)? {
    guard jobs > 1 else { return nil }
    let threads = max(1, (common.threads ?? Engine.threads) / jobs)
    let settings = (overrides + common.recipeSettings).flatMap { ["--set", $0] }
    let workers = StudyWorkers(
      count: jobs,
      arguments: ["compare", specification, "--out", folder.path, "--worker", "--quiet"]
        + ["--threads", "\(threads)"] + settings,
      events: { display.handle($0) }
    )
    return { parts in
      try workers.run(parts, parts.first?.isTrial == true ? "search" : "methods")
    }
  }
}
