import ArgumentParser
import AssayData
import AssayReward
import AssayTensor
import AssayText
import AssayTrain
import Foundation

/// What the records of a file depend on, by option; kept in `FILE.settings.json` beside it.
struct RecordSettings {
  private(set) var values: [String: String] = [:]

  /// Names, sizes and dates of a model's files: compared, and never shown.
  private static let filesKey = "files of --model"

  /// Makes settings of a model.
  ///
  /// - Parameters:
  ///   - model: A model folder or a run folder; `nil` for one at an endpoint.
  ///   - remote: The model at an endpoint.
  ///   - inference: How a model on this machine computes.
  ///   - common: Its type, and the seed.
  /// - Throws: `ModelError.notFound`.
  init(
    model: String?,
    remote: GeneratorOptions,
    inference: InferenceOptions,
    common: CommonOptions
  ) throws {
    set("--seed", common.seed)
    guard let model else {
      set("--generator-model", remote.generatorModel ?? "")
      return
    }
    set("--model", URL(fileURLWithPath: model).standardizedFileURL.lastPathComponent)
    set(Self.filesKey, InputDigest.model(try ModelPath.folder(model)))
    set("--dtype", (common.computeType ?? .f32).rawValue)
    set("--weights", inference.kernels.weights.rawValue)
    set("--batch-invariant", inference.kernels.batchInvariant)
    set("--approximate-template", inference.approximateTemplate)
  }

  /// Notes the value of an option.
  mutating func set(_ option: String, _ value: some CustomStringConvertible) {
    values[option] = "\(value)"
  }

  /// Notes how a judge compares.
  mutating func set(_ judge: JudgeRater) {
    set(judge.settings, judge.task, judge.prompts, tokens: judge.judgementTokens)
  }

  private mutating func set(
    _ settings: JudgeSettings,
    _ task: RolePrompts.JudgeTask,
    _ prompts: RolePrompts,
    tokens: Int
  ) {
    set("--task", task.rawValue)
    set("--prompts", prompts.name)
    // A letter is not drawn, and has one judgement in each order.
    guard task == .chain else { return }
    set("--votes", 2 * ((settings.votes + 1) / 2))
    set("--aggregate", settings.aggregation.rawValue)
    set("--temperature", settings.temperature ?? (settings.votes <= 2 ? 0 : 1))
    set("--top-p", settings.topP)
    set("--max-tokens", tokens)
  }

  /// Notes how critiques are written.
  mutating func set(_ settings: CritiqueSettings) {
    set("--samples", settings.samples)
    set("--temperature", settings.temperature)
    set("--top-p", settings.topP)
    set("--max-tokens", settings.tokens.map(String.init) ?? "default")
  }

  /// What differs from earlier settings, as "--votes 2, now 4".
  func changes(from old: [String: String]) -> [String] {
    // Another path to the same files is no change.
    let isSameModel = old[Self.filesKey] == values[Self.filesKey]
    var changes = Set(old.keys).union(values.keys).sorted().compactMap { key -> String? in
      guard key != Self.filesKey, old[key] != values[key] else { return nil }
      guard key != "--model" || !isSameModel else { return nil }
      return "\(key) \(old[key] ?? "not given"), now \(values[key] ?? "not given")"
    }
    if !isSameModel, old["--model"] == values["--model"] {
      changes.append("the files of --model were other ones")
    }
    return changes
  }
}

/// Records that were written with other settings than those given.
struct ChangedSettings: Error, CustomStringConvertible {
  let path: String
  let changes: [String]

  var description: String {
    "\(path) was written with other settings (\(changes.joined(separator: "; "))): choose another "
      + "--out, or begin it anew with --force."
  }
}

/// A record of a file that is to be continued, of other data than those given.
struct ForeignRecord: Error, CustomStringConvertible {
  let path: String
  /// The line, from 1.
  let line: Int
  /// What the line is not.
  let expected: String

  var description: String {
    "\(path):\(line): this was not written from \(expected): choose another --out, or begin it anew "
      + "with --force."
  }
}

/// Options of commands that append records to a file.
struct RecordOptions: ParsableArguments {
  @Flag(
    help: """
      Begin the file of records anew, whatever it holds. Default: go on where it stopped; one that \
      was written with other settings is refused.
      """
  )
  var force = false

  /// Checks that a file's records were written with the settings given, and notes these beside it.
  ///
  /// - Parameters:
  ///   - out: The file of records; `nil`, `-` and what is no plain file are left alone.
  ///   - settings: What the records depend on.
  ///   - common: Says whether a warning is wanted.
  /// - Throws: `ChangedSettings`, or `DataError` where a file cannot be removed or written.
  func claim(_ out: String?, _ settings: RecordSettings, _ common: CommonOptions) throws {
    guard let out, out != "-" else { return }
    let manager = FileManager.default
    let attributes = try? manager.attributesOfItem(atPath: out)
    guard attributes == nil || attributes?[.type] as? FileAttributeType == .typeRegular else {
      return
    }
    let path = out + ".settings.json"
    if attributes != nil, force {
      do { try manager.removeItem(atPath: out) } catch {
        throw DataError.unwritable(path: out, reason: "it cannot be removed")
      }
    } else if let size = attributes?[.size] as? Int, size > 0 {
      if let data = manager.contents(atPath: path) {
        guard let old = try? JSONDecoder().decode([String: String].self, from: data) else {
          throw ChangedSettings(path: out, changes: ["\(path) does not tell which"])
        }
        let changes = settings.changes(from: old)
        guard changes.isEmpty else { throw ChangedSettings(path: out, changes: changes) }
        return
      }
      if !common.isQuiet {
        Output.error("\(path) is missing: what \(out) was written with is not checked")
      }
    }
    do {
      try ResultsJSON.data(settings.values).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw DataError.unwritable(path: path, reason: "it cannot be written")
    }
  }
}
