import ArgumentParser
import AssayModel
import AssayReward
import AssayServe
import Foundation

/// Options of which models a server has.
struct ServedModelOptions: ParsableArguments {
  @Option(
    help: """
      A model folder, a run folder or a GGUF file; NAME=PATH gives it the name that clients ask for, \
      which is that of the folder otherwise. Give it again for more models on one port; requests that \
      name none are for the first. Adapters of one base, and the base itself, share its weights in memory.
      """
  )
  var model: [String]

  @Option(help: "The name of the first model, where --model gives none; again for other names.")
  var name: [String] = []

  func validate() throws {
    if name.contains("") { throw ValidationError("--name is empty") }
    if let twice = names.first(where: { own in names.count { $0 == own } > 1 }) {
      throw ValidationError("two models are called '\(twice)'; give --model NAME=PATH")
    }
  }

  /// The models, and what loads them.
  ///
  /// - Throws: `ModelError.notFound`, or `ValidationError` where the device cannot do it.
  func sources(
    _ inference: InferenceOptions,
    _ common: CommonOptions
  ) throws -> (first: ServeSource, others: [ServeSource]) {
    let folders = try model.indices.map { try ModelPath.folder(names(of: $0).path) }
    // Products beside a weight are sums of their own, whose order depends on the batch.
    let bases = inference.kernels.batchInvariant ? nil : try SharedBases(of: folders)
    let sources = try zip(model.indices, folders).map { index, folder in
      let (names, path) = names(of: index)
      return ServeSource(
        name: names[0],
        // verl asks by the path that it was given.
        aliases: names.dropFirst() + [path],
        card: KeptCard(of: folder),
        load: try inference.loader(folder, common, beside: bases)
      )
    }
    guard let first = sources.first else { throw ValidationError("--model is missing") }
    return (first, Array(sources.dropFirst()))
  }

  /// All names that clients may ask for.
  private var names: [String] { model.indices.flatMap { names(of: $0).names } }

  /// The names of a model, at least one, and its path.
  private func names(of index: Int) -> (names: [String], path: String) {
    let (own, path) = Self.parts(model[index])
    let given = (own.map { [$0] } ?? []) + (index == 0 ? name : [])
    return (given.isEmpty ? [Self.usualName(path)] : given, path)
  }

  /// The name and the path of an argument; a path that is there is no name.
  private static func parts(_ argument: String) -> (name: String?, path: String) {
    guard let mark = argument.firstIndex(of: "="), mark > argument.startIndex,
      !FileManager.default.fileExists(atPath: argument)
    else { return (nil, argument) }
    return (String(argument[..<mark]), String(argument[argument.index(after: mark)...]))
  }

  private static func usualName(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
  }
}
