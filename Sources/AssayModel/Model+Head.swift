// A folder's head: what is known of it, its weights, and what its errors say.

import AssayTensor
import AssayText
import Foundation

extension ConfigFile: HeadSettings {}

/// Weights of several sources, of which the first that has a name gives it.
struct JoinedWeights: WeightsSource {
  let names: [String]
  var metadata: [String: String] { parts.first?.source.metadata ?? [:] }

  private let parts: [(prefix: String, source: any WeightsSource)]

  /// Joins sources, the names of each behind a prefix.
  init(_ parts: [(prefix: String, source: any WeightsSource)]) {
    self.parts = parts
    names = Set(parts.flatMap { part in part.source.names.map { part.prefix + $0 } }).sorted()
  }

  private func find(_ name: String) -> (name: String, source: any WeightsSource)? {
    for part in parts where name.hasPrefix(part.prefix) {
      let bare = String(name.dropFirst(part.prefix.count))
      if part.source.dtype(of: bare) != nil { return (bare, part.source) }
    }
    return nil
  }

  func shape(of name: String) -> [Int]? { find(name).flatMap { $1.shape(of: $0) } }
  func dtype(of name: String) -> DType? { find(name).flatMap { $1.dtype(of: $0) } }

  func tensor(named name: String) throws -> Tensor {
    guard let (bare, source) = find(name) else {
      throw ModelError.weight(file: "the model", name: name, reason: "is missing")
    }
    return try source.tensor(named: bare)
  }
}

extension Model {
  /// Files that hold a head beside the model's own, and what their names are put behind: LLaMA-Factory's
  /// value head, and the two of LDL-Reward.
  private static let headFiles: [(file: String, prefix: String)] = [
    ("value_head.safetensors", ""), ("value_head.bin", ""),
    ("regression_layer.pt", "regression_layer."), ("gating_layer.pt", "gating_layer."),
  ]

  /// A folder's weights with those of a head that lies beside them.
  static func withHeadFiles(
    _ weights: any WeightsSource,
    in folder: URL
  ) throws -> any WeightsSource {
    var parts: [(prefix: String, source: any WeightsSource)] = [("", weights)]
    for (name, prefix) in headFiles {
      let url = folder.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: url.path) else { continue }
      let source: any WeightsSource =
        url.pathExtension == "safetensors" ? try SafetensorsFile(url) : try PyTorchFile(url)
      parts.append((prefix, source))
    }
    return parts.count == 1 ? weights : JoinedWeights(parts)
  }

  /// The head of a folder; `nil` of a language model.
  ///
  /// - Parameters:
  ///   - source: The weights.
  ///   - evidence: What is known of the folder.
  ///   - config: The file of its settings, for errors.
  ///   - device: Where the weights go.
  /// - Returns: The head.
  /// - Throws: `ModelError` where a part of the head is missing.
  static func loadHead(
    _ source: Checkpoint,
    _ evidence: HeadEvidence,
    config: String,
    _ device: Device
  ) throws -> RewardHead? {
    if evidence.choice?.readsVocabulary == true { return nil }
    let descriptor = try HeadErrors.naming(weights: source.file, config: config) {
      try HeadLayout.recognise(evidence)
    }
    return try descriptor.map { descriptor in
      try RewardHead(descriptor, device: device) { try source.tensor($0, $1, isInBackbone: false) }
    }
  }
}

extension Model.Weights {
  /// The head that a choice makes of the output embedding; `nil` where none is chosen.
  ///
  /// - Parameters:
  ///   - tokenizer: What knows the tokens.
  ///   - folder: Named in errors.
  /// - Returns: The head.
  /// - Throws: `ModelError` where there is no output embedding, or no such token.
  func chosenHead(_ tokenizer: any Tokenizer, _ folder: URL) throws -> RewardHead? {
    let descriptor = try HeadErrors.naming(weights: folder.path, config: folder.path) {
      try choice?.descriptor(
        tokenizer,
        vocabularySize: decoder.configuration.vocabularySize
      )
    }
    guard let descriptor else { return nil }
    guard decoder.isLanguageModel else {
      throw ModelError.weight(
        file: folder.path,
        name: "lm_head.weight",
        reason: "is missing, and --head asks for its rows"
      )
    }
    return try RewardHead(descriptor, device: decoder.device) { name, _ in
      throw ModelError.weight(file: folder.path, name: name, reason: "is missing")
    }
  }
}

extension ModelManifest {
  /// What `head` says; `nil` where it is not there.
  ///
  /// - Parameter folder: Named in the error.
  /// - Returns: The choice.
  /// - Throws: `ModelError.configuration` where it is not spelt as `--head` is.
  func headChoice(_ folder: URL) throws -> HeadChoice? {
    try head.map { text in
      guard let choice = HeadChoice(text) else {
        throw ModelError.configuration(
          file: folder.appendingPathComponent(Self.fileName).path,
          key: "head",
          reason:
            "\(text) is not logit:A, logit:A-B, probability:A-B, expected:1-5, row:I, row:I-J, softmax:I or mean"
        )
      }
      return choice
    }
  }
}
