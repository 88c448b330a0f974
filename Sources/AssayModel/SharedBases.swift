import AssayTensor
import Foundation

/// The base models of adapters that several of a process's models stand beside: each is loaded once.
///
/// Models of one are loaded in one way: on one device, with weights of one type.
package final class SharedBases: @unchecked Sendable {  // the one thread that loads models uses it
  private let folders: Set<String>
  private var loaded: [String: DecoderWeights] = [:]

  /// Finds the base models that more than one model has.
  ///
  /// - Parameter models: Folders of models, adapters or not.
  /// - Throws: `ModelError` or `TensorError` for an adapter that is not supported, or has no base.
  package init(of models: [URL]) throws {
    let bases = try models.map { Self.key(try Adapter.base(of: $0)) }
    folders = Set(bases.filter { base in bases.count { $0 == base } > 1 })
  }

  /// The weights of a base model; `nil` where it is one model's alone.
  ///
  /// - Parameters:
  ///   - folder: The base model.
  ///   - load: Loads it.
  /// - Returns: The weights, loaded when they are first asked for.
  /// - Throws: What `load` throws.
  func weights(of folder: URL, load: () throws -> DecoderWeights) rethrows -> DecoderWeights? {
    let key = Self.key(folder)
    guard folders.contains(key) else { return nil }
    if let known = loaded[key] { return known }
    let weights = try load()
    loaded[key] = weights
    return weights
  }

  private static func key(_ folder: URL) -> String {
    folder.standardizedFileURL.resolvingSymlinksInPath().path
  }
}
