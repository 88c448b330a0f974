import AssayBase
import AssayModel
import AssayText

/// The one way to a model's weights: texts to write, and tokens to read in one pass.
///
/// Scores, verdicts and texts are made of what it gives, the same for the command line, training and
/// the server: a `LocalPort` computes at once, another may hand the work to the model's owner.
package protocol ModelPort {
  /// What turns conversations into the model's tokens.
  var text: ModelText { get }

  /// Writes a text for each request, many at once.
  ///
  /// - Parameters:
  ///   - requests: What to write.
  ///   - onFinished: Called with a request's index and its text as soon as that is there, in any
  ///     order; an error that it throws ends the work.
  /// - Returns: The texts, in the order of the requests.
  /// - Throws: `GenerationError` for a request that cannot be served, `TensorError` where memory runs
  ///   out, or what ends the work.
  nonisolated(nonsending) func texts(
    _ requests: [GenerationRequest],
    onFinished: (Int, Generation) throws -> Void
  ) async throws -> [Generation]

  /// Reads tokens in as few forward passes as memory allows.
  ///
  /// - Parameters:
  ///   - passes: What to read.
  ///   - reading: What is made of each.
  ///   - onRead: Called with the index and value of each pass once it is known, in order; an error
  ///     that it throws ends the work.
  /// - Returns: One value a pass, in their order.
  /// - Throws: `ModelError.lacks` where there is no head, `TensorError` where memory runs out, or what ends the work.
  nonisolated(nonsending) func values(
    _ passes: [ModelPass],
    _ reading: ModelPass.Reading,
    onRead: (Int, PassValue) throws -> Void
  ) async throws -> [PassValue]

  /// Forgets texts that were kept, as all that were asked for are in records.
  ///
  /// - Throws: `FileError` where their file cannot be cut.
  func forgetKept() throws
}

extension ModelPort {
  /// Forgets nothing: who keeps texts says so.
  package func forgetKept() throws {}

  /// Writes a text for each request, all at the end.
  nonisolated(nonsending) package func texts(
    _ requests: [GenerationRequest]
  ) async throws -> [Generation] {
    try await texts(requests) { _, _ in }
  }

  /// Reads tokens, all values at the end.
  nonisolated(nonsending) package func values(
    _ passes: [ModelPass],
    _ reading: ModelPass.Reading
  ) async throws -> [PassValue] {
    try await values(passes, reading) { _, _ in }
  }
}

/// A model that the caller owns, which computes on the calling thread.
///
/// A signal that asks to stop ends the work between two steps (`Interruption`).
package final class LocalPort: ModelPort {
  /// The model.
  package let model: Model
  /// What turns conversations into the model's tokens.
  package let text: ModelText
  private let engine: GenerationEngine
  private let reader: PassReader
  /// Tokens that one forward pass packs.
  private let passTokens: Int
  /// Where texts are kept as soon as they are finished; `nil` keeps none.
  package var kept: KeptTexts?
  /// Called with the number of tokens that a step wrote.
  package var onTokens: (Int) throws -> Void = { _ in }

  /// Tokens that one forward pass packs where nobody says.
  package static let usualPassTokens = 16384

  /// Makes a port.
  ///
  /// - Parameters:
  ///   - model: The model; its weights must not change while it computes.
  ///   - passTokens: Tokens that one forward pass packs.
  /// - Throws: `TextError` where the template does not fit the vocabulary.
  package init(_ model: Model, passTokens: Int = usualPassTokens) throws {
    self.model = model
    self.passTokens = passTokens
    text = try ModelText(model)
    engine = GenerationEngine(model)
    reader = PassReader(model.decoder, head: model.head)
  }

  /// Writes texts; see `ModelPort`.
  ///
  /// - Throws: As `GenerationEngine.run(_:onFinished:onTokens:)`, or `FileError` where a text cannot be kept.
  package nonisolated(nonsending) func texts(
    _ requests: [GenerationRequest],
    onFinished: (Int, Generation) throws -> Void
  ) async throws -> [Generation] {
    guard let kept else {
      return try engine.run(requests, onFinished: onFinished, onTokens: onTokens)
    }
    try engine.check(requests)
    let keys = requests.map(kept.key)
    var results = keys.map(kept.text)
    let missing = results.indices.filter { results[$0] == nil }
    for (index, text) in results.enumerated() {
      if let text { try onFinished(index, text) }
    }
    _ = try engine.run(
      missing.map { requests[$0] },
      onFinished: { place, text in
        let index = missing[place]
        try kept.append(keys[index], text)
        results[index] = text
        try onFinished(index, text)
      },
      onTokens: onTokens
    )
    return results.compactMap(\.self)
  }

  /// Forgets texts that were kept; see `ModelPort`.
  package func forgetKept() throws { try kept?.empty() }

  /// Reads tokens; see `ModelPort`.
  ///
  /// - Throws: As `PassReader.read(_:_:)`, `CancellationError`, `Interrupted`, or what `onRead` throws.
  package nonisolated(nonsending) func values(
    _ passes: [ModelPass],
    _ reading: ModelPass.Reading,
    onRead: (Int, PassValue) throws -> Void
  ) async throws -> [PassValue] {
    var values: [PassValue] = []
    while values.count < passes.count {
      try Task.checkCancellation()
      try Interruption.check()
      let start = values.count
      var (end, tokens) = (start, 0)
      while end < passes.count, end == start || tokens + passes[end].tokens.count <= passTokens {
        tokens += passes[end].tokens.count
        end += 1
      }
      for value in try reader.read(Array(passes[start..<end]), reading) {
        values.append(value)
        try onRead(values.count - 1, value)
      }
    }
    return values
  }
}
