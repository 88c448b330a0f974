import AssayTensor
import AssayText
import Foundation

/// Errors of heads, with the file that they are about.
enum HeadErrors {
  /// Calls `body`; its errors name a folder's files.
  static func naming<Result>(
    weights: String,
    config: String,
    _ body: () throws -> Result
  ) throws -> Result {
    do { return try body() } catch let error as HeadError {
      switch error {
      case .weight(let name, let reason):
        throw ModelError.weight(file: weights, name: name, reason: reason)
      case .setting(let key, let reason):
        throw ModelError.configuration(file: config, key: key, reason: reason)
      case .token(let text): throw lacks(text, config)
      }
    }
  }

  private static func lacks(_ token: String, _ path: String) -> ModelError {
    ModelError.lacks(
      path: path,
      part: "token \"\(token.replacing("\n", with: "\\n"))\"",
      hint: "its vocabulary has no single token of this spelling, at which the score is read"
    )
  }
}
