import AssayBase
import AssayData
import AssayEvaluate
import AssayRun
import AssayStudy
import AssayTrain
import Foundation

/// A setting of a method: a number, a text, a truth value, or a list of these.
public enum Setting: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByStringLiteral, ExpressibleByBooleanLiteral
{
  /// A whole number.
  case integer(Int)
  /// A number.
  case number(Double)
  /// A text.
  case text(String)
  /// Yes or no.
  case truth(Bool)

  /// Makes a whole number.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// Makes a number.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// Makes a text.
  public init(stringLiteral value: String) { self = .text(value) }
  /// Makes a truth value.
  public init(booleanLiteral value: Bool) { self = .truth(value) }

  /// The value as recipes spell it; a JSON text is a YAML text.
  var spelling: String {
    switch self {
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .truth(let value): "\(value)"
    case .text(let value): JSONValue.string(value).compact
    }
  }
}

/// Trains a model by one of the methods, into a run folder that resumes.
///
/// ```swift
/// var training = Training(method: "classic", model: base, pairs: .file(pairs))
/// training.suites = ["test": .file(test)]
/// training.settings = ["classic.epochs": 2, "classic.optimizer.schedule.learning_rate": 1e-5]
/// let trained = try await training.run(in: folder)
/// let model = try await RewardModel.load(trained.folder)
/// ```
///
/// Interrupted, the same call goes on and ends in the same weights.
public struct Training: Sendable {
  /// Where pairs come from.
  public enum Pairs: Hashable, Sendable {
    /// A file of JSON Lines, in one of the shapes that `assay train` reads.
    case file(URL)
    /// Pairs in memory; they are kept in the run folder, for the run to be resumed.
    case list([Pair])
  }

  /// How right a model is on one section of a suite.
  public struct Accuracy: Hashable, Sendable {
    /// The share of pairs in which chosen is preferred.
    public let accuracy: Double
    /// Its 95 % interval over pairs.
    public let interval: ClosedRange<Double>
    /// How many pairs.
    public let count: Int
  }

  /// What training made.
  public struct Trained: Hashable, Sendable {
    /// The model's folder.
    public let folder: URL
    /// Accuracy by suite and section; `overall` is the suite's.
    public let results: [String: [String: Accuracy]]
  }

  /// The names of all methods.
  public static var methods: [String] { Methods.names }

  /// The method's name, one of `methods`.
  public var method: String
  /// The model to start from: its folder, or a run folder.
  public var model: URL
  /// What it learns from.
  public var pairs: Pairs
  /// What it is evaluated on, by name.
  public var suites: [String: Pairs] = [:]
  /// Settings by their place in a recipe, as `"classic.epochs": 2`.
  ///
  /// `assay train RECIPE --print-recipe` lists those of a method with their defaults.
  public var settings: [String: Setting] = [:]

  /// Makes a training of a method's defaults.
  public init(method: String, model: URL, pairs: Pairs) {
    self.method = method
    self.model = model
    self.pairs = pairs
  }

  /// Runs what is missing in a run folder.
  ///
  /// - Parameters:
  ///   - folder: The run folder; it is made where it is missing.
  ///   - progress: Hears one line for each stage and step.
  /// - Returns: The model and its results.
  /// - Throws: `AssayError` with every setting that cannot be used, the row that cannot be read, or
  ///   what else went wrong; what was computed stays, and the same call goes on from there.
  public func run(
    in folder: URL,
    progress: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> Trained {
    try await AssayError.wrap {
      let run = try RunFolder(folder)
      var overrides = [
        "method=\(Setting.text(method).spelling)",
        "model=\(Setting.text(model.path).spelling)",
        "data.train=\(try path(of: pairs, "train", in: folder))",
      ]
      for (name, pairs) in suites.sorted(by: { $0.key < $1.key }) {
        try Self.check(name)
        overrides.append("data.suites.\(name)=\(try path(of: pairs, "suite-\(name)", in: folder))")
      }
      overrides += settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.spelling)" }
      let recipe = try Recipe(try RecipeFile(text: "", name: "Training"), overrides: overrides)
      try await recipe.run(run) { event in
        if let line = event.line { progress(line) }
      }
      let report = try RunReport(run: run, command: "AssayKit")
      guard let checkpoint = RunFolder.lastCheckpoint(in: folder) else {
        throw AssayError("\(folder.path): the run is done and has no model.")
      }
      return Trained(folder: checkpoint, results: report.map(Self.results) ?? [:])
    }
  }

  /// Throws where a suite's name can be no part of a file's name and of a setting's.
  private static func check(_ suite: String) throws {
    let isUsable = suite.utf8.allSatisfy { byte in
      byte >= 0x20 && byte != 0x7F && !"./\\=".utf8.contains(byte)
    }
    guard isUsable, (1...200).contains(suite.utf8.count) else {
      throw AssayError(
        "Training.suites has the name '\(suite.prefix(200))': give 1 to 200 letters, digits, - and _."
      )
    }
  }

  /// The path of a file of pairs; those in memory are written into the run folder first.
  private func path(of pairs: Pairs, _ name: String, in folder: URL) throws -> String {
    switch pairs {
    case .file(let url): return Setting.text(url.path).spelling
    case .list(let list):
      for pair in list { try pair.check() }
      let url = folder.appendingPathComponent("data-\(name).jsonl")
      let lines = list.map { $0.own.json.compact + "\n" }.joined()
      try DurableFile.write(Data(lines.utf8), to: url)
      return Setting.text(url.path).spelling
    }
  }

  private static func results(_ report: RunReport) -> [String: [String: Accuracy]] {
    let suites = report.results.methods.values.first ?? [:]
    return suites.mapValues { sections in
      sections.mapValues { figure in
        Accuracy(
          accuracy: figure.accuracy,
          interval: figure.ci95[0]...max(figure.ci95[0], figure.ci95[1]),
          count: figure.n
        )
      }
    }
  }
}

extension RunEvent {
  /// The event as a line; `nil` where it is none.
  fileprivate var line: String? {
    switch self {
    case .stageStarted(let name, let number, _, let resumed):
      "stage \(number) \(name)" + (resumed > 0 ? ", goes on behind \(resumed)" : "")
    case .stageSkipped(let name, let number): "stage \(number) \(name): done before"
    case .step(let done, let total, let metrics, _):
      "\(done)/\(total)" + metrics.map { " \($0.name) \($0.value)" }.joined()
    case .tokens: nil
    case .stageFinished(let name, let number, let seconds):
      "stage \(number) \(name): \(Int(seconds.rounded())) s"
    case .message(let text), .warning(let text): text
    }
  }
}
