import AssayGenerate
import AssayModel

/// The way of one request to a model that another thread owns: it waits for what the model's queue
/// brings back.
struct QueuedPort: ModelPort, Sendable {
  /// The model.
  let model: ServedModel
  /// The request, whose end ends its work.
  let scope: RequestScope

  /// What turns conversations into the model's tokens.
  var text: ModelText { model.text }

  /// Lets the model write texts; see `ModelPort`.
  ///
  /// - Throws: `GenerationError`, `TensorError`, or what ends the request.
  nonisolated(nonsending) func texts(
    _ requests: [GenerationRequest],
    onFinished: (Int, Generation) throws -> Void
  ) async throws -> [Generation] {
    var texts = [Generation?](repeating: nil, count: requests.count)
    for try await event in scope.submit(.texts(requests), to: model.queue).events {
      guard case .text(let place, let text) = event else { continue }
      texts[place] = text
      try onFinished(place, text)
    }
    return try complete(texts)
  }

  /// Lets the model read tokens; see `ModelPort`.
  ///
  /// - Throws: `GenerationError`, `TensorError`, or what ends the request.
  nonisolated(nonsending) func values(
    _ passes: [ModelPass],
    _ reading: ModelPass.Reading,
    onRead: (Int, PassValue) throws -> Void
  ) async throws -> [PassValue] {
    var values = [PassValue?](repeating: nil, count: passes.count)
    // The queue keeps the order of a job's passes.
    for try await event in scope.submit(.passes(passes, reading), to: model.queue).events {
      guard case .value(let place, let value) = event else { continue }
      values[place] = value
      try onRead(place, value)
    }
    return try complete(values)
  }

  /// Begins to write texts whose tokens are told as they come.
  func stream(_ requests: [GenerationRequest]) -> ModelJob {
    scope.submit(.texts(requests), to: model.queue, wantsTokens: true)
  }

  /// A task that is cancelled sees its stream end early, without an error.
  private func complete<Value>(_ values: [Value?]) throws -> [Value] {
    let there = values.compactMap(\.self)
    guard there.count == values.count else { throw scope.reason ?? .disconnected }
    return there
  }
}
