import AssayBase
import AssayTensor
import AssayText
import Foundation

/// A model written in another layout, with golden texts and scores that whoever loads it can check.
package struct ModelExport {
  /// How a model lies on disk.
  package enum Layout: String, CaseIterable, Sendable {
    /// A folder in Hugging Face's layout with all weights; an adapter is merged into its base.
    case full
    /// The same, of an adapter alone.
    case merged
    /// The adapter, as PEFT reads it.
    case adapter
    /// One GGUF file, matrices in float16.
    case ggufF16 = "gguf-f16"
    /// One GGUF file, matrices in blocks of 8 bits.
    case ggufQ8 = "gguf-q8_0"

    /// How a GGUF file keeps matrices; `nil` for a folder.
    fileprivate var storage: GGUFContents.Storage? {
      switch self {
      case .ggufF16: .f16
      case .ggufQ8: .q8_0
      case .full, .merged, .adapter: nil
      }
    }
  }

  /// What was written.
  package struct Result: Equatable, Sendable {
    /// The folder or the GGUF file.
    package let url: URL
    /// How many golden scores it carries.
    package let goldenCount: Int
    /// The largest difference of a golden score from the one before; `nil` where there are none.
    package let goldenDifference: Double?
  }

  private let source: URL
  private let out: URL
  private let layout: Layout

  /// Makes ready to export.
  ///
  /// - Parameters:
  ///   - source: The model.
  ///   - out: A folder that is new or empty; for GGUF also the file, by its ending.
  ///   - layout: How it is written.
  package init(_ source: URL, to out: URL, layout: Layout) {
    self.source = source
    self.out = out
    self.layout = layout
  }

  /// Writes the model, loads what was written, and compares golden scores.
  ///
  /// - Parameter dtype: The type of the weights in a folder; `nil` is that which they have.
  /// - Returns: Where it is, and how far golden scores moved.
  /// - Throws: `ModelError` where the model cannot be written so, or where what was written scores
  ///   otherwise than rounding explains; `TensorError.cannotWrite`.
  package func run(dtype: DType? = nil) throws -> Result {
    let adapter = try Adapter(at: source)
    if layout == .merged || layout == .adapter, adapter == nil {
      throw ModelError.lacks(
        path: source.path,
        part: "adapter",
        hint: "only a folder with adapter_config.json can be exported as \(layout.rawValue)"
      )
    }
    let model = try Model.load(source)
    try model.checkGolden(source.path)
    let before = try model.goldenScores()
    let type = try dtype ?? storedType() ?? .float32
    if let storage = layout.storage, out.pathExtension.lowercased() == "gguf" {
      guard !FileManager.default.fileExists(atPath: out.path) else {
        throw TensorError.cannotWrite(file: out.path, reason: "it is there already")
      }
      let written = try GGUFExport(model, storage: storage, to: out).write()
      return try compare(before, written, out, isRounded: true)
    }
    try requireEmpty(out)
    // A folder has its name once it is whole, so that what was cut off can be done again.
    return try DurableFile.withFolder(out) { folder in
      let written: Model
      var place = out
      if let storage = layout.storage {
        let name = "model-\(layout.rawValue.dropFirst(5)).gguf"
        place = out.appendingPathComponent(name)
        written = try GGUFExport(model, storage: storage, to: folder.appendingPathComponent(name))
          .write()
      } else {
        if let adapter, layout == .adapter {
          try adapter.export(model, to: folder)
        } else {
          try model.save(to: folder, dtype: type)
          try copyText(to: folder)
        }
        written = try Model.load(folder)
      }
      let isRounded = layout.storage != nil || layout != .adapter && type != .float32
      return try compare(before, written, place, isRounded: isRounded)
    }
  }

  /// Compares golden scores; what was rounded may differ by rounding.
  private func compare(
    _ before: [ModelManifest.Golden]?,
    _ written: Model,
    _ place: URL,
    isRounded: Bool
  ) throws -> Result {
    try written.checkGolden(place.path)
    guard let before, let after = try written.goldenScores(), before.count == after.count else {
      return Result(url: place, goldenCount: 0, goldenDifference: nil)
    }
    let execution = Execution(weights: isRounded ? .int8 : .plain)
    let limit = Model.goldenTolerance(execution)
    let differences = zip(before, after).map { abs($0.score - $1.score) }
    for (difference, golden) in zip(differences, before)
    where difference > limit * max(1, abs(golden.score)) {
      throw ModelError.configuration(
        file: place.path,
        key: "golden",
        reason: "what was written scores \(difference) off the model's \(golden.score), more than "
          + "rounding explains; export another layout"
      )
    }
    return Result(url: place, goldenCount: after.count, goldenDifference: differences.max())
  }

  /// Makes sure that the folder which is written holds nothing.
  private func requireEmpty(_ folder: URL) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    guard names.isEmpty else {
      throw TensorError.cannotWrite(
        file: folder.path,
        reason: "the folder is not empty; give a new one"
      )
    }
  }

  /// The type that most of the source's numbers have.
  private func storedType() throws -> DType? {
    guard try GGUFModel(at: source) == nil else { return .float16 }
    let weights = try WeightsFolder(try Adapter(at: source)?.base ?? source)
    let types = weights.names.compactMap { name in
      weights.dtype(of: name).map { ($0, weights.shape(of: name)?.reduce(1, *) ?? 0) }
    }
    let counts = Dictionary(types, uniquingKeysWith: +)
    let found = counts.max { $0.value < $1.value }?.key
    return [.bfloat16, .float16].contains(found) ? found : .float32
  }

  private static let textFiles = [
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
    "chat_template.jinja", "chat_template.json", "generation_config.json",
  ]

  /// Takes the files of the tokenizer and the template along as they are, where there are such.
  private func copyText(to folder: URL) throws {
    let base = try Adapter(at: source)?.base
    guard let own = [source, base].compactMap({ $0 }).first(where: TokenizerFile.isPresent)
    else { return }
    for name in Self.textFiles {
      let file = own.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      try TextFile.write(try TextFile.read(file), to: folder.appendingPathComponent(name))
    }
  }
}
