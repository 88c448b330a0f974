// What records depend on, so that none of two settings come to stand in one file.
import AssayBase
import AssayData
import AssayModel
import AssayReward
import AssayRun
import AssayText
import Foundation

/// What records depend on, by option as it is spelt on the command line.
///
/// Files of records keep it beside them, as `FILE.settings.json`; stages of a run in their fingerprint.
package struct RecordSettings: Equatable, Sendable {
  /// The values by option; what cannot be shown, as `files of --model`, stands as a digest.
  package private(set) var values: [String: String] = [:]

  /// Makes settings of nothing.
  package init() {}

  /// Reads what stands beside a file of records, without what its items are; `nil` where nothing does.
  package init?(beside path: String) {
    guard let data = FileManager.default.contents(atPath: path + Self.ending),
      let values = try? JSONDecoder().decode([String: String].self, from: data)
    else { return nil }
    self.values = values.filter { !$0.key.hasPrefix("items of ") }
  }

  private static let ending = ".settings.json"
  /// What a model's scores of its fixed texts were, which another number of threads moves by rounding.
  package static let golden = "golden scores"

  /// What made the records, by its own name; `nil` where it is not told.
  package var model: String? { values["--model"] ?? values["--generator-model"] }

  /// Notes the value of an option.
  package mutating func set(_ option: String, _ value: some CustomStringConvertible) {
    values[option] = "\(value)"
  }

  /// Notes a model, by its folder's name, and the names, sizes and dates of its files.
  ///
  /// - Parameters:
  ///   - folder: The model's folder.
  ///   - path: As it was given.
  ///   - option: By which option.
  package mutating func set(model folder: URL, given path: String, by option: String = "--model") {
    set(option, URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent)
    set("files of \(option)", Self.files(folder))
  }

  /// Notes how critiques are written.
  ///
  /// - Parameters:
  ///   - critiques: How.
  ///   - tokens: Tokens that one may have; `nil` is what the model was trained for.
  package mutating func set(_ critiques: CritiqueSettings, tokens: Int?) {
    set("--samples", critiques.samples)
    set("--temperature", critiques.temperature)
    set("--top-p", critiques.topP)
    set("--max-tokens", tokens.map(String.init) ?? "default")
  }

  /// Notes how a judge compares.
  package mutating func set(_ judge: JudgeRater) {
    set("--task", judge.task.rawValue)
    set("--prompts", judge.prompts.name)
    if judge.settings.verdicts != .free { set("--verdicts", judge.settings.verdicts.rawValue) }
    let mass = judge.reading.letterMass
    if judge.task == .token, mass > 0 { set("--letter-mass", mass) }
    // A letter is not drawn, and has one judgement in each order.
    guard judge.task == .chain else { return }
    let settings = judge.settings
    set("--votes", settings.judgementCount)
    if let confidence = settings.confidence { set("--confidence", confidence) }
    set("--aggregate", settings.aggregation.rawValue)
    set("--temperature", settings.temperature ?? (settings.votes <= 2 ? 0 : 1))
    set("--top-p", settings.topP)
    set("--max-tokens", judge.judgementTokens)
  }

  /// The hash of all of them.
  package var digest: String {
    let parts = values.filter { $0.key != Self.golden }.sorted { $0.key < $1.key }
      .flatMap { [$0.key, $0.value] }
    return Digest.hex(parts.map { "\($0.utf8.count):\($0)" }.joined())
  }

  /// The fingerprint of a stage that depends on these settings.
  ///
  /// - Parameter inputs: Digests of what else it is made from.
  /// - Returns: The fingerprint.
  /// - Throws: `EncodingError`.
  package func fingerprint(inputs: [String: String]) throws -> Fingerprint {
    let named = values.filter { !Self.isDigest($0.key) }.map { option, value in
      (String(option.drop { $0 == "-" }.replacing("-", with: "_")), value)
    }
    let digests = values.filter { Self.isDigest($0.key) }
    let settings = Dictionary(uniqueKeysWithValues: named)
    return try Fingerprint(of: settings, inputs: inputs.merging(digests) { own, _ in own })
  }

  /// What differs from earlier settings, as "--votes 2, now 4".
  ///
  /// Another path to the same files is no change.
  package func changes(from old: [String: String]) -> [String] {
    let keys = Set(old.keys).union(values.keys).sorted()
    let changed = keys.filter { $0 != Self.golden && old[$0] != values[$0] }
    let shown = changed.filter { key in
      !Self.isDigest(key)
        && (values["files of \(key)"] == nil || changed.contains("files of \(key)"))
    }
    let digests = changed.filter { key in
      Self.isDigest(key) && !shown.contains { key.hasSuffix(" \($0)") }
    }
    return shown.map { "\($0) \(old[$0] ?? "not given"), now \(values[$0] ?? "not given")" }
      + digests.map { "the \($0) were other ones" }
  }

  private static func isDigest(_ key: String) -> Bool { key.contains(" of ") }

  /// The names, sizes and dates of a model's files.
  private static func files(_ model: URL) -> String {
    let manager = FileManager.default
    // A GGUF file is a model alone.
    let inside = try? manager.contentsOfDirectory(atPath: model.path).sorted()
    let folder = inside == nil ? model.deletingLastPathComponent() : model
    let parts = ["config.json", "tokenizer.json", "tokenizer_config.json", "assay.json"]
    let kinds = [".safetensors", ".bin", ".gguf"]
    return (inside ?? [model.lastPathComponent]).filter { name in
      parts.contains(name) || kinds.contains { name.hasSuffix($0) }
    }.map { name in
      let file = try? manager.attributesOfItem(atPath: folder.appendingPathComponent(name).path)
      let date = (file?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      return "\(name) \((file?[.size] as? Int) ?? 0) \(Int(date))"
    }.joined(separator: ", ")
  }
}

extension RecordSettings {
  /// What became of a claim.
  package enum Claim: Equatable, Sendable {
    /// The file is new, or was written with the same settings.
    case granted
    /// Nothing says what the records that are there were written with.
    case unknown(settings: String)
  }

  /// Whether a file is a plain one, or not there yet; a device or a pipe is left alone.
  package static func isPlain(_ path: String) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return attributes == nil || attributes?[.type] as? FileAttributeType == .typeRegular
  }

  /// Checks that a file's records were written with these settings, and notes these beside it.
  ///
  /// - Parameters:
  ///   - path: The file of records; what is no plain file is left alone.
  ///   - force: Whether to begin the file anew, whatever it holds.
  /// - Returns: Whether that could be checked.
  /// - Throws: `EvaluateError.changedSettings`, or `DataError` where a file cannot be removed or
  ///   written.
  package func claim(_ path: String, force: Bool) throws -> Claim {
    let manager = FileManager.default
    let attributes = try? manager.attributesOfItem(atPath: path)
    guard Self.isPlain(path) else { return .granted }
    let notes = path + Self.ending
    var claim = Claim.granted
    if attributes != nil, force {
      do { try manager.removeItem(atPath: path) } catch {
        throw DataError.unwritable(path: path, reason: "it cannot be removed")
      }
    } else if let size = attributes?[.size] as? Int, size > 0 {
      if let data = manager.contents(atPath: notes) {
        guard let old = try? JSONDecoder().decode([String: String].self, from: data) else {
          throw EvaluateError.changedSettings(
            file: path,
            changes: ["\(notes) does not tell which"]
          )
        }
        let changes = changes(from: old)
        guard changes.isEmpty else {
          throw EvaluateError.changedSettings(file: path, changes: changes)
        }
        return .granted
      }
      claim = .unknown(settings: notes)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try DurableFile.write(
        try encoder.encode(values) + Data("\n".utf8),
        to: URL(fileURLWithPath: notes)
      )
    } catch FileError.fileSystem(_, _, let reason) {
      throw DataError.unwritable(path: notes, reason: reason)
    }
    return claim
  }
}
