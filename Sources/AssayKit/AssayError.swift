/// A failure, in one sentence: what happened, where, what was expected, what to do.
public struct AssayError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  init(_ description: String) { self.description = description }

  /// Runs `body` and makes what it throws an error of this kind; cancellation stays what it is.
  static func wrap<Value>(
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Value
  ) async throws -> Value {
    do {
      return try await body()
    } catch let error as AssayError {
      throw error
    } catch let error as CancellationError {
      throw error
    } catch {
      throw AssayError("\(error)")
    }
  }
}
