import ArgumentParser

/// Bounds of numeric options; beyond them lie numbers with which no run could end.
enum Limit {
  /// Texts, votes, prompts: what one item asks for.
  static let count = 1...100_000
  /// Tokens of one text.
  static let tokens = 1...16_777_216
  /// Items of a file that is made.
  static let items = 0...100_000_000
  static let threads = 1...4096
  /// Processes at once.
  static let jobs = 1...256
  static let temperature: ClosedRange<Float> = 0...100
  /// Mebibytes: up to 16 TiB.
  static let mebibytes = 1...16_777_216
  static let seconds = 0.001...1_000_000.0

  /// Refuses a number outside of an option's bounds.
  ///
  /// - Parameters:
  ///   - option: How it is spelt, as `--samples`.
  ///   - value: Its value; `nil` where it was not given.
  ///   - range: What it may be.
  /// - Throws: `ValidationError`.
  static func check<Number: Comparable>(
    _ option: String,
    _ value: Number?,
    in range: ClosedRange<Number>
  ) throws {
    guard let value, !range.contains(value) else { return }
    throw ValidationError(
      "\(option) is from \(range.lowerBound) to \(range.upperBound), not \(value)"
    )
  }

  /// Refuses a share that is not above 0 and at most 1.
  ///
  /// - Throws: `ValidationError`.
  static func check(share option: String, _ value: Float?) throws {
    guard let value, !(value > 0 && value <= 1) else { return }
    throw ValidationError("\(option) is above 0 and at most 1, not \(value)")
  }
}
